"""Static versions: the page that everybody with its address can read, and what the notebook's own menu asks.

A page is made of what a student wrote, and it is on the main host. So it is served in a sandbox: an origin of nobody's,
no script, no form, nothing loaded but pictures. Formulas need none (they are MathML), and a figure that only a script
would draw says so; in exchange nobody can dress a page up as this site's and read what is typed into it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Route, Share
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.web.inside import notebook_of
from nbhostd.web.inside_gate import PREFIX, InsideGate
from nbhostd.web.moments import iso
from nbhostd.web.pages import BADGES, Badges, Pages

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data: https:; font-src data:; base-uri 'none'; form-action 'none'"
)
_TOKEN = "{token:[A-Za-z0-9_-]{22}}"


def share_url(public_url: str, share: Share) -> str:
    """Where everybody finds a static version."""
    return f"{public_url}/shared/{share.token}.html"


class SharedPages(Protocol):
    """What reading asks of services/shares.py."""

    async def find(self, token: str) -> Share: ...
    def page(self, token: str) -> str: ...


class Sharing(Protocol):
    """What sharing asks of services/shares.py."""

    async def share(self, id: WorkspaceId, notebook: NotebookPath, language: str = "en") -> Share: ...
    async def unshare(self, id: WorkspaceId, notebook: NotebookPath) -> bool: ...
    async def share_of(self, id: WorkspaceId, notebook: NotebookPath) -> Share | None: ...


class Shared:
    """`/shared/<token>.html`, for everybody."""

    def __init__(self, shares: SharedPages, pages: Pages) -> None:
        self._shares = shares
        self._pages = pages

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page's route, on the main host."""
        router.add_get(f"/shared/{_TOKEN}.html", self._show)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        """The page as it was shared last; a browser that has it already gets 304."""
        share = await self._shares.find(request.match_info["token"])
        path = Path(self._shares.page(share.token))
        if not path.is_file():
            raise Refused("This page does not exist (any more).", status=404, reason="no-such-share")
        response = web.FileResponse(path)
        self._pages.dress(response)
        del response.headers["Vary"]
        response.headers.update(
            {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy": POLICY,
                # Kept, but asked for each time: what is taken back is gone at once.
                "Cache-Control": "private, no-cache",
                "X-Robots-Tag": "noindex, nofollow, noarchive",
            }
        )
        return response


class InsideShare:
    """`/w/<secret>/.nbhostd/api/share`, for the pages of a workspace."""

    def __init__(
        self, gate: InsideGate, shares: Sharing, pages: Pages, public_url: Callable[[], str]
    ) -> None:
        self._gate = gate
        self._shares = shares
        self._pages = pages
        self._public_url = public_url

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The room's routes."""
        router.add_get(PREFIX + "share", self._look, allow_head=False)
        router.add_post(PREFIX + "share", self._share)
        router.add_delete(PREFIX + "share", self._take_back)

    async def _look(self, request: web.Request) -> web.Response:
        route = self._admit(request)
        wanted = request.query.get("notebook")
        if wanted is None:
            raise Refused("“notebook” must be a path.", reason="bad-notebook-path")
        return self._answer(await self._shares.share_of(route.workspace.id, NotebookPath.parse(wanted)))

    async def _share(self, request: web.Request) -> web.Response:
        route = self._admit(request)
        notebook = await notebook_of(request)
        language = self._pages.language(request)
        return self._answer(await self._shares.share(route.workspace.id, notebook, language))

    async def _take_back(self, request: web.Request) -> web.Response:
        route = self._admit(request)
        await self._shares.unshare(route.workspace.id, await notebook_of(request))
        return self._answer(None)

    def _admit(self, request: web.Request) -> Route:
        route = self._gate.admit(request)
        request[BADGES] = Badges.of(route.workspace.id)
        return route

    def _answer(self, share: Share | None) -> web.Response:
        document = {
            "url": share_url(self._public_url(), share) if share else None,
            "shared_at": iso(share.shared_at) if share else None,
        }
        return self._pages.dress(web.json_response(document))
