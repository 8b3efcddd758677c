"""A course's newest commits into all its students' copies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.clonetool import PullOptions, Reset
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import Power
from nbhostd.services.jobbook import Say
from nbhostd.services.pulling import Wanted
from nbhostd.web.operations import Begun, Call, Operation


class PullWish(msgspec.Struct, frozen=True):
    """For whom and how. `students` are exact names, none for all; a way that replaces what is there needs names.

    `how`: 'merge' brings the news and keeps everything; 'reset-if-needed' puts the branch where the course is where no
    merge is possible; 'reset' does so always; 'resync' puts all files aside and clones anew. What was there is always kept.
    """

    students: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=5000)] = []
    how: Literal["merge", "reset-if-needed", "reset", "resync"] = "merge"
    dry_run: bool = False
    skip_course: bool = False


class Pulling(Protocol):
    """What is asked of services/pulling.py."""

    async def pull_students(self, name: CourseName, wanted: Wanted, on_line: Say) -> object: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


class TeachStudents:
    """`students.pull`."""

    def __init__(self, pulling: Pulling, errands: Errands) -> None:
        self._pulling = pulling
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done for all students."""
        return [
            Operation(
                "students.pull", "POST", "/courses/{course}/pull-students",
                "Bring a course's newest commits into its students' copies", Power.TEACH, self._pull, Begun, PullWish,
            )
        ]  # fmt: skip

    async def _pull(self, call: Call) -> Begun:
        name, wanted = call.course, _wanted(call.body)
        number = await self._errands.begin(
            call.who, f"pull for the students of {name}",
            lambda say: self._pulling.pull_students(name, wanted, say),
        )  # fmt: skip
        return Begun(number)


_RESETS = {"reset-if-needed": Reset.IF_NEEDED, "reset": Reset.ALWAYS}


def _wanted(wish: PullWish) -> Wanted:
    """What services/pulling.py is asked. Raises Refused(400); a name proves that it is no pattern."""
    students = tuple(StudentName.parse(name) for name in wish.students)
    if wish.how in ("reset", "resync") and not students:
        raise Refused("Name the students whose copies are to be replaced.", reason="reset-without-names")
    options = PullOptions(_RESETS.get(wish.how, Reset.NO), wish.how == "resync", wish.dry_run)
    return Wanted(students, options, wish.skip_course)
