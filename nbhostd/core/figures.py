"""What statistics count, and who is left out. Moments are whole seconds since 1970, UTC, wherever they are numbers."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from nbhostd.core.names import CourseName, NotebookPath

SLOT = 15 * 60
"""Seconds. Every zone's midnight is at a quarter of an hour, so a day of any zone is made of whole ones."""
DAY = 24 * 3600
SLOTS_OF_A_DAY = DAY // SLOT
HALF = SLOTS_OF_A_DAY // 2
FRAME = 6 * 3600
"""Seconds of one picture of the animation; they begin with a day in UTC, so with 2017-01-01 as the predecessor's do."""

VISITS = ("open", "reset")
"""The events that are a visit of a notebook. The others: start, stop, fail; share, pull, restore, convert."""

_DIGITS = re.compile(r"(\d{1,18})")
_BUILT_IN = "student"
_SHORTEST_HASH = 28


def stem(notebook: str) -> str:
    """A notebook's path as statistics know it, whatever its format: without .ipynb, .py or .md."""
    return NotebookPath(notebook).stem_path


@dataclass(frozen=True, slots=True)
class Excluded:
    """What is known of a course's people: its staff, and which names are accounts here."""

    staff: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    def leaves_out(self, student: str) -> bool:
        """Whether figures are made without this student: staff, or an artefact.

        An artefact is the built-in student, or a name that is no account and looks like no hash of a platform, which are
        28 characters at least or have a dot.
        """
        if student in self.staff or student == _BUILT_IN:
            return True
        return student not in self.accounts and "." not in student and len(student) < _SHORTEST_HASH


WhoIsExcluded = Callable[[CourseName], Awaitable[Excluded]]


@dataclass(frozen=True, slots=True)
class Overview:
    """What happened in a course, in short. `hidden` students are left out of everything else here."""

    students: int = 0
    notebooks: int = 0
    opens: int = 0
    first: int | None = None
    last: int | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class StudentFigures:
    """A student in a course: how many notebooks they opened, and how often."""

    name: str
    hidden: bool
    first: int
    last: int
    opens: int
    notebooks: int


@dataclass(frozen=True, slots=True)
class NotebookFigures:
    """A notebook of a course: how many students opened it, and how often."""

    name: str
    students: int
    opens: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Read:
    """One notebook and one student: `name` is the one that was not asked about."""

    name: str
    first: int
    last: int
    opens: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Of one date: how many were seen, how many of them for the first time, and how many were ever seen until then."""

    date: date
    seen: int
    new: int
    total: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What the picture that ends at a moment shows more than the one before: students by the number of a notebook."""

    end: int
    more: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Animation:
    """How many students had opened each notebook, as time went by."""

    notebooks: tuple[str, ...]
    frames: tuple[Frame, ...]

    def stages(self, most: int) -> list[tuple[int, tuple[int, ...]]]:
        """(end, how many students had opened each notebook until then) of some pictures, the last one among them."""
        count = len(self.frames)
        wanted = (
            {(number + 1) * count // most - 1 for number in range(most)}
            if count > most
            else set(range(count))
        )
        sums, found = [0] * len(self.notebooks), []
        for number, frame in enumerate(self.frames):
            for place, more in frame.more:
                sums[place] += more
            if number in wanted:
                found.append((frame.end, tuple(sums)))
        return found


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, as it was told."""

    at: int
    event: str
    notebook: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is kept; `number` tells apart those of one moment."""

    number: int
    at: int
    student: str
    event: str
    notebook: str

    @property
    def is_visit(self) -> bool:
        """Whether it is what the predecessor recorded: a notebook was opened."""
        return self.event in VISITS and self.notebook != ""


class Order(enum.StrEnum):
    """How students are sorted."""

    NAME = "name"
    OPENS = "opens"
    NOTEBOOKS = "notebooks"
    LAST = "last"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts w2 before w10."""
    return tuple(
        (int(piece), "") if piece.isdecimal() else (-1, piece) for piece in _DIGITS.split(name) if piece
    )


def by_day(seen: Mapping[date, int], firsts: Iterable[date]) -> list[DayFigures]:
    """The dates at which something was seen, in their order; `firsts` has the date of each one's first time."""
    new: dict[date, int] = {}
    for first in firsts:
        new[first] = new.get(first, 0) + 1
    total, days = 0, []
    for here in sorted(seen):
        total += new.get(here, 0)
        days.append(DayFigures(here, seen[here], new.get(here, 0), total))
    return days
