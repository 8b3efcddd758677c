"""What services/figures.py asks of whoever keeps events and what is summed up of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from nbhostd.core.figures import (
    Animation,
    DayFigures,
    Excluded,
    Happening,
    NotebookFigures,
    Order,
    Overview,
    Read,
    Recorded,
    StudentFigures,
)
from nbhostd.core.localdays import LocalDays
from nbhostd.core.names import CourseName


class Sums(Protocol):
    """Events, summed up as they come, and what can be said of a course then.

    A course where nothing ever happened has empty figures. With `everybody`, those who are hidden are counted, too.
    """

    async def waiting(self, most: int) -> tuple[int, list[CourseName]]:
        """(how many events are not summed up yet, the courses of the first `most` of them)."""

    async def sum_up(self, most: int, excluded: Mapping[CourseName, Excluded]) -> int:
        """Sum up the next `most` events; how many are left."""

    async def reconsider(self, course: CourseName, excluded: Excluded) -> int:
        """Hide whom `excluded` leaves out, and nobody else; how many that changes."""

    async def overview(self, course: CourseName, everybody: bool) -> Overview: ...
    async def notebooks(self, course: CourseName, everybody: bool) -> list[NotebookFigures]:
        """All that were opened, in their natural order."""

    async def animation(self, course: CourseName, everybody: bool, most: int) -> Animation:
        """In at most `most` pictures, each of one or more times six hours."""

    async def notebooks_per_student(self, course: CourseName, everybody: bool) -> list[tuple[int, int]]:
        """(how many notebooks, how many students opened just as many)."""

    async def student_days(
        self, course: CourseName, days: LocalDays, everybody: bool
    ) -> list[DayFigures]: ...
    async def notebook_days(
        self, course: CourseName, days: LocalDays, everybody: bool
    ) -> list[DayFigures]: ...
    async def students(
        self,
        course: CourseName,
        everybody: bool,
        order: Order,
        *,
        search: str = "",
        first: int = 0,
        most: int = -1,
    ) -> list[StudentFigures]:
        """Students from the `first` on; `search` is a part of their names."""

    async def cells(self, course: CourseName, students: Sequence[str]) -> list[tuple[str, str, int]]:
        """(student, notebook, how often opened) of these students."""

    async def student(self, course: CourseName, student: str) -> StudentFigures | None: ...
    async def reads_of(self, course: CourseName, student: str) -> list[Read]:
        """The notebooks that a student opened, in their natural order."""

    async def deeds_of(self, course: CourseName, student: str) -> dict[str, int]:
        """How often each event happened to a student."""

    async def happenings(self, course: CourseName, student: str, most: int) -> list[Happening]:
        """A student's latest events, the newest first."""

    async def notebook(
        self, course: CourseName, notebook: str, everybody: bool
    ) -> NotebookFigures | None: ...
    async def readers(
        self, course: CourseName, notebook: str, everybody: bool, *, first: int = 0, most: int = -1
    ) -> list[Read]:
        """The students who opened a notebook, who did last first."""

    async def deeds(self, course: CourseName, everybody: bool) -> dict[str, int]:
        """How often each event happened in a course."""

    async def events(self, course: CourseName, after: tuple[int, int], most: int) -> list[Recorded]:
        """The next events of a course after (a moment, a number), in the order of these."""
