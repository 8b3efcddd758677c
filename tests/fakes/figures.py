"""Sums, made anew from all events at every question: slow, short, and the measure of the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from nbhostd.core.figures import (
    FRAME,
    SLOT,
    VISITS,
    Animation,
    DayFigures,
    Excluded,
    Frame,
    Happening,
    NotebookFigures,
    Order,
    Overview,
    Read,
    Recorded,
    StudentFigures,
    natural,
)
from nbhostd.core.localdays import LocalDays
from nbhostd.core.names import CourseName

Told = tuple[int, str, str, str, str]
"""(at, course, student, event, notebook), as adapters/statistics.py writes it down."""


@dataclass
class NaiveSums:
    """Knows all events at once; nothing waits to be summed up."""

    told: list[Told] = field(default_factory=list)
    excluded: dict[str, Excluded] = field(default_factory=dict)

    def rename(self, old: str, new: str) -> None:
        self.told = [(at, new if course == old else course, *rest) for at, course, *rest in self.told]  # type: ignore[misc]

    def forget(self, course: str) -> None:
        self.told = [row for row in self.told if row[1] != course]

    async def waiting(self, most: int) -> tuple[int, list[CourseName]]:
        return 0, []

    async def sum_up(self, most: int, excluded: Mapping[CourseName, Excluded]) -> int:
        return 0

    async def reconsider(self, course: CourseName, excluded: Excluded) -> int:
        before = self._hidden(course)
        self.excluded[course] = excluded
        return len(before ^ self._hidden(course))

    def _hidden(self, course: str) -> set[str]:
        known = self.excluded.get(course, Excluded())
        return {student for _, student, _ in self._visits(course, True) if known.leaves_out(student)}

    def _visits(self, course: str, everybody: bool) -> list[tuple[int, str, str]]:
        """(at, student, notebook)"""
        known = self.excluded.get(course, Excluded())
        return [
            (at, student, notebook)
            for at, where, student, event, notebook in self.told
            if where == course and event in VISITS and notebook
            and (everybody or not known.leaves_out(student))
        ]  # fmt: skip

    async def overview(self, course: CourseName, everybody: bool) -> Overview:
        visits = self._visits(course, everybody)
        times = [at for at, _, _ in visits]
        return Overview(
            len({student for _, student, _ in visits}), len({notebook for _, _, notebook in visits}), len(visits),
            min(times, default=None), max(times, default=None), len(self._hidden(course)),
        )  # fmt: skip

    async def notebooks(self, course: CourseName, everybody: bool) -> list[NotebookFigures]:
        visits = self._visits(course, everybody)
        return [
            NotebookFigures(
                name, len({student for _, student, notebook in visits if notebook == name}),
                len(times := [at for at, _, notebook in visits if notebook == name]), min(times), max(times),
            )
            for name in sorted({notebook for _, _, notebook in visits}, key=natural)
        ]  # fmt: skip

    async def notebook(self, course: CourseName, notebook: str, everybody: bool) -> NotebookFigures | None:
        found = await self.notebooks(course, everybody)
        return next((figures for figures in found if figures.name == notebook), None)

    async def animation(self, course: CourseName, everybody: bool, most: int) -> Animation:
        visits = self._visits(course, everybody)
        names = tuple(sorted({notebook for _, _, notebook in visits}, key=natural))
        firsts: dict[tuple[str, str], int] = {}
        for at, student, notebook in visits:
            firsts[student, notebook] = min(at, firsts.get((student, notebook), at))
        numbers = [at // FRAME for at in firsts.values()]
        step = max(1, -(-(max(numbers) - min(numbers) + 1) // most)) if numbers else 1
        frames: dict[int, Counter[int]] = {}
        for (_, notebook), at in firsts.items():
            end = (at // FRAME // step + 1) * step * FRAME
            frames.setdefault(end, Counter())[names.index(notebook)] += 1
        return Animation(
            names, tuple(Frame(end, tuple(sorted(more.items()))) for end, more in sorted(frames.items()))
        )

    async def notebooks_per_student(self, course: CourseName, everybody: bool) -> list[tuple[int, int]]:
        pairs = {(student, notebook) for _, student, notebook in self._visits(course, everybody)}
        return sorted(Counter(Counter(student for student, _ in pairs).values()).items())

    async def student_days(self, course: CourseName, days: LocalDays, everybody: bool) -> list[DayFigures]:
        return self._days([(at, student) for at, student, _ in self._visits(course, everybody)], days)

    async def notebook_days(self, course: CourseName, days: LocalDays, everybody: bool) -> list[DayFigures]:
        return self._days([(at, notebook) for at, _, notebook in self._visits(course, everybody)], days)

    def _days(self, seen: list[tuple[int, str]], days: LocalDays) -> list[DayFigures]:
        by_date: dict[date, set[str]] = {}
        first: dict[str, int] = {}
        for at, name in seen:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SLOT * SLOT)
            by_date.setdefault(moment.astimezone(days.zone).date(), set()).add(name)
            first[name] = min(at, first.get(name, at))
        firsts = Counter(
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SLOT * SLOT))
            .astimezone(days.zone)
            .date()
            for at in first.values()
        )
        figures, total = [], 0
        for here, names in sorted(by_date.items()):
            total += firsts[here]
            figures.append(DayFigures(here, len(names), firsts[here], total))
        return figures

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
        visits, known = self._visits(course, everybody), self.excluded.get(course, Excluded())
        found = []
        for name in {student for _, student, _ in visits if search.lower() in student.lower()}:
            times = [at for at, student, _ in visits if student == name]
            books = {notebook for _, student, notebook in visits if student == name}
            found.append(
                StudentFigures(name, known.leaves_out(name), min(times), max(times), len(times), len(books))
            )
        found.sort(key=lambda one: one.name.encode())
        if order is not Order.NAME:
            found.sort(key=lambda one: -int(getattr(one, order.value)))
        return found[first:] if most < 0 else found[first : first + most]

    async def cells(self, course: CourseName, students: Sequence[str]) -> list[tuple[str, str, int]]:
        counted = Counter((student, notebook) for _, student, notebook in self._visits(course, True))
        return [(student, book, n) for (student, book), n in counted.items() if student in students]

    async def student(self, course: CourseName, student: str) -> StudentFigures | None:
        found = await self.students(course, True, Order.NAME)
        return next((figures for figures in found if figures.name == student), None)

    async def reads_of(self, course: CourseName, student: str) -> list[Read]:
        visits = [visit for visit in self._visits(course, True) if visit[1] == student]
        return [self._read(name, [at for at, _, book in visits if book == name])
                for name in sorted({book for _, _, book in visits}, key=natural)]  # fmt: skip

    async def readers(
        self, course: CourseName, notebook: str, everybody: bool, *, first: int = 0, most: int = -1
    ) -> list[Read]:
        visits = [visit for visit in self._visits(course, everybody) if visit[2] == notebook]
        reads = [self._read(name, [at for at, student, _ in visits if student == name])
                 for name in {student for _, student, _ in visits}]  # fmt: skip
        reads.sort(key=lambda read: (-read.last, read.name.encode()))
        return reads[first:] if most < 0 else reads[first : first + most]

    def _read(self, name: str, times: list[int]) -> Read:
        return Read(name, min(times), max(times), len(times))

    async def deeds_of(self, course: CourseName, student: str) -> dict[str, int]:
        return dict(
            Counter(event for _, where, who, event, _ in self.told if (where, who) == (course, student))
        )

    async def deeds(self, course: CourseName, everybody: bool) -> dict[str, int]:
        hidden = set() if everybody else self._hidden(course)
        return dict(
            Counter(event for _, where, who, event, _ in self.told if where == course and who not in hidden)
        )

    async def happenings(self, course: CourseName, student: str, most: int) -> list[Happening]:
        found = [
            (at, number, Happening(at, event, notebook))
            for number, (at, where, who, event, notebook) in enumerate(self.told)
            if (where, who) == (course, student)
        ]
        return [happening for _, _, happening in sorted(found, key=lambda one: one[:2], reverse=True)][:most]

    async def events(self, course: CourseName, after: tuple[int, int], most: int) -> list[Recorded]:
        found = [
            Recorded(number, at, student, event, notebook)
            for number, (at, where, student, event, notebook) in enumerate(self.told, 1)
            if where == course and (at, number) > after
        ]
        return sorted(found, key=lambda one: (one.at, one.number))[:most]
