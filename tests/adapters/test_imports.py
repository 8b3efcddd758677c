"""What is remembered of an import: the contract, on the fakes and in SQLite."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from nbhostd.adapters.imports import SqliteImports, SqlitePastEvents
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.takeover import Imports, PastEvent, PastEvents
from tests.fakes.imports import FakeImports, FakePastEvents
from tests.told import told

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PYTHON = CourseName("python")
PAST = [
    PastEvent(NOW - timedelta(days=number), StudentName("alice"), "open", f"w1/{number}")
    for number in range(3)
]


@pytest.fixture(params=["fake", "sqlite"])
async def imports(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Imports]:
    if request.param == "fake":
        yield FakeImports()
        return
    store = await SqliteStore.open(tmp_path / "n.db")
    yield SqliteImports(store.database)
    await store.close()


@pytest.fixture(params=["fake", "sqlite"])
async def events(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PastEvents]:
    if request.param == "fake":
        yield FakePastEvents()
        return
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    yield SqlitePastEvents(statistics.database)
    await statistics.close()


async def test_what_is_done_is_known_by_its_source(imports: Imports) -> None:
    assert await imports.done("here") == {}
    await imports.record("here", "student/python/alice", "1", NOW)
    await imports.record("there", "student/python/bob", "1", NOW)
    await imports.record("here", "student/python/alice", "2", NOW)
    assert await imports.done("here") == {"student/python/alice": "2"}


async def test_how_far_events_are_is_known(events: PastEvents) -> None:
    assert await events.progress("here", "events/python") == ""
    await events.add("here", "events/python", PYTHON, PAST[:2], "2", NOW)
    await events.add("here", "events/python", PYTHON, PAST[2:], "3", NOW)
    assert await events.progress("here", "events/python") == "3"
    assert await events.progress("there", "events/python") == ""


async def test_what_is_known_is_not_added_again_wherever_it_came_from(events: PastEvents) -> None:
    one = PAST[0]
    twice = [replace(one, event="reset"), *PAST[1:], one]
    assert await events.add("here", "events/python", PYTHON, [one], "1", NOW) == 1
    assert await events.add("there", "events/python", PYTHON, twice, "3", NOW) == 3
    assert await events.add("elsewhere", "events/python", PYTHON, [*twice, *twice], "6", NOW) == 4
    assert await events.add("there", "events/python", PYTHON, [one, one], "8", NOW) == 0
    others = [
        replace(one, student=StudentName("bob")),
        replace(one, event="stop", notebook=""),
        replace(one, at=one.at + timedelta(seconds=1)),
        replace(one, notebook="w1/else"),
    ]
    assert await events.add("here", "events/python", PYTHON, [*others, one], "9", NOW) == 4
    assert await events.add("here", "events/algo", CourseName("algo"), [one, one], "2", NOW) == 2
    assert await events.add("here", "events/python", PYTHON, others, "9", NOW) == 0


async def test_past_events_are_kept_as_our_own_are(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    elsewhere = datetime(2019, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    event = PastEvent(elsewhere, StudentName("alice"), "open", "w1/a")
    await SqlitePastEvents(statistics.database).add("here", "events/python", PYTHON, [event], "1", NOW)
    await statistics.close()
    assert told(tmp_path / "s.db") == [(1546300800, "python", "alice", "open", "w1/a")]


async def test_events_and_progress_are_there_together_or_not_at_all(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    events = SqlitePastEvents(statistics.database)
    broken = PastEvent(NOW, StudentName("alice"), None, "w1/a")  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        await events.add("here", "events/python", PYTHON, [*PAST, broken], "4", NOW)
    assert await events.progress("here", "events/python") == ""
    await statistics.close()
    assert told(tmp_path / "s.db") == []
