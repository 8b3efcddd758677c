"""The page for a notebook that the course has and the student's clone has not yet: pull, or open Jupyter as it is.

Its address holds a ticket: who came, and for which notebook. Showing it changes nothing; the pull is a form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from aiohttp import web

from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.model import Mode, Opening, Phase, Visit
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.subject import subject
from nbhostd.core.tickets import seal, unseal
from nbhostd.core.urls import with_identity, workspace_origin
from nbhostd.web.context import Context
from nbhostd.web.faults import Words
from nbhostd.web.pages import BADGES, Badges
from nbhostd.web.pullwords import GONE, pull_words
from nbhostd.web.waiting import Waiter, Waiting

LIFETIME = timedelta(hours=1)
_KIND = "behind"
_JUPYTER = "lab"
_NOBODY = Words("", "")


class Pulls(Protocol):
    """What this page asks of services/pulling.py."""

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer: ...
    async def restore(self, id: WorkspaceId, notebook: NotebookPath) -> None: ...


@dataclass(frozen=True, slots=True)
class _Guest:
    """Who came, for which notebook, and the origin of the workspace."""

    workspace: WorkspaceId
    notebook: NotebookPath
    origin: str


def behind_address(context: Context, opening: Opening) -> str:
    """Where a browser is sent when the clone lacks the notebook."""
    settings = context.settings()
    payload = {
        "workspace": str(opening.workspace.id),
        "notebook": opening.notebook or "",
        "label": opening.workspace.label,
    }
    keys = settings.launch_keys.for_purpose(_KIND)
    ticket = seal(keys[0], _KIND, payload, context.clock.now() + LIFETIME)
    return f"{settings.public_url}/behind/{ticket}"


class Behind:
    """`/behind/<ticket>`, its pull, its bringing back of a deleted notebook, and the way past it."""

    def __init__(self, context: Context, waiting: Waiting, pulls: Pulls) -> None:
        self._context = context
        self._waiting = waiting
        self._pulls = pulls

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page's routes."""
        router.add_get("/behind/{ticket}", self.show, allow_head=False)
        router.add_get("/behind/{ticket}/open", self.open, allow_head=False)
        router.add_post("/behind/{ticket}/pull", self.pull)
        router.add_post("/behind/{ticket}/restore", self.restore)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What is missing, and what can be done."""
        return self._page(request, self._guest(request), _NOBODY)

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Pull, and lead on to the notebook; or say what is in the way."""
        guest = self._guest(request)
        with subject(guest.workspace):
            answer = await self._pulls.pull_own(guest.workspace)
            if answer.good:
                return await self._lead_on(request, guest)
        return self._page(request, guest, pull_words(answer.outcome), files=answer.conflicts, status=409)

    async def restore(self, request: web.Request) -> web.StreamResponse:
        """Bring the course's version back where the clone has deleted it, and lead on."""
        guest = self._guest(request)
        with subject(guest.workspace):
            await self._pulls.restore(guest.workspace, guest.notebook)
            return await self._lead_on(request, guest)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open Jupyter as it is, for whoever wants to look first."""
        context, guest = self._context, self._guest(request)
        with subject(guest.workspace):
            await context.workspaces.wake(guest.workspace)
            return await self._to(guest, _JUPYTER)

    async def _lead_on(self, request: web.Request, guest: _Guest) -> web.StreamResponse:
        opening = await self._context.workspaces.open(Visit(guest.workspace, guest.notebook, Mode.CLASSROOM))
        if opening.prepared.behind:
            return self._page(request, guest, GONE, restore=True)
        return await self._to(guest, opening.notebook_url)

    async def _to(self, guest: _Guest, target: str) -> web.StreamResponse:
        context = self._context
        waiter = Waiter(
            guest.workspace, with_identity(target, guest.workspace), context.clock.now(), guest.notebook
        )
        place = context.workspaces.place(guest.workspace)
        if place.phase is not Phase.READY:
            place = await context.workspaces.wait(guest.workspace, context.settings().patience)
        return self._waiting.lead_on(waiter, place)

    def _page(
        self, request: web.Request, guest: _Guest, words: Words,
        *, files: tuple[str, ...] = (), restore: bool = False, status: int = 200,
    ) -> web.StreamResponse:  # fmt: skip
        pages = self._context.pages
        page = pages.render(
            request, "behind.html", status=status, here=f"/behind/{request.match_info['ticket']}",
            happened=pages.say(request, words.happened) if words.happened else "",
            advice=pages.say(request, words.advice) if words.advice else "",
            files=files, restore=restore,
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
        return _Guest(workspace, NotebookPath.parse(payload["notebook"]), origin)
