"""Counts and gauges: the counts in a dictionary, and a computer whose gauges a test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from statistics import fmean

from nbhostd.core.counts import DAY, HOUR, KEPT_HOURLY, KEPT_WHOLE, CountPoint, HostCount, PastCount, Running
from nbhostd.core.names import CourseName


@dataclass
class FakeGauges:
    now: HostCount = field(default_factory=lambda: HostCount(load1=150, memory_total=1 << 34))

    def read(self) -> HostCount:
        return self.now


@dataclass
class FakeCounts:
    """`kept` has by minute what ran in all, and of each course, and how the computer was."""

    kept: dict[int, tuple[Running, HostCount, dict[str, Running]]] = field(default_factory=dict)
    progress: dict[tuple[str, str], str] = field(default_factory=dict)
    thinned: list[datetime] = field(default_factory=list)

    async def add(
        self, now: datetime, host: HostCount, all: Running, courses: Mapping[CourseName, Running]
    ) -> None:
        self.kept[int(now.timestamp()) // 60 * 60] = (
            all,
            host,
            {str(name): running for name, running in courses.items()},
        )

    async def add_past(
        self,
        source: str,
        item: str,
        course: CourseName,
        counts: Sequence[PastCount],
        progress: str,
        now: datetime,
    ) -> None:
        for count in counts:
            _, _, courses = self.kept.setdefault(count.at // 60 * 60, (count.all, count.host, {}))
            courses.setdefault(course, count.course)
        self.progress[source, item] = progress

    async def thin(self, now: datetime) -> int:
        self.thinned.append(now)
        before = len(self.kept)
        for step, age in ((HOUR, KEPT_WHOLE), (DAY, KEPT_HOURLY)):
            edge = int((now - age).timestamp()) // DAY * DAY
            for start in {at // step * step for at in self.kept if at < edge}:
                together = [self.kept.pop(at) for at in sorted(self.kept) if start <= at < start + step]
                names = {name for _, _, courses in together for name in courses}
                self.kept[start] = (
                    _most([all for all, _, _ in together]), _mean([host for _, host, _ in together]),
                    {name: _most([c[name] for _, _, c in together if name in c]) for name in names},
                )  # fmt: skip
        return before - len(self.kept)

    async def series(
        self, course: CourseName, since: datetime, until: datetime, most: int
    ) -> list[CountPoint]:
        first, last = int(since.timestamp()), int(until.timestamp())
        step = max(60, -(-(last - first + 1) // most))
        groups: dict[int, list[int]] = {}
        for at in sorted(self.kept):
            if first <= at <= last:
                groups.setdefault((at - first) // step, []).append(at)
        return [
            CountPoint(
                times[0], _most([self.kept[at][2].get(course, Running()) for at in times]),
                _most([self.kept[at][0] for at in times]), _mean([self.kept[at][1] for at in times]),
            )
            for times in groups.values()
        ]  # fmt: skip

    async def all_of(self, course: CourseName, after: int, most: int) -> list[CountPoint]:
        return [
            CountPoint(at, courses.get(course, Running()), all, host)
            for at, (all, host, courses) in sorted(self.kept.items())
            if at > after
        ][:most]

    async def span(self) -> tuple[datetime, datetime] | None:
        if not self.kept:
            return None
        return datetime.fromtimestamp(min(self.kept), UTC), datetime.fromtimestamp(max(self.kept), UTC)


def _most(several: list[Running]) -> Running:
    def most(name: str) -> int | None:
        return max((n for one in several if (n := getattr(one, name)) is not None), default=None)

    return Running(most("workspaces"), most("kernels"), most("students"))


def _mean(several: list[HostCount]) -> HostCount:
    means = {}
    for one in fields(HostCount):
        known = [n for host in several if (n := getattr(host, one.name)) is not None]
        means[one.name] = int(fmean(known) + 0.5) if known else None
    return HostCount(**means)
