"""What is counted every few minutes: how much runs, of each course and in all, and how the computer is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from nbhostd.core.names import CourseName

EVERY = 300.0
"""Seconds between two counts."""
KEPT_WHOLE = timedelta(days=14)
"""After that, one count an hour is left, with the most that ran in it and the mean of the rest."""
KEPT_HOURLY = timedelta(days=400)
"""After that, one a day."""
HOUR, DAY = 3600, 86400
MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class HostCount:
    """How the computer is. Loads in hundredths; disks as percent and MiB that are free; memory in bytes. None: not known."""

    load1: int | None = None
    load5: int | None = None
    load15: int | None = None
    containers_percent: int | None = None
    containers_free: int | None = None
    state_percent: int | None = None
    state_free: int | None = None
    system_percent: int | None = None
    system_free: int | None = None
    memory_total: int | None = None
    memory_free: int | None = None
    memory_available: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """Workspaces that run and the kernels in them; of a course also how many students have a workspace, if that is known."""

    workspaces: int | None = 0
    kernels: int | None = 0
    students: int | None = None


@dataclass(frozen=True, slots=True)
class CountPoint:
    """A count, or what is left of several: `at` is when (the first of) it began."""

    at: int
    course: Running
    all: Running
    host: HostCount


@dataclass(frozen=True, slots=True)
class PastCount:
    """A line of another system's counts.raw."""

    at: int
    course: Running
    all: Running
    host: HostCount


class Gauges(Protocol):
    """The computer's gauges."""

    def read(self) -> HostCount:
        """As they are now; cheap, and never an error."""


class Counts(Protocol):
    """The counts that are kept."""

    async def add(
        self, now: datetime, host: HostCount, all: Running, courses: Mapping[CourseName, Running]
    ) -> None:
        """Write a count down; a course that is not named had nothing running."""

    async def add_past(
        self,
        source: str,
        item: str,
        course: CourseName,
        counts: Sequence[PastCount],
        progress: str,
        now: datetime,
    ) -> None:
        """Add a course's past counts and remember how far it is, both or neither. What is known of a moment stays."""

    async def thin(self, now: datetime) -> int:
        """Leave one count an hour, and one a day, of what is old; how many went."""

    async def series(
        self, course: CourseName, since: datetime, until: datetime, most: int
    ) -> list[CountPoint]:
        """The counts from then until then, in at most `most` points: the most that ran, and the mean of the rest."""

    async def all_of(self, course: CourseName, after: int, most: int) -> list[CountPoint]:
        """The next counts after a moment, as they are kept."""

    async def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last count were; None without any."""
