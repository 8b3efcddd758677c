"""What the upkeep of a site asks of the outside world (services/upkeep.py, services/census.py)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from nbhostd.core.model import CourseDirectory
from nbhostd.core.names import CourseName, WorkspaceId


class Events(Protocol):
    """The past, as statistics keep it."""

    async def last_visits(self) -> dict[WorkspaceId, datetime]:
        """When each workspace was last opened, as far as is known."""

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        """What happened in a course is found under its new name."""

    async def forget_course(self, course: CourseName) -> None:
        """Nothing is left of what happened in a course."""


class CourseDirs(Protocol):
    """The directories that the service keeps under courses' names."""

    async def move(self, old: CourseName, new: CourseName) -> None:
        """Give all of them the new name, or none; written down first. Raises Refused(409), WorldError."""

    async def complete(self, old: CourseName, new: CourseName) -> None:
        """Move what has the old name still: for a move that was interrupted, and for undoing one."""

    async def settle(self) -> None:
        """The last move is what was wanted."""

    async def half_moved(self) -> tuple[CourseName, CourseName] | None:
        """(old, new) of a move that was never settled."""

    async def present(self, course: CourseName) -> list[CourseDirectory]:
        """Which of them there are, measured."""

    async def remove(self, course: CourseName) -> None:
        """Remove all but the administrator's; not being there is success. Raises WorldError."""
