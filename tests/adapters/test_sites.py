"""The contract of the table of static sites, on SQLite and on the fake; and the files, which hostile archives cannot leave."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters import sitefiles
from nbhostd.adapters.sitefiles import SiteDirectory
from nbhostd.adapters.sites import SqliteSites
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import JobState, Site
from nbhostd.core.names import CourseName
from nbhostd.core.ports import SiteFiles, Sites
from tests.fakes.sites import FakeSites

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COURSE = CourseName("python")
OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(params=["sqlite", "fake"])
async def table(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sites]:
    if request.param == "fake":
        yield FakeSites()
        return
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    for name in ("one", "two"):
        await store.create_course(CourseName(name), "https://git.test/c.git", None, "minimal", NOW)
    yield SqliteSites(store.database)
    await store.close()


async def test_attempts_are_remembered_the_latest_first(table: Sites) -> None:
    first = Site(1, "book", OLD, 5, JobState.SUCCEEDED, NOW)
    second = Site(1, "book", NEW, 7, JobState.RUNNING, NOW)
    other = Site(2, "book", OLD, 6, JobState.FAILED, NOW)
    for site in (first, second, other):
        await table.put(site)
    assert await table.of_course(1) == [second, first]
    again = Site(1, "book", OLD, 8, JobState.FAILED, NOW)
    await table.put(again)
    assert await table.of_course(1) == [again, second]
    assert await table.by_job(8) == again
    assert await table.by_job(5) is None
    await table.forget(1, "book", [OLD, "c" * 40])
    assert await table.of_course(1) == [second]
    assert await table.of_course(2) == [other]


@pytest.fixture
def files(tmp_path: Path) -> SiteDirectory:
    return SiteDirectory(tmp_path / "sites", settle=lambda: None)


def archive(files: SiteDirectory, job: int, *members: tuple[str | tarfile.TarInfo, bytes]) -> None:
    """What a build's container wrote."""
    with tarfile.open(files.output(job), "w") as tar:
        for name, content in members:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(content))


async def content(files: SiteFiles, version: str, path: str, build: str = "book") -> bytes | None:
    found = await files.find(COURSE, build, version, path)
    return None if found is None or found[1] else Path(found[0]).read_bytes()


async def test_a_site_is_published_whole_and_the_next_takes_its_place(files: SiteDirectory) -> None:
    assert await files.latest(COURSE, "book") is None
    archive(files, 1, ("index.html", b"one"), ("sub/x.js", b"js"))
    assert await files.publish(COURSE, "book", OLD, 1) == 2
    assert not Path(files.output(2)).with_name("1.tar").exists()
    archive(files, 2, ("index.html", b"two"))
    await files.publish(COURSE, "book", NEW, 2)
    assert await files.latest(COURSE, "book") == NEW
    assert await content(files, "latest", "index.html") == b"two"
    assert await content(files, OLD, "sub/x.js") == b"js"
    archive(files, 3, ("index.html", b"one again"))
    await files.publish(COURSE, "book", OLD, 3)
    assert await content(files, OLD, "index.html") == b"one again"
    assert await content(files, OLD, "sub/x.js") is None
    place = Path(files.output(9)).parents[1] / COURSE / "book" / ".trees"
    assert {tree.name for tree in place.iterdir()} == {"2", "3"}


async def test_what_is_not_kept_goes_and_the_latest_never(files: SiteDirectory) -> None:
    for job, commit in ((1, OLD), (2, NEW)):
        archive(files, job, ("index.html", b"x"))
        await files.publish(COURSE, "book", commit, job)
    archive(files, 3, ("index.html", b"x"))
    await files.publish(COURSE, "gone", OLD, 3)
    await files.prune(COURSE, {"book": []})
    assert await content(files, NEW, "index.html") == b"x"
    assert await content(files, OLD, "index.html") is None
    assert await content(files, "latest", "index.html", "gone") is None
    await files.prune(CourseName("absent"), {})


async def test_nothing_leads_out_of_a_site(files: SiteDirectory, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    archive(files, 1, ("index.html", b"x"), ("dir/y", b"y"))
    await files.publish(COURSE, "book", OLD, 1)
    tree = Path(files.output(9)).parents[1] / COURSE / "book" / ".trees/1"
    os.symlink(tmp_path / "secret", tree / "out")
    for path in (
        "out",
        "../x",
        "..",
        "dir/../index.html",
        "/etc/passwd",
        "dir//y",
        "a\0b",
        "./index.html",
        "\x01",
    ):
        assert await files.find(COURSE, "book", "latest", path) is None, path
    for version in ("..", ".trees", "LATEST", "a" * 39, OLD + "/..", ""):
        assert await files.find(COURSE, "book", version, "index.html") is None, version
    found = await files.find(COURSE, "book", "latest", "dir")
    assert found is not None
    assert found[1]
    for build in ("..", ".archives", "a/b", ""):
        with pytest.raises(Refused):
            await files.find(COURSE, build, "latest", "index.html")


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


async def test_links_and_devices_are_left_out_of_an_archive(files: SiteDirectory) -> None:
    archive(
        files, 1,
        (_link("link", "/etc/passwd"), b""), (_link("hard", "/etc/passwd", tarfile.LNKTYPE), b""),
        (_link("null", "", tarfile.CHRTYPE), b""), (_link("pipe", "", tarfile.FIFOTYPE), b""), ("x", b"x"),
    )  # fmt: skip
    assert await files.publish(COURSE, "book", OLD, 1) == 1


@pytest.mark.parametrize(
    "names", [["../x"], ["/etc/x"], ["a/../../x"], ["a\nb"], ["x", "x"], ["x", "x/y"], ["x/y", "x"], ["a" * 300]]
)  # fmt: skip
async def test_a_hostile_archive_is_refused_and_leaves_nothing(
    files: SiteDirectory, names: list[str], tmp_path: Path
) -> None:
    archive(files, 1, *((name, b"hostile") for name in names))
    with pytest.raises(WorldError):
        await files.publish(COURSE, "book", OLD, 1)
    assert await files.latest(COURSE, "book") is None
    place = tmp_path / "sites" / COURSE / "book"
    assert [path for path in place.rglob("*") if path.name != ".trees"] == []
    assert not (tmp_path / "x").exists()


def _torn() -> Iterator[bytes]:
    yield b""
    yield b"not an archive" * 100
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        entry = tarfile.TarInfo("x")
        entry.size = 100_000
        tar.addfile(entry, io.BytesIO(bytes(100_000)))
    yield whole.getvalue()[:50_000]
    # A chain of headers, deeper than anybody recurses.
    small = tarfile.TarInfo("x")
    small.type, small.size = tarfile.XHDTYPE, 0
    yield small.tobuf(tarfile.GNU_FORMAT) * 5000


@pytest.mark.parametrize("data", list(_torn()), ids=["empty", "garbage", "torn", "deep"])
async def test_what_is_no_archive_is_a_sentence(files: SiteDirectory, data: bytes) -> None:
    Path(files.output(1)).write_bytes(data)
    with pytest.raises(WorldError):
        assert await files.publish(COURSE, "book", OLD, 1) > 0
        raise WorldError("it had files")
    assert await files.latest(COURSE, "book") is None


async def test_a_header_is_not_taken_into_memory_because_it_says_so(files: SiteDirectory) -> None:
    huge = tarfile.TarInfo("x")
    huge.type, huge.size = tarfile.XHDTYPE, 1 << 20
    Path(files.output(1)).write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(2 << 20))
    with pytest.raises(WorldError) as error:
        await files.publish(COURSE, "book", OLD, 1)
    assert "a header that is too large" in error.value.detail
    archive(files, 1, ("large", bytes(1 << 20)))
    await files.publish(COURSE, "book", OLD, 1)
    assert await content(files, "latest", "large") == bytes(1 << 20)


async def test_a_site_has_a_size(files: SiteDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitefiles, "_MOST_FILES", 3)
    monkeypatch.setattr(sitefiles, "_MOST_BYTES", 10)
    archive(files, 1, *((f"{n}", b"x") for n in range(4)))
    with pytest.raises(WorldError, match="too large"):
        await files.publish(COURSE, "book", OLD, 1)
    archive(files, 1, ("x", b"12345"), ("y", b"678901"))
    with pytest.raises(WorldError, match="too large"):
        await files.publish(COURSE, "book", OLD, 1)


async def test_an_archive_can_be_discarded(files: SiteDirectory) -> None:
    archive(files, 1, ("x", b"x"))
    await files.discard(1)
    await files.discard(1)
    assert not Path(files.output(2)).with_name("1.tar").exists()
