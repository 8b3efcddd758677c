"""The contract of what pages about students ask for: the same stories on SQLite and files, and on the fakes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.adapters.measurements import SqliteMeasurements
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.adapters.uploads import UploadDirectory
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.ports import Store
from nbhostd.core.ports_students import Measurements, Uploads
from nbhostd.core.students import Activity, Measurement
from tests.fakes.store import FakeStore
from tests.fakes.students import FakeMeasurements, FakeUploads

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
COURSE = CourseName("python")


@pytest.fixture(params=["sqlite", "fake"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Store, Measurements]]:
    if request.param == "sqlite":
        real = await SqliteStore.open(tmp_path / "nbhostd.db")
        yield real, SqliteMeasurements(real.database)
        await real.close()
    else:
        store = FakeStore()
        yield store, FakeMeasurements(store)


async def _workspace(store: Store, name: str) -> int:
    id = WorkspaceId.parse(name)
    if await store.course(id.course) is None:
        await store.create_course(id.course, "/c", None, "minimal", NOW)
    return (await store.ensure_workspace(id, Mode.MOOC, name.replace("/", "-"), NOW)).number


async def test_the_last_measurement_counts_and_goes_with_its_workspace(
    books: tuple[Store, Measurements],
) -> None:
    store, measurements = books
    alice, bob = await _workspace(store, "python/alice"), await _workspace(store, "python/bob")
    other = await _workspace(store, "other/alice")
    later = NOW + timedelta(days=1)
    for number, measurement in (
        (alice, Measurement(1, 2, NOW)), (bob, Measurement(3, 4, NOW)), (alice, Measurement(5, 6, later)),
        (other, Measurement(9, 9, NOW)), (987, Measurement(1, 1, NOW)),
    ):  # fmt: skip
        await measurements.put(number, measurement)
    assert await measurements.of_course(COURSE) == {
        alice: Measurement(5, 6, later), bob: Measurement(3, 4, NOW),
    }  # fmt: skip
    assert await measurements.of_course(CourseName("nowhere")) == {}
    await store.delete_workspace(bob)
    assert list(await measurements.of_course(COURSE)) == [alice]
    assert await measurements.every() == {alice: Measurement(5, 6, later), other: Measurement(9, 9, NOW)}


@pytest.fixture(params=["directory", "fake"])
def uploads(request: pytest.FixtureRequest, tmp_path: Path) -> Uploads:
    return UploadDirectory(tmp_path / "uploads") if request.param == "directory" else FakeUploads()


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_what_was_received_is_passed_on_as_often_as_one_likes(uploads: Uploads, tmp_path: Path) -> None:
    async with uploads.receive(_pieces(b"ab", b"", b"c" * 700_000), 1 << 20) as received:
        assert received.size == 700_002
        for _ in range(2):
            assert b"".join([piece async for piece in received.pieces()]) == b"ab" + b"c" * 700_000
        assert not list(tmp_path.glob("uploads/*")), "it has no name that anybody could find"


async def test_what_is_too_large_is_refused_as_soon_as_that_is_known(uploads: Uploads) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1000

    with pytest.raises(Refused) as caught:
        async with uploads.receive(endless(), 5000):
            pass
    assert (caught.value.status, taken) == (413, 6)


async def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("no directory")
    with pytest.raises(WorldError):
        async with UploadDirectory(tmp_path / "uploads").receive(_pieces(b"x"), 10):
            pass
    assert os.listdir(tmp_path) == ["uploads"]


async def test_activities_are_of_one_course(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "statistics.db")
    later = NOW + timedelta(hours=2)
    for moment, workspace, event, notebook in (
        (NOW, "python/alice", "open", "a.md"), (later, "python/alice", "reset", "a.md"),
        (NOW, "python/alice", "open", "b.md"), (later + timedelta(hours=1), "python/alice", "stop", ""),
        (NOW, "python/bob", "open", "a.md"), (NOW, "other/alice", "open", "c.md"),
    ):  # fmt: skip
        statistics.record(moment, WorkspaceId.parse(workspace), event, notebook)
    await statistics.rename_course(CourseName("x"), CourseName("y"))  # whatever is queued is written before
    assert await statistics.activities(COURSE) == {
        StudentName("alice"): Activity(later, 2), StudentName("bob"): Activity(NOW, 1),
    }  # fmt: skip
    await statistics.close()
