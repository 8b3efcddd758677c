"""Logging in and out, and the language that one reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import quote

from aiohttp import hdrs, web

from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.people import User
from nbhostd.core.sessions import Session
from nbhostd.services.entrance import Newcomer
from nbhostd.web.doorwords import DOOR_WORDS
from nbhostd.web.languages import N_
from nbhostd.web.reception import CSRF_FIELD, LANGUAGE_COOKIE, Visitor
from nbhostd.web.site import SitePages, local_path

LANDING = "/courses"
_BYE = N_("You are logged out.")
_STOPPED = N_("You are logged out, and your workspaces are put away.")
_YEAR = 365 * 86400


class Entering(Protocol):
    """What is asked of services/entrance.py."""

    async def log_in(self, name: str, password: str, *, address: str, agent: str) -> Newcomer: ...
    async def log_out(self, session: Session) -> None: ...


StopWorkspaces = Callable[[User], Awaitable[int]]
"""Stops all workspaces of somebody; how many there were."""


class LoginRoom:
    """`/login`, `/logout` and `/language`."""

    def __init__(
        self,
        site: SitePages,
        entrance: Entering,
        stop_workspaces: StopWorkspaces,
        set_language: Callable[[User, str], Awaitable[None]],
    ) -> None:
        self._site = site
        self._entrance = entrance
        self._stop_workspaces = stop_workspaces
        self._set_language = set_language
        self.more_ways: list[Callable[[], tuple[str, str] | None]] = []
        """Other ways to log in, each an address and the text of its button, or None while it is not offered."""

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes; the predecessor's addresses lead here."""
        router.add_get("/login", self.show)
        router.add_post("/login", self.log_in)
        router.add_post("/logout", self.log_out)
        router.add_post("/language", self.choose_language)
        router.add_get("/accounts/login/", self._from_predecessor)

    async def _from_predecessor(self, request: web.Request) -> web.StreamResponse:
        return self._site.pages.redirect(login_address(request.query.get("next", "")))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form; who is logged in already is led on."""
        visitor = await self._site.reception.visitor(request)
        target = local_path(request.query.get("next", ""), LANDING)
        if visitor.session is not None:
            return self._site.pages.redirect(target)
        return await self._page(request, target, error=self._why(request))

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Check, let in, and lead on to where the visitor wanted to go."""
        site = self._site
        visitor = await site.reception.visitor(request)
        form = await request.post()
        await site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        target = local_path(str(form.get("next", "")), LANDING)
        name, password = str(form.get("name", "")), str(form.get("password", ""))
        try:
            newcomer = await self._entrance.log_in(
                name, password, address=visitor.address, agent=request.headers.get(hdrs.USER_AGENT, "")
            )
        except (Refused, NotNow) as error:
            response = await self._page(
                request, target, name=name, error=site.pages.refusal(request, error), status=error.status
            )
            if isinstance(error, NotNow):
                response.headers[hdrs.RETRY_AFTER] = str(error.retry_after)
            return response
        return self.welcome(newcomer, target)

    def welcome(self, newcomer: Newcomer, target: str) -> web.StreamResponse:
        """Lead somebody on who has just logged in, by whatever way."""
        response = self._site.pages.redirect(target)
        self._site.reception.let_in(response, newcomer.secret)
        return response

    def turn_away(self, target: str, reason: str) -> web.Response:
        """Lead somebody to the form who was not let in by another way; `reason` is one of `web/doorwords.py`."""
        return self._site.pages.redirect(f"{login_address(target)}&why={quote(reason, safe='')}")

    def _why(self, request: web.Request) -> str:
        """Why somebody was turned away, or ''."""
        reason = request.query.get("why", "")
        return self._site.pages.refusal(request, Refused("", reason=reason)) if reason in DOOR_WORDS else ""

    async def _page(
        self, request: web.Request, target: str, *, name: str = "", error: str = "", status: int = 200
    ) -> web.Response:
        ways = [way for more in self.more_ways if (way := more()) is not None]
        return await self._site.render(
            request, "login.html", status=status, target=target, name=name, error=error,
            ways=[(f"{address}?next={quote(target, safe='')}", text) for address, text in ways],
            bye=self._bye(request), by_mail=self.by_mail(),
        )  # fmt: skip

    by_mail: Callable[[], bool] = staticmethod(lambda: False)
    """Whether a forgotten password can be set anew by mail."""

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End the session, and with `stop` also the visitor's workspaces."""
        site, visitor, form = self._site, *await self._form(request)
        stopped = 0
        if visitor.session is not None:
            if form.get("stop") == "true":
                stopped = await self._stop_workspaces(visitor.user)
            await self._entrance.log_out(visitor.session)
        response = site.pages.redirect(f"/login?bye={'stopped' if stopped else 'yes'}")
        site.reception.let_out(response)
        return response

    async def choose_language(self, request: web.Request) -> web.StreamResponse:
        """Remember a language: with the account, or for nobody in a cookie."""
        visitor, form = await self._form(request)
        language = str(form.get("language", ""))
        if language not in self._site.pages.catalogues:
            raise Refused("The language is en or fr.", reason="bad-language")
        response = self._site.pages.redirect(local_path(str(form.get("next", ""))))
        if visitor.actor.user is not None:
            await self._set_language(visitor.actor.user, language)
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, path="/", samesite="Lax", httponly=True)
        return response

    def _bye(self, request: web.Request) -> str:
        """What is said to somebody who has just logged out."""
        text = {"yes": _BYE, "stopped": _STOPPED}.get(request.query.get("bye", ""))
        return self._site.say(request, text) if text else ""

    async def _form(self, request: web.Request) -> tuple[Visitor, dict[str, object]]:
        visitor = await self._site.reception.visitor(request)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        return visitor, dict(form)


def login_address(target: str) -> str:
    """Where to log in first, on the way to an address of ours."""
    where = local_path(target, "")
    return f"/login?next={quote(where, safe='')}" if where else "/login"
