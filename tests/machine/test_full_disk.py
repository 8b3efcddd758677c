"""A disk that is full: whoever asked is told, nothing is half-done, and the next try succeeds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.git import Mirrors
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.names import CourseName
from tests.machine.site import make_repository, run

COURSE = CourseName("python")
NOW = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=3m", "none", str(path))
    yield path
    run("umount", "--lazy", str(path))  # a failed test may still hold a pack that was mapped into memory


@pytest.mark.parametrize("files", [20, 40])  # the mirror fits and the tree does not; not even the mirror
async def test_a_course_that_does_not_fit_leaves_the_one_before(
    small_disk: Path, tmp_path: Path, files: int
) -> None:
    small = make_repository(tmp_path / "small", {"a.md": "# one\n"})
    large = make_repository(tmp_path / "large", {f"{n}.bin": os.urandom(100_000) for n in range(files)})
    git = Mirrors(small_disk / "courses")
    commit = await git.fetch(COURSE, str(small), None, lambda _: None)
    await git.export(COURSE, commit, lambda _: None)
    with pytest.raises((NotNow, WorldError)) as error:
        await git.export(COURSE, await git.fetch(COURSE, str(large), None, lambda _: None), lambda _: None)
    assert "Traceback" not in error.value.message
    assert await git.files(COURSE) == {"a.md"}
    public = small_disk / "courses" / COURSE / "public"
    assert {path.name for path in public.iterdir()} == {commit, "current"}
    await git.delete(COURSE)
    commit = await git.fetch(COURSE, str(small), None, lambda _: None)
    await git.export(COURSE, commit, lambda _: None)
    assert await git.files(COURSE) == {"a.md"}
    await git.close()


async def test_a_store_on_a_full_disk_says_not_now_and_goes_on_later(small_disk: Path) -> None:
    store = await SqliteStore.open(small_disk / "nbhostd.db")
    await store.create_course(COURSE, "/srv/x", None, "minimal", NOW)
    filler = small_disk / "filler"
    with filler.open("wb") as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)
            file.flush()
    with pytest.raises(NotNow, match="full"):
        for number in range(2000):
            await store.create_job("pull", f"course {number}", NOW)
    assert await store.course(COURSE) is not None
    filler.unlink()
    job = await store.create_job("pull", "python", NOW)
    assert await store.job(job.number) == job
    await store.close()
