"""What somebody does with the own workspace of a course from outside of it: stop it, and bring the course's news into it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from nbhostd.core import clonetool
from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.errors import Refused
from nbhostd.core.names import WorkspaceId
from nbhostd.core.people import Power
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Operation
from nbhostd.web.pullwords import pull_words


class Stopped(msgspec.Struct, frozen=True):
    """Whether it ran at all."""

    stopped: bool


class Pulled(msgspec.Struct, frozen=True):
    """What a pull into the own copy did; `message` says it in a sentence. Commits are hex, or null for none."""

    outcome: str
    changed: bool
    before: str | None
    after: str | None
    kept: list[str]
    message: str


class Stopping(Protocol):
    """What is asked of services/workspaces.py."""

    async def stop(self, id: WorkspaceId, reason: str, *, timeout: float = 60) -> bool: ...


class Pulls(Protocol):
    """What is asked of services/pulling.py."""

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer: ...


class OwnSpace:
    """The operations `workspace.stop` and `workspace.pull`."""

    def __init__(self, workspaces: Stopping, pulls: Pulls) -> None:
        self._workspaces = workspaces
        self._pulls = pulls

    def operations(self) -> list[Operation]:
        """What can be done with the own workspace of a course."""
        own = "/courses/{course}/workspace"
        return [
            Operation(
                "workspace.stop", "POST", f"{own}/stop", "Stop my workspace in a course; its files stay", Power.OPEN,
                self._stop, Stopped, done=N_("Your workspace is stopped. Your files are safe."),
            ),
            Operation(
                "workspace.pull", "POST", f"{own}/pull", "Bring the course's newest commits into my copy of it",
                Power.OPEN, self._pull, Pulled, done=N_("Your copy has everything that the course has."), errors=(409,),
            ),
        ]  # fmt: skip

    async def _stop(self, call: Call) -> Stopped:
        return Stopped(await self._workspaces.stop(own_workspace(call), "stopped by its owner"))

    async def _pull(self, call: Call) -> Pulled:
        answer = await self._pulls.pull_own(own_workspace(call))
        words = pull_words(answer.outcome)
        if not answer.good:
            reason = _REASONS.get(answer.outcome, "pull-failed")
            raise Refused(words.happened, status=409, reason=reason, detail=answer.outcome)
        changed = answer.before != answer.after
        return Pulled(answer.outcome, changed, answer.before, answer.after, list(answer.kept), words.happened)


_REASONS = {
    clonetool.CONFLICT: "pull-conflict",
    clonetool.UNFINISHED: "pull-unfinished",
    clonetool.LOCKED: "pull-locked",
}


def own_workspace(call: Call) -> WorkspaceId:
    """The caller's own, in the course that the call is about."""
    return WorkspaceId(call.course, call.visitor.user.name)
