"""The page for a student whose work is under a notebook's earlier suffix: go on with it, or begin with the new version.

Its address holds a ticket: who came, for which notebook, and where the work is. Showing it changes nothing; the choice is
a form, and making it twice does no harm: what is there is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Earlier, Opening, Visit
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.subject import subject
from nbhostd.core.tickets import seal, unseal
from nbhostd.core.urls import with_identity, workspace_origin
from nbhostd.web.context import Context
from nbhostd.web.pages import BADGES, Badges
from nbhostd.web.waiting import Waiter, Waiting

LIFETIME = timedelta(hours=1)
_KIND = "earlier"
_CHOICES = {"convert": Earlier.CONVERT, "new": Earlier.NEW}


@dataclass(frozen=True, slots=True)
class _Guest:
    """Who came, for which notebook, where the work is, and the origin of the workspace."""

    workspace: WorkspaceId
    notebook: NotebookPath
    earlier: NotebookPath
    origin: str


def earlier_address(context: Context, opening: Opening) -> str:
    """Where a browser is sent when its student has to choose."""
    settings = context.settings()
    payload = {
        "workspace": str(opening.workspace.id),
        "notebook": opening.notebook or "",
        "earlier": opening.prepared.earlier or "",
        "label": opening.workspace.label,
    }
    keys = settings.launch_keys.for_purpose(_KIND)
    ticket = seal(keys[0], _KIND, payload, context.clock.now() + LIFETIME)
    return f"{settings.public_url}/earlier/{ticket}"


class EarlierWork:
    """`/earlier/<ticket>`: the question, and the answer."""

    def __init__(self, context: Context, waiting: Waiting) -> None:
        self._context = context
        self._waiting = waiting

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page's routes."""
        router.add_get("/earlier/{ticket}", self.show, allow_head=False)
        router.add_post("/earlier/{ticket}", self.choose)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What there is, and what can be done."""
        return self._page(request, self._guest(request))

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Do what was chosen, and lead on to the notebook; or say that the work cannot be converted."""
        guest, context = self._guest(request), self._context
        choice = _CHOICES.get(str((await request.post()).get("choice", "")))
        if choice is None:
            raise Refused("There are two ways on from here.", reason="bad-choice")
        with subject(guest.workspace):
            try:
                opening = await context.workspaces.open(
                    Visit(guest.workspace, guest.notebook, earlier=choice)
                )
            except Refused as refusal:
                if refusal.reason != "not-converted":
                    raise
                return self._page(request, guest, broken=True, status=refusal.status)
            target = with_identity(opening.notebook_url, guest.workspace)
            waiter = Waiter(guest.workspace, target, context.clock.now(), guest.notebook)
            place = await context.workspaces.wait(guest.workspace, context.settings().patience)
        return self._waiting.lead_on(waiter, place)

    def _page(
        self, request: web.Request, guest: _Guest, *, broken: bool = False, status: int = 200
    ) -> web.StreamResponse:
        pages = self._context.pages
        page = pages.render(
            request, "earlier.html", status=status, here=f"/earlier/{request.match_info['ticket']}",
            notebook=_name(guest.notebook), earlier=_name(guest.earlier), broken=broken,
            results=guest.earlier.suffix == ".ipynb",
        )  # fmt: skip
        # A form's answer leads on into the workspace, and browsers hold the whole way against this.
        return pages.allow_forms(page, guest.origin)

    def _guest(self, request: web.Request) -> _Guest:
        settings = self._context.settings()
        keys = settings.launch_keys.for_purpose(_KIND)
        payload = unseal(keys, _KIND, request.match_info["ticket"], self._context.clock.now())
        workspace = WorkspaceId.parse(payload["workspace"])
        request[BADGES] = Badges.of(workspace, payload["notebook"])
        origin = workspace_origin(settings.public_url, settings.workspace_domain, payload["label"])
        return _Guest(
            workspace, NotebookPath.parse(payload["notebook"]), NotebookPath.parse(payload["earlier"]), origin
        )


def _name(notebook: NotebookPath) -> str:
    return notebook.rpartition("/")[2]
