"""The predecessor's raw files: what a line of counts.raw says, and how lines of both files are written.

Both are words with a space between, after a moment in UTC; a line of events.raw is read by `predecessor.event`. What is
written here is understood by it, and by the predecessor, except where a notebook has a space in its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Protocol

from nbhostd.core.counts import CountPoint, HostCount, PastCount, Running
from nbhostd.core.figures import Recorded, stem
from nbhostd.core.names import CourseName
from nbhostd.core.predecessor import RawFile, event

EVENTS, COUNTS = "events.raw", "counts.raw"

_COUNTED = 18
_UNKNOWN = -1
"""Stands for what is not known before what is: the predecessor reads whole numbers only."""
_BLANKS = ("None", "null", "-")
_LARGEST = (1 << 63) - 1


class RawFiles(Protocol):
    """Where nbhostctl finds raw files, and puts them."""

    def read(self, path: str) -> RawFile:
        """A file. Raises WorldError."""

    def write(
        self, folder: str, course: CourseName, name: str, *, replace: bool
    ) -> AbstractContextManager[Callable[[str], None]]:
        """Takes the lines of <folder>/<course>/<name>, which has its name only once this is left without an error.

        Raises Refused(409) when it is there already and is not to be replaced, WorldError.
        """

    def pour(self) -> AbstractContextManager[Callable[[str], None]]:
        """Takes the lines that standard output gets. Raises Refused on a terminal."""


def count(line: str) -> tuple[int, ...] | None:
    """(seconds since 1970, and up to eighteen numbers) of a line of counts.raw; None for one that says nothing.

    What is not known is -1. Raises ValueError.
    """
    moment, *words = line.split() or ["#"]
    if moment.startswith("#"):
        return None
    if not 0 < len(words) <= _COUNTED:
        raise ValueError(f"{len(words)} numbers")
    if len(moment) != len("2016-09-01T08:00:00"):
        raise ValueError("no time of the day, in UTC")
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    numbers = [_UNKNOWN if word in _BLANKS else int(word) for word in words]
    if max(numbers) > _LARGEST:
        raise ValueError("a number that is too large")
    return int(at.timestamp()), *(max(number, _UNKNOWN) for number in numbers)


def past_count(numbers: Sequence[int]) -> PastCount:
    """What `count` found, as we count. Raises ValueError for what it never finds."""
    if not 1 < len(numbers) <= _COUNTED + 1 or any(type(n) is not int or abs(n) > _LARGEST for n in numbers):
        raise ValueError("no count")
    at, *given = numbers
    known = [number if number >= 0 else None for number in given]
    workspaces, _, kernels, students, *rest = known + [None] * (_COUNTED - len(known))
    *gauges, all_workspaces, all_kernels = rest
    running = Running(workspaces, kernels, students)
    return PastCount(at, running, Running(all_workspaces, all_kernels), HostCount(*gauges))


def count_line(point: CountPoint) -> str:
    """A line of counts.raw, without its end."""
    course = point.course
    numbers = [course.workspaces, 0, course.kernels, course.students, *astuple(point.host)]
    numbers += [point.all.workspaces, point.all.kernels]
    while numbers[-1] is None:
        numbers.pop()
    return " ".join((_moment(point.at), *(str(_UNKNOWN if number is None else number) for number in numbers)))


def event_line(course: str, recorded: Recorded) -> str | None:
    """A line of events.raw, without its end; None for what such a line cannot say.

    There is no word for most events, and no notebook in it may have a name that would be read as another one.
    """
    if recorded.is_visit:
        kind, notebook, words = "open", recorded.notebook, f"{recorded.notebook} existing 0"
    elif recorded.event == "stop":
        kind, notebook, words = "stop", "", "- killing -"
    else:
        return None
    moment = _moment(recorded.at)
    line = f"{moment} {course} {recorded.student} {words}"
    if "\n" in line or "\r" in line:
        return None
    try:
        read = event(line)
    except ValueError:
        return None
    if read is None or (read[1], read[2], stem(read[3])) != (recorded.student, kind, notebook):
        return None
    return line


def has_spaces(notebook: str) -> bool:
    """Whether the predecessor takes a notebook's name for several words, and leaves its line out."""
    return len(notebook.split()) > 1


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
