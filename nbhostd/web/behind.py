"""The page for a notebook that the course has and the student's clone has not yet: pull, or open Jupyter as it is.

Its address holds a ticket: who came, and for which notebook. Showing it changes nothing; the pull is a form.
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.model import Mode, Visit
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.subject import subject
from nbhostd.web.context import Context
from nbhostd.web.faults import Words
from nbhostd.web.guests import Guest, Guests
from nbhostd.web.pullwords import GONE, pull_words
from nbhostd.web.waiting import Waiting

KIND = "behind"
_JUPYTER = "lab"
_NOBODY = Words("", "")


class Pulls(Protocol):
    """What this page asks of services/pulling.py."""

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer: ...
    async def restore(self, id: WorkspaceId, notebook: NotebookPath) -> None: ...


class Behind:
    """`/behind/<ticket>`, its pull, its bringing back of a deleted notebook, and the way past it."""

    def __init__(self, context: Context, waiting: Waiting, pulls: Pulls) -> None:
        self._context = context
        self._guests = Guests(context, waiting, KIND)
        self._pulls = pulls

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page's routes."""
        router.add_get("/behind/{ticket}", self.show, allow_head=False)
        router.add_get("/behind/{ticket}/open", self.open, allow_head=False)
        router.add_post("/behind/{ticket}/pull", self.pull)
        router.add_post("/behind/{ticket}/restore", self.restore)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What is missing, and what can be done."""
        return self._page(request, self._guests.of(request), _NOBODY)

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Pull, and lead on to the notebook; or say what is in the way."""
        guest = self._guests.of(request)
        with subject(guest.workspace):
            answer = await self._pulls.pull_own(guest.workspace)
            if answer.good:
                return await self._lead_on(request, guest)
        return self._page(request, guest, pull_words(answer.outcome), files=answer.conflicts, status=409)

    async def restore(self, request: web.Request) -> web.StreamResponse:
        """Bring the course's version back where the clone has deleted it, and lead on."""
        guest = self._guests.of(request)
        with subject(guest.workspace):
            await self._pulls.restore(guest.workspace, guest.notebook)
            return await self._lead_on(request, guest)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open Jupyter as it is, for whoever wants to look first."""
        context, guest = self._context, self._guests.of(request)
        with subject(guest.workspace):
            await context.workspaces.wake(guest.workspace)
            return await self._guests.lead_on(guest, _JUPYTER)

    async def _lead_on(self, request: web.Request, guest: Guest) -> web.StreamResponse:
        opening = await self._context.workspaces.open(Visit(guest.workspace, guest.notebook, Mode.CLASSROOM))
        if opening.prepared.behind:
            return self._page(request, guest, GONE, restore=True)
        return await self._guests.lead_on(guest, opening.notebook_url)

    def _page(
        self, request: web.Request, guest: Guest, words: Words,
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
