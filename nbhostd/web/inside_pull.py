"""A student's own pull, from inside the notebook: `POST /w/<secret>/.nbhostd/api/pull`."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.names import WorkspaceId
from nbhostd.core.subject import subject
from nbhostd.web.inside_gate import PREFIX, InsideGate
from nbhostd.web.pages import BADGES, Badges, Pages
from nbhostd.web.pullwords import pull_words


class Pulls(Protocol):
    """What this room asks of services/pulling.py."""

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer: ...


class InsidePull:
    """Brings the course's newest commits into the clone of the workspace that asks."""

    def __init__(self, gate: InsideGate, pulls: Pulls, pages: Pages) -> None:
        self._gate = gate
        self._pulls = pulls
        self._pages = pages

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The room's route."""
        router.add_post(PREFIX + "pull", self.pull)

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """`{"outcome", "good", "changed", "before", "after", "conflicts", "kept", "message", "advice"}`.

        The last two are for a person, in the browser's language. A conflict is an answer too, not an error.
        """
        route = self._gate.admit(request)
        id, pages = route.workspace.id, self._pages
        request[BADGES] = Badges.of(id)
        with subject(id):
            answer = await self._pulls.pull_own(id)
        words = pull_words(answer.outcome)
        return pages.dress(
            web.json_response({
                "outcome": answer.outcome,
                "good": answer.good,
                "changed": answer.before != answer.after,
                "before": answer.before,
                "after": answer.after,
                "conflicts": list(answer.conflicts),
                "kept": list(answer.kept),
                "message": pages.say(request, words.happened),
                "advice": pages.say(request, words.advice) if words.advice else "",
            })
        )  # fmt: skip
