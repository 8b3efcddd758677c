"""Students who are asked something before they are led on. Who they are is in a ticket, in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from nbhostd.core.model import Opening, Phase
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.tickets import seal, unseal
from nbhostd.core.urls import with_identity, workspace_origin
from nbhostd.web.context import Context
from nbhostd.web.pages import BADGES, Badges
from nbhostd.web.waiting import Waiter, Waiting

LIFETIME = timedelta(minutes=15)
"""Long enough to read a page and decide; short, because the address opens the workspace in any browser."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who came, for which notebook, and the origin of the workspace."""

    workspace: WorkspaceId
    notebook: NotebookPath
    origin: str
    earlier: NotebookPath | None = None
    """Where the student's work is, when it is under the notebook's earlier suffix."""


def guest_address(context: Context, kind: str, opening: Opening) -> str:
    """The address of the page `/<kind>/<ticket>` for whoever made this visit."""
    settings = context.settings()
    payload = {
        "workspace": str(opening.workspace.id),
        "notebook": opening.notebook or "",
        "earlier": opening.prepared.earlier or "",
        "label": opening.workspace.label,
    }
    keys = settings.launch_keys.for_purpose(kind)
    ticket = seal(keys[0], kind, payload, context.clock.now() + LIFETIME)
    return f"{settings.public_url}/{kind}/{ticket}"


class Guests:
    """Reads the tickets of one kind of page, and leads on whoever has answered."""

    def __init__(self, context: Context, waiting: Waiting, kind: str) -> None:
        self._context = context
        self._waiting = waiting
        self._kind = kind

    def of(self, request: web.Request) -> Guest:
        """Who asks. Raises Refused for a ticket that is false or too old."""
        settings = self._context.settings()
        keys = settings.launch_keys.for_purpose(self._kind)
        payload = unseal(keys, self._kind, request.match_info["ticket"], self._context.clock.now())
        workspace = WorkspaceId.parse(payload["workspace"])
        request[BADGES] = Badges.of(workspace, payload["notebook"])
        origin = workspace_origin(settings.public_url, settings.workspace_domain, payload["label"])
        earlier = NotebookPath.parse(payload["earlier"]) if payload["earlier"] else None
        return Guest(workspace, NotebookPath.parse(payload["notebook"]), origin, earlier)

    async def lead_on(self, guest: Guest, target: str) -> web.StreamResponse:
        """To a page of the guest's workspace (relative to base_url), by the waiting page if it starts only now."""
        context = self._context
        target = with_identity(target, guest.workspace)
        waiter = Waiter(guest.workspace, target, context.clock.now(), guest.notebook)
        place = context.workspaces.place(guest.workspace)
        if place.phase is not Phase.READY:
            place = await context.workspaces.wait(guest.workspace, context.settings().patience)
        return self._waiting.lead_on(waiter, place)
