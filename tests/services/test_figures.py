"""Figures that are up to date, without those who are left out, by the reader's clock; and the count of what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.figures import SqliteSums
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.zones import find_zone
from nbhostd.core.counts import HostCount, Running
from nbhostd.core.errors import Refused
from nbhostd.core.figures import Excluded
from nbhostd.core.idle import Look
from nbhostd.core.model import JupyterStatus
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.services.counting import Counting
from nbhostd.services.figures import Figures
from tests.fakes.counts import FakeCounts, FakeGauges
from tests.services.cast import Cast

PYTHON = CourseName("python")
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


@dataclass
class Stage:
    statistics: SqliteStatistics
    excluded: Excluded = field(default_factory=Excluded)

    def __post_init__(self) -> None:
        self.figures = Figures(SqliteSums(self.statistics.database), self._who, find_zone)

    async def _who(self, course: CourseName) -> Excluded:
        return self.excluded

    async def happen(self, student: str, event: str = "open", when: datetime = NIGHT) -> None:
        self.statistics.record(when, WorkspaceId.parse(f"python/{student}"), event, "a.md")
        await self.statistics.database.write(lambda db: None)  # the one writer takes work in its order

    async def students(self, everybody: bool = False) -> int:
        await self.figures.ready(PYTHON)
        return (await self.figures.sums.overview(PYTHON, everybody)).students


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(await SqliteStatistics.open(tmp_path / "s.db"))
    yield stage
    await stage.statistics.close()


async def test_what_has_just_happened_is_in_the_figures(stage: Stage) -> None:
    assert await stage.students() == 0
    await stage.happen("a.b")
    assert await stage.students() == 1
    await stage.happen("c.d")
    await stage.figures.catch_up()
    assert (await stage.figures.sums.overview(PYTHON, False)).students == 2


async def test_staff_and_artefacts_are_left_out_and_counted_again_when_they_are_none_any_more(
    stage: Stage,
) -> None:
    for student in ("jean.dupont", "student", "test", "x" * 28, "teacher.one"):
        await stage.happen(student)
    stage.excluded = Excluded(frozenset({"teacher.one"}))
    assert (await stage.students(), await stage.students(everybody=True)) == (2, 5)
    stage.excluded = Excluded(accounts=frozenset({"test", "student"}))
    assert await stage.students() == 4
    assert (await stage.figures.sums.overview(PYTHON, False)).hidden == 1


async def test_staff_that_was_only_staff_while_something_was_summed_up(stage: Stage) -> None:
    assert await stage.students() == 0
    stage.excluded = Excluded(frozenset({"a.b"}))
    await stage.happen("a.b")
    await stage.figures.catch_up()
    stage.excluded = Excluded()
    assert await stage.students() == 1


async def test_the_days_are_the_readers_and_follow_what_happens(stage: Stage) -> None:
    await stage.happen("a.b")
    await stage.figures.ready(PYTHON)
    for zone, day in (("UTC", 23), ("Europe/Paris", 24), ("America/New_York", 23)):
        for look in (stage.figures.student_days, stage.figures.notebook_days):
            assert [(d.date, d.seen, d.new) for d in await look(PYTHON, zone, False)] == [
                (date(2026, 11, day), 1, 1)
            ]
    await stage.happen("c.d")
    await stage.figures.ready(PYTHON)
    assert [(d.seen, d.total) for d in await stage.figures.student_days(PYTHON, "UTC", False)] == [(2, 2)]


@pytest.mark.parametrize(
    "zone", ["", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "posix/UTC", "\0", "é"]
)
async def test_what_is_no_time_zone_is_refused(stage: Stage, zone: str) -> None:
    with pytest.raises(Refused) as caught:
        await stage.figures.student_days(PYTHON, zone, False)
    assert (caught.value.status, caught.value.reason) == (400, "bad-time-zone")


async def test_what_runs_is_counted_and_what_is_old_is_thinned_once_a_day() -> None:
    cast, counts = Cast(), FakeCounts()
    for workspace, kernels in (("python/alice", 2), ("python/bob", None), ("algo/alice", 1)):
        if await cast.store.course(CourseName(workspace.partition("/")[0])) is None:
            await cast.add_course(workspace.partition("/")[0])
        await cast.opened(workspace)
        entry = cast.workspaces.entries.by_id(WorkspaceId.parse(workspace))
        assert entry is not None
        status = None if kernels is None else JupyterStatus(kernels, 0, 0, None)
        entry.seen = Look(cast.clock.now(), cast.clock.now(), 0, status)
    counting = Counting(
        cast.workspaces.entries, cast.store, FakeGauges(HostCount(load1=5)), counts, cast.clock
    )
    await counting()
    cast.clock.later(minutes=5)
    await counting()
    assert (
        list(counts.kept.values())
        == [(Running(3, 3), HostCount(load1=5), {"python": Running(2, 2, 2), "algo": Running(1, 1, 1)})] * 2
    )
    assert len(counts.thinned) == 1
    cast.clock.later(days=1)
    await counting()
    assert len(counts.thinned) == 2
