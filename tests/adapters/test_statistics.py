"""Events: written together, none lost on the way, nobody held up."""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.adapters.database import Database
from nbhostd.adapters.figures import SqliteSums
from nbhostd.adapters.migrations import STATISTICS
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.students import Activity
from tests.told import told

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
ALICE = WorkspaceId.parse("python/alice")


async def test_a_flood_is_written_whole_and_in_order(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    for number in range(5000):
        statistics.record(NOW, ALICE, "open", f"w1/n{number}.md")
    await statistics.close()
    rows = told(tmp_path / "s.db")
    assert [row[4] for row in rows] == [f"w1/n{number}" for number in range(5000)]
    assert rows[0][:4] == (int(NOW.timestamp()), "python", "alice", "open")


async def test_an_event_after_the_end_is_nobodys_problem(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    await statistics.close()
    statistics.record(NOW, ALICE, "open", "n.md")
    assert told(tmp_path / "s.db") == []


async def test_a_batch_that_cannot_be_written_is_said_to_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    db = sqlite3.connect(tmp_path / "s.db")
    db.execute("ALTER TABLE events RENAME TO elsewhere")
    db.close()
    with caplog.at_level(logging.WARNING):
        statistics.record(NOW, ALICE, "open", "n.md")
        await statistics.close()
    assert "a batch of events is lost" in caplog.text


async def test_what_a_student_has_opened_is_remembered_once_each(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    for who, event, notebook in (
        ("python/alice", "open", "w1/a.md"),
        ("python/alice", "open", "w1/a.md"),
        ("python/alice", "reset", "b.ipynb"),
        ("python/alice", "start", ""),
        ("python/alice", "open", ""),
        ("python/bob", "open", "c.py"),
        ("other/alice", "open", "d.py"),
    ):
        statistics.record(NOW, WorkspaceId.parse(who), event, notebook)
    # The one writer takes work in its order.
    await statistics.rename_course(CourseName("none"), CourseName("none2"))
    assert await statistics.opened(ALICE) == {"w1/a", "b"}
    await statistics.close()


async def test_events_that_an_earlier_version_wrote_down_are_all_there(tmp_path: Path) -> None:
    old = await Database.open(tmp_path / "s.db", STATISTICS[:3])
    rows = [
        ("2026-09-01T08:30:00.250000+00:00", "python", "alice", "open", "w1/a.ipynb"),
        ("2019-01-01T00:00:00.000000+00:00", "python", "bob", "open", "w1/a"),
        ("2026-09-01T08:31:00.000000+00:00", "algo", "alice", "start", ""),
    ]
    await old.write(
        lambda db: db.executemany(
            "INSERT INTO events (at, course, student, event, notebook) VALUES (?, ?, ?, ?, ?)", rows
        )
    )
    await old.close()
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    statistics.record(NOW, ALICE, "reset", "b.py")
    await statistics.close()
    assert told(tmp_path / "s.db") == [
        (int(NOW.timestamp()), "python", "alice", "open", "w1/a"),
        (1546300800, "python", "bob", "open", "w1/a"),
        (int(NOW.timestamp()) + 60, "algo", "alice", "start", ""),
        (int(NOW.timestamp()), "python", "alice", "reset", "b"),
    ]


@pytest.mark.parametrize("summed_up", [0, 2, 9])
async def test_visits_are_known_before_they_are_summed_up(tmp_path: Path, summed_up: int) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    later = NOW + timedelta(hours=1)
    for moment, who, event, notebook in (
        (later, "python/alice", "open", "a.md"), (NOW, "python/bob", "open", "a.md"), (NOW, "python/alice", "open", "a.py"),
        (NOW, "python/alice", "reset", "b.md"), (later, "python/bob", "stop", ""), (later, "algo/bob", "open", "x.md"),
    ):  # fmt: skip
        statistics.record(moment, WorkspaceId.parse(who), event, notebook)
    await SqliteSums(statistics.database).sum_up(summed_up, {})
    assert await statistics.last_visits() == {
        ALICE: later, WorkspaceId.parse("python/bob"): NOW, WorkspaceId.parse("algo/bob"): later,
    }  # fmt: skip
    assert await statistics.activities(ALICE.course) == {
        ALICE.student: Activity(later, 2), StudentName("bob"): Activity(NOW, 1),
    }  # fmt: skip
    await statistics.close()
