"""Students' clones: each worked on by the clone tool, in a container of its own, as the student."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nbhostd.core.clonetool import (
    NO_CLONE,
    TOOL,
    CloneAnswer,
    PullOptions,
    adopt_request,
    parse_answer,
    pull_request,
)
from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.model import Course, ToolTask, Workspace
from nbhostd.core.names import StudentName
from nbhostd.core.ports import Clock, Toolbox

log = logging.getLogger(__name__)

_TIMEOUT = 300.0
"""Seconds: a course of a gigabyte is cloned on a slow disk."""
_NO_ROOM = "No space left"


class Clones:
    """Adopts and pulls; whoever calls holds the workspace's lock, and has had its directory made."""

    def __init__(
        self,
        toolbox: Toolbox,
        image_of: Callable[[Course], Awaitable[str]],
        clock: Clock,
        mail_host: Callable[[], str],
    ) -> None:
        self._toolbox = toolbox
        self._image_of = image_of
        self._clock = clock
        self._mail_host = mail_host

    async def adopt(self, course: Course, workspace: Workspace, *, hurried: bool = True) -> CloneAnswer:
        """Make the workspace a clone of the course's mirror, or repair the one that it is.

        Raises WorldError (no image, no room, or the tool could not work), NotNow.
        """
        request = adopt_request(*self._user(workspace.id.student), self._clock.now())
        return await self._run(course, workspace, request, hurried)

    async def pull(
        self, course: Course, workspace: Workspace, options: PullOptions, *, hurried: bool = False
    ) -> CloneAnswer:
        """Bring what the course has; a workspace that is no clone (any more) is adopted first, but not in a dry run.

        Raises WorldError, NotNow as `adopt` does. A conflict raises nothing: the answer says it.
        """
        request = pull_request(*self._user(workspace.id.student), self._clock.now(), options)
        answer = await self._run(course, workspace, request, hurried)
        if answer.outcome != NO_CLONE or options.dry_run:
            return answer
        adopted = await self.adopt(course, workspace, hurried=hurried)
        if not adopted.good:
            return adopted
        return await self._run(course, workspace, request, hurried)

    def _user(self, student: StudentName) -> tuple[str, str]:
        return student, f"{student}@{self._mail_host()}"

    async def _run(
        self, course: Course, workspace: Workspace, request: dict[str, object], hurried: bool
    ) -> CloneAnswer:
        task = ToolTask(
            TOOL, course.name, await self._image_of(course), workspace.number, workspace.uid, request,
            timeout=_TIMEOUT, hurried=hurried,
        )  # fmt: skip
        outcome = await self._toolbox.run(task)
        if outcome.status != 0:
            raise _cannot(outcome.complaint)
        try:
            return parse_answer(outcome.output)
        except ValueError as error:
            raise _cannot(f"{error}; {outcome.complaint}") from error


def _cannot(complaint: str) -> NbhostdError:
    if _NO_ROOM in complaint:
        return WorldError("There is no space left for your files.", detail=complaint[-500:])
    return WorldError(
        "The copy of the course in your workspace could not be worked on.", detail=complaint[-500:]
    )
