"""The page for a student whose work is under a notebook's earlier suffix: go on with it, or begin with the new version.

Its address holds a ticket: who came, for which notebook, and where the work is. Showing it changes nothing; the choice is
a form, and making it twice does no harm: what is there is never overwritten.
"""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Earlier, Visit
from nbhostd.core.names import NotebookPath
from nbhostd.core.subject import subject
from nbhostd.web.context import Context
from nbhostd.web.guests import Guest, Guests
from nbhostd.web.waiting import Waiting

KIND = "earlier"
_CHOICES = {"convert": Earlier.CONVERT, "new": Earlier.NEW}


class EarlierWork:
    """`/earlier/<ticket>`: the question, and the answer."""

    def __init__(self, context: Context, waiting: Waiting) -> None:
        self._context = context
        self._guests = Guests(context, waiting, KIND)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page's routes."""
        router.add_get("/earlier/{ticket}", self.show, allow_head=False)
        router.add_post("/earlier/{ticket}", self.choose)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What there is, and what can be done."""
        return self._page(request, self._guests.of(request))

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Do what was chosen, and lead on to the notebook; or say that the work cannot be converted."""
        guest, context = self._guests.of(request), self._context
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
            return await self._guests.lead_on(guest, opening.notebook_url)

    def _page(
        self, request: web.Request, guest: Guest, *, broken: bool = False, status: int = 200
    ) -> web.StreamResponse:
        pages = self._context.pages
        page = pages.render(
            request, "earlier.html", status=status, here=f"/earlier/{request.match_info['ticket']}",
            notebook=_name(guest.notebook), earlier=_name(guest.earlier or guest.notebook), broken=broken,
            results=guest.earlier is not None and guest.earlier.suffix == ".ipynb",
        )  # fmt: skip
        # A form's answer leads on into the workspace, and browsers hold the whole way against this.
        return pages.allow_forms(page, guest.origin)


def _name(notebook: NotebookPath) -> str:
    return notebook.rpartition("/")[2]
