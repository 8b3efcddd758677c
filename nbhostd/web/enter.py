"""The step into a workspace: sets the second factor's cookie, sees whether the browser kept it, and lets go.

Both requests are on the workspace's own origin, below its secret; the ticket says where to go on, so that
nothing in the URL can lead elsewhere.

A tab that a notebook opens from inside a platform's iframe has none of the iframe's cookies: they are partitioned by
the site on top. The page that opened it holds the cookie and may ask for a ticket (`tab`), with which the tab enters.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.headers import cookie_name, cookie_value, holds_cookie
from nbhostd.core.model import Route
from nbhostd.core.subject import subject
from nbhostd.core.tickets import seal, unseal
from nbhostd.core.urls import host_label, inner, workspace_origin
from nbhostd.web.context import Context
from nbhostd.web.pages import BADGES, Badges

LIFETIME = timedelta(seconds=60)
_KIND = "enter"


def enter_url(context: Context, route: Route, target: str) -> str:
    """Where a browser enters this workspace, on its way to `target` (relative to base_url; proven inner)."""
    settings = context.settings()
    ticket = seal(
        settings.launch_keys.for_purpose(_KIND)[0], _KIND,
        {"secret": route.run.secret, "next": inner(target)}, context.clock.now() + LIFETIME,
    )  # fmt: skip
    origin = workspace_origin(settings.public_url, settings.workspace_domain, route.workspace.label)
    return f"{origin}{route.run.base_url}.nbhostd/enter?{urlencode({'ticket': ticket})}"


class Enter:
    """`/w/<secret>/.nbhostd/enter`, `…/entered` and `…/tab`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Hand over the cookie and have the browser come back with it."""
        route, _ = self._ticket(request)
        response = self._context.pages.redirect(
            f"{route.run.base_url}.nbhostd/entered?{urlencode({'ticket': request.query['ticket']})}"
        )
        # Written by hand: before Python 3.14 the cookie module does not know Partitioned.
        name, value = cookie_name(route.workspace.label), cookie_value(route.run)
        response.headers.add(
            "Set-Cookie", f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
        )
        return response

    async def entered(self, request: web.Request) -> web.StreamResponse:
        """Note whether the cookie came back, and go on to the notebook."""
        route, target = self._ticket(request)
        name, value = cookie_name(route.workspace.label), cookie_value(route.run)
        kept = holds_cookie(request.raw_headers, name, value)
        with subject(route.workspace.id):
            await self._context.workspaces.note_cookie(route, kept)
        return self._context.pages.redirect(route.run.base_url + target)

    async def tab(self, request: web.Request) -> web.StreamResponse:
        """For a page that is let in itself: where another tab of its browser enters, on its way to `?to=`."""
        route = self._route(request)
        name, value = cookie_name(route.workspace.label), cookie_value(route.run)
        if route.run.cookie_required and not holds_cookie(request.raw_headers, name, value):
            raise Refused("This address was opened in another browser.", status=403, reason="no-cookie")
        answer = web.json_response({"url": enter_url(self._context, route, request.query.get("to", ""))})
        return self._context.pages.dress(answer)

    def _ticket(self, request: web.Request) -> tuple[Route, str]:
        keys = self._context.settings().launch_keys.for_purpose(_KIND)
        payload = unseal(keys, _KIND, request.query.get("ticket", ""), self._context.clock.now())
        if payload["secret"] != request.match_info["secret"]:
            raise Refused("This link was made for another workspace.", status=403, reason="bad-ticket")
        return self._route(request), inner(payload["next"])

    def _route(self, request: web.Request) -> Route:
        context, settings = self._context, self._context.settings()
        route = context.workspaces.route(request.match_info["secret"])
        if route is None:
            raise Refused("This workspace was started again.", status=410, reason="moved")
        request[BADGES] = Badges.of(route.workspace.id)
        label = host_label(request.headers.get("Host", ""), settings.workspace_domain)
        if settings.workspace_domain and label != route.workspace.label:
            raise Refused("This workspace is not at this address.", status=421, reason="wrong-host")
        return route
