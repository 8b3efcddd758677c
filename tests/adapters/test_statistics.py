"""Events: written together, none lost on the way, nobody held up."""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.core.names import CourseName, WorkspaceId

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
ALICE = WorkspaceId.parse("python/alice")


def _rows(path: Path) -> list[tuple[str, ...]]:
    db = sqlite3.connect(path)
    rows = db.execute("SELECT at, course, student, event, notebook FROM events ORDER BY number").fetchall()
    db.close()
    return rows


async def test_a_flood_is_written_whole_and_in_order(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    for number in range(5000):
        statistics.record(NOW, ALICE, "open", f"w1/n{number}.md")
    await statistics.close()
    rows = _rows(tmp_path / "s.db")
    assert [row[4] for row in rows] == [f"w1/n{number}.md" for number in range(5000)]
    assert rows[0][:4] == ("2026-09-01T08:30:00.000000+00:00", "python", "alice", "open")


async def test_an_event_after_the_end_is_nobodys_problem(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    await statistics.close()
    statistics.record(NOW, ALICE, "open", "n.md")
    assert _rows(tmp_path / "s.db") == []


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
    assert await statistics.opened(ALICE) == {"w1/a.md", "b.ipynb"}
    await statistics.close()
