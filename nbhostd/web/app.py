"""The web application of the student's floor: routes, the rule of hosts, and errors made into pages."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.headers import is_navigation
from nbhostd.core.model import Route
from nbhostd.core.subject import subject
from nbhostd.core.urls import LAUNCH_NAMES, host_label
from nbhostd.web.assets import PREFIX as ASSETS
from nbhostd.web.context import Context, WebSettings
from nbhostd.web.enter import Enter
from nbhostd.web.faults import Fault, fault_of
from nbhostd.web.login import login_address
from nbhostd.web.pages import BADGES, is_program
from nbhostd.web.retired import Retired
from nbhostd.web.student import Student
from nbhostd.web.waiting import Waiting

__all__ = ["Context", "Floor", "WebSettings"]

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20
"""Bytes of a request's body that our own pages read; what goes to a workspace is streamed and not counted."""

_SECRET = "{secret:[A-Za-z0-9_-]{22}}"
# Slashes may be doubled anywhere: LMS pages are made from a server URL with or without one at its end.
_LAUNCH = f"/{{launch:/*(?:{'|'.join(LAUNCH_NAMES)})(?:/(?s:.*))?}}"


_FRAMED = (*LAUNCH_NAMES, "visit/", "behind/", "earlier/", "builds/", "shared/")
"""Where addresses begin that platforms show in frames."""


class Mountable(Protocol):
    """Whoever has routes of its own: the proxy, and each further room of the web floor."""

    def add_to(self, router: web.UrlDispatcher) -> None: ...


class Floor:
    """The student's floor: made first, then the proxy that calls `on_visit` and `on_error`, then the application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.waiting = Waiting(context)
        self._student = Student(context, self.waiting)

    async def on_visit(self, request: web.Request, route: Route) -> web.StreamResponse:
        """The answer to a page load of a workspace that is not ready."""
        return await self._student.wake(request, route)

    def on_error(self, request: web.BaseRequest, error: NbhostdError) -> web.StreamResponse:
        """The answer to whoever is refused."""
        _log(request, error)
        return self._context.pages.error(request, fault_of(error))

    def application(self, proxy: Mountable, rooms: Sequence[Mountable] = ()) -> web.Application:
        """The application: our routes, those of `rooms`, and after them the proxy's."""
        context, waiting, enter = self._context, self.waiting, Enter(self._context)
        app = web.Application(middlewares=[_errors(context), _hosts(context)], client_max_size=MAX_BODY)
        get = app.router.add_get
        get("/healthz", _healthz)
        get(ASSETS + "{digest}/{name}", context.pages.assets.serve)
        get(_LAUNCH, self._student.launch, allow_head=False)
        get("/visit/{ticket}", waiting.show, allow_head=False)
        get("/visit/{ticket}/events", waiting.events, allow_head=False)
        get("/visit/{ticket}/again", waiting.again, allow_head=False)
        get(f"/w/{_SECRET}/.nbhostd/enter", enter.enter, allow_head=False)
        get(f"/w/{_SECRET}/.nbhostd/entered", enter.entered, allow_head=False)
        get(f"/w/{_SECRET}/.nbhostd/tab", enter.tab, allow_head=False)
        for room in (Retired(), *rooms):
            room.add_to(app.router)
        get("/", self._home)  # where no room has a first page of its own
        proxy.add_to(app.router)
        app.on_shutdown.append(waiting.close)
        return app

    async def _home(self, request: web.Request) -> web.StreamResponse:
        return self._context.pages.render(request, "home.html")


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="alive\n", headers={hdrs.CACHE_CONTROL: "no-store", hdrs.SERVER: "nbhostd"})


def _hosts(context: Context) -> Middleware:
    """With origins per workspace, a workspace's host has that workspace and nothing else, and no other host has any."""

    @web.middleware
    async def hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
        domain = context.settings().workspace_domain
        if domain and not request.path.startswith(ASSETS):
            on_workspace_host = host_label(request.headers.get(hdrs.HOST, ""), domain) is not None
            if on_workspace_host != request.path.startswith("/w/"):
                raise Refused("This is not at this address.", status=421, reason="wrong-host")
        return await handler(request)

    return hosts


def _errors(context: Context) -> Middleware:
    """Whatever goes wrong below becomes a page, or JSON for a program; a bug shows nothing but a number of the log."""

    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except NbhostdError as error:
            fault = fault_of(error)
            if fault.reason == "not-logged-in" and is_navigation(request.method, request.headers):
                return context.pages.redirect(login_address(request.path_qs))
            if fault.reason == "login-ended" and context.members is not None:
                fault = replace(fault, login=login_address(context.members.classroom(request)))
            _log(request, error)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            fault = _http_fault(error)
        except ConnectionError:
            raise  # the browser is gone: nobody to tell
        except Exception:  # the last keeper: a bug must end in the log, never in a page
            fault = Fault(500, "bug", "", incident=secrets.token_hex(4))
            with _about(request):
                log.exception("incident %s: a bug while answering %s", fault.incident, request.method)
        context.refused(fault.reason)
        if request.writer.output_size > 0:
            # Part of an answer is out: all that is left is to break it off.
            raise ConnectionAbortedError("the answer had begun")
        site = context.site() if _on_the_site(request) else None
        page = await site.error(request, fault) if site is not None else None
        return page or context.pages.error(request, fault)

    return errors


def _on_the_site(request: web.Request) -> bool:
    """Whether a person looks at a page of ours in a tab: a platform's frame is no place for our navigation.

    Browsers that do not say where they show a page are judged by its address.
    """
    shown = request.headers.get("Sec-Fetch-Dest")
    framed = request.path.lstrip("/").startswith(_FRAMED) if shown is None else shown != "document"
    return not (framed or request.path.startswith("/w/") or is_program(request))


def _log(request: web.BaseRequest, error: NbhostdError) -> None:
    with _about(request):
        if isinstance(error, WorldError):
            log.error("answered %s: %s", error.status, error)
        elif error.status >= 500:
            log.warning("answered %s: %s", error.status, error)


def _about(request: web.BaseRequest) -> AbstractContextManager[None]:
    badges = request.get(BADGES)
    return subject(f"{badges.course}/{badges.student}" if badges else "")


def _http_fault(error: web.HTTPException) -> Fault:
    reasons = {404: "not-found", 405: "wrong-method"}
    allow = ", ".join(sorted(error.allowed_methods)) if isinstance(error, web.HTTPMethodNotAllowed) else ""
    return Fault(error.status, reasons.get(error.status, "http"), error.reason, allow=allow)
