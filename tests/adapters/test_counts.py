"""Counts: the contract, on the fake and on the file; what is left of old ones; and the computer's own gauges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.adapters.counts import LinuxGauges, SqliteCounts
from nbhostd.adapters.imports import SqlitePastEvents
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.core.counts import CountPoint, Counts, Gauges, HostCount, PastCount, Running
from nbhostd.core.names import CourseName
from tests.fakes.counts import FakeCounts, FakeGauges

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PYTHON, ALGO = CourseName("python"), CourseName("algo")


@pytest.fixture(params=["fake", "sqlite"])
async def counts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counts]:
    if request.param == "fake":
        yield FakeCounts()
        return
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    yield SqliteCounts(statistics.database)
    await statistics.close()


def at(moment: datetime) -> int:
    return int(moment.timestamp())


async def test_a_count_is_found_for_each_course(counts: Counts) -> None:
    host = HostCount(load1=120, memory_total=1 << 40, system_percent=7)
    assert await counts.span() is None
    await counts.add(
        NOW + timedelta(seconds=7), host, Running(5, 9), {PYTHON: Running(3, 4, 20), ALGO: Running(2, 5, 2)}
    )
    await counts.add(NOW + timedelta(minutes=5), HostCount(), Running(0, 0), {})
    assert await counts.series(PYTHON, NOW, NOW + timedelta(hours=1), 1000) == [
        CountPoint(at(NOW), Running(3, 4, 20), Running(5, 9), host),
        CountPoint(at(NOW) + 300, Running(0, 0), Running(0, 0), HostCount()),
    ]
    assert [point.course for point in await counts.all_of(ALGO, at(NOW), 5)] == [Running(0, 0)]
    assert [point.course for point in await counts.all_of(ALGO, at(NOW) - 1, 1)] == [Running(2, 5, 2)]
    assert [point.course for point in await counts.all_of(CourseName("other"), 0, 1)] == [Running(0, 0)]
    assert await counts.span() == (NOW, NOW + timedelta(minutes=5))


async def test_many_counts_are_few_points_with_the_most_and_the_mean(counts: Counts) -> None:
    for minute in range(60):
        host = HostCount(load1=100 * (minute % 2), memory_free=None if minute else 8)
        await counts.add(
            NOW + timedelta(minutes=minute), host, Running(minute, 1), {PYTHON: Running(minute // 2, 0)}
        )
    points = await counts.series(PYTHON, NOW, NOW + timedelta(minutes=59), 6)
    assert len(points) == 6
    assert [point.all.workspaces for point in points] == [9, 19, 29, 39, 49, 59]
    assert [point.course.workspaces for point in points] == [4, 9, 14, 19, 24, 29]
    assert {point.host.load1 for point in points} == {50}
    assert [point.host.memory_free for point in points] == [8, None, None, None, None, None]


async def test_what_is_old_is_left_by_the_hour_and_by_the_day(counts: Counts) -> None:
    for days in (500, 20, 1):
        for minute in range(0, 180, 5):
            moment = NOW - timedelta(days=days) + timedelta(minutes=minute)
            here = {PYTHON: Running(minute, 1, minute)} if minute < 60 else {}
            await counts.add(moment, HostCount(load1=100, load5=minute), Running(minute, 2), here)
    assert await counts.thin(NOW) == 35 + 33
    assert await counts.thin(NOW) == 0
    points = await counts.all_of(PYTHON, 0, 1000)
    assert len(points) == 1 + 3 + 36
    assert points[0] == CountPoint(
        at(datetime(2025, 7, 11, tzinfo=UTC)),
        Running(55, 1, 55),
        Running(175, 2),
        HostCount(load1=100, load5=88),
    )
    assert [point.course.workspaces for point in points[1:4]] == [55, 0, 0]
    assert [point.at for point in points[1:4]] == [
        at(NOW - timedelta(days=20)) + 3600 * hour for hour in range(3)
    ]


async def test_past_counts_come_beside_ours_and_change_nothing_that_is_known(counts: Counts) -> None:
    await counts.add(NOW, HostCount(load1=1), Running(1, 1), {PYTHON: Running(1, 1, 1)})
    past = [
        PastCount(at(NOW) - 300, Running(2, 3, 9), Running(None, None), HostCount(load1=7)),
        PastCount(at(NOW) + 3, Running(8, 8, 8), Running(8, 8), HostCount(load1=8)),
    ]
    await counts.add_past("here", "counts/python", PYTHON, past, "10:x", NOW)
    await counts.add_past("here", "counts/algo", ALGO, past[1:], "3:x", NOW)
    assert await counts.all_of(PYTHON, 0, 10) == [
        CountPoint(at(NOW) - 300, Running(2, 3, 9), Running(None, None), HostCount(load1=7)),
        CountPoint(at(NOW), Running(1, 1, 1), Running(1, 1), HostCount(load1=1)),
    ]
    assert [point.course for point in await counts.all_of(ALGO, 0, 10)] == [Running(0, 0), Running(8, 8, 8)]


async def test_the_progress_of_an_import_is_kept_with_it(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    await SqliteCounts(statistics.database).add_past("here", "counts/python", PYTHON, [], "10:x", NOW)
    assert await SqlitePastEvents(statistics.database).progress("here", "counts/python") == "10:x"
    await statistics.close()


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_gauges_are_plausible(kind: str, tmp_path: Path) -> None:
    gauges: Gauges = FakeGauges() if kind == "fake" else LinuxGauges(tmp_path, tmp_path / "missing")
    read = gauges.read()
    assert read.load1 is None or 0 <= read.load1 < 100_000
    assert read.memory_total is not None and read.memory_total > 0
    assert (read.containers_percent, read.containers_free) == (None, None)
    assert read.system_percent is None or 0 <= read.system_percent <= 100
