"""Figures of a course: summed up to the moment, without those who are left out, by the reader's clock."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any, TypeVar

from nbhostd.core.figures import Animation, DayFigures, Excluded, Overview, WhoIsExcluded
from nbhostd.core.localdays import LocalDays
from nbhostd.core.names import CourseName
from nbhostd.core.ports_figures import Sums

log = logging.getLogger(__name__)

T = TypeVar("T")
FindZone = Callable[[str], tzinfo]
"""A time zone by its IANA name. Raises Refused(400)."""

_AT_ONCE = 20_000
"""Events that are summed up in one write: half a second at most, in which other events wait."""
_MOST_ZONES = 8
_MOST_REMEMBERED = 64
_MOST_FRAMES = 240

_Key = tuple[str, CourseName, str, bool]


class Figures:
    """Sees to it that `sums` are up to date; what takes long is remembered until something happens."""

    def __init__(self, sums: Sums, who: WhoIsExcluded, find_zone: FindZone) -> None:
        self.sums = sums
        self._who = who
        self._find_zone = find_zone
        self._turn = asyncio.Lock()
        self._applied: dict[CourseName, Excluded] = {}
        self._zones: OrderedDict[str, LocalDays] = OrderedDict()
        self._remembered: OrderedDict[_Key, tuple[Overview, Any]] = OrderedDict()

    async def ready(self, course: CourseName) -> int:
        """Bring a course's figures up to date, as far as that takes no time; how many events are still to be summed up."""
        left = await self._sum_up()
        excluded = await self._who(course)
        if self._applied.get(course) != excluded:
            changed = await self.sums.reconsider(course, excluded)
            self._applied[course] = excluded
            if changed:
                log.info("statistics of %s: %d students are left out, or no longer", course, changed)
        return left

    async def catch_up(self) -> None:
        """Sum up all there is."""
        while await self._sum_up():
            pass

    async def _sum_up(self) -> int:
        async with self._turn:
            waiting, courses = await self.sums.waiting(_AT_ONCE)
            if not waiting:
                return 0
            excluded = {course: await self._who(course) for course in courses}
            for course, here in excluded.items():
                if self._applied.get(course) != here:
                    self._applied.pop(course, None)
            return await self.sums.sum_up(_AT_ONCE, excluded)

    def days(self, zone: str) -> LocalDays:
        """The dates of a time zone. Raises Refused(400)."""
        if zone not in self._zones:
            self._zones[zone] = LocalDays(self._find_zone(zone))
        self._zones.move_to_end(zone)
        while len(self._zones) > _MOST_ZONES:
            self._zones.popitem(last=False)
        return self._zones[zone]

    async def student_days(self, course: CourseName, zone: str, everybody: bool) -> list[DayFigures]:
        """How many students were seen at each date. Raises Refused(400) for what is no time zone."""
        days = self.days(zone)
        key = ("students", course, zone, everybody)
        return await self._remember(key, lambda: self.sums.student_days(course, days, everybody))

    async def notebook_days(self, course: CourseName, zone: str, everybody: bool) -> list[DayFigures]:
        """How many notebooks were read at each date. Raises Refused(400) for what is no time zone."""
        days = self.days(zone)
        key = ("notebooks", course, zone, everybody)
        return await self._remember(key, lambda: self.sums.notebook_days(course, days, everybody))

    async def animation(self, course: CourseName, everybody: bool) -> Animation:
        """How many students had opened each notebook, as time went by."""
        key = ("animation", course, "", everybody)
        return await self._remember(key, lambda: self.sums.animation(course, everybody, _MOST_FRAMES))

    async def _remember(self, key: _Key, look: Callable[[], Awaitable[T]]) -> T:
        # Every visit changes the overview, and so does whoever is hidden.
        _, course, _, everybody = key
        overview = await self.sums.overview(course, everybody)
        known = self._remembered.get(key)
        if known is not None and known[0] == overview:
            remembered: T = known[1]
            return remembered
        found = await look()
        self._remembered[key] = (overview, found)
        self._remembered.move_to_end(key)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return found
