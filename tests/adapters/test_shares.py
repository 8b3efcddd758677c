"""The contract of Shares and SharePages: the same stories on SQLite and files, and on the fakes."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.adapters.sharefiles import ShareDirectory
from nbhostd.adapters.shares import SqliteShares
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Mode, Share
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.core.ports import Store
from nbhostd.core.ports_sharing import SharePages, Shares
from tests.fakes.shares import FakePages, FakeShares
from tests.fakes.store import FakeStore

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALICE, BOB = WorkspaceId.parse("python/alice"), WorkspaceId.parse("python/bob")
A, B = NotebookPath.parse("w1/a b.md"), NotebookPath.parse("w1/é.ipynb")


@dataclass
class Books:
    store: Store
    shares: Shares
    alice: int = 0
    bob: int = 0


@pytest.fixture(params=["sqlite", "fake"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    real = await SqliteStore.open(tmp_path / "nbhostd.db") if request.param == "sqlite" else None
    store: Store = real or FakeStore()
    this = Books(store, SqliteShares(real.database) if real else FakeShares(store))
    await store.create_course(CourseName("python"), "https://git.test/c.git", None, "minimal", NOW)
    this.alice = (await store.ensure_workspace(ALICE, Mode.MOOC, "a" * 26, NOW)).number
    this.bob = (await store.ensure_workspace(BOB, Mode.MOOC, "b" * 26, NOW)).number
    yield this
    if real:
        await real.close()


async def test_sharing_again_keeps_the_address(books: Books) -> None:
    first = await books.shares.share(books.alice, A, "token-1", NOW)
    assert first == Share("token-1", ALICE, A, NOW)
    again = await books.shares.share(books.alice, A, "token-2", LATER)
    assert again == Share("token-1", ALICE, A, LATER)
    assert await books.shares.by_token("token-1") == again
    assert await books.shares.by_token("token-2") is None


async def test_each_student_and_notebook_has_an_address_of_its_own(books: Books) -> None:
    await books.shares.share(books.bob, A, "t3", NOW)
    await books.shares.share(books.alice, B, "t2", NOW)
    await books.shares.share(books.alice, A, "t1", NOW)
    assert [share.token for share in await books.shares.shares()] == ["t1", "t2", "t3"]
    assert [share.token for share in await books.shares.shares(books.alice)] == ["t1", "t2"]
    found = await books.shares.share_of(books.bob, A)
    assert found is not None
    assert found.token == "t3"
    assert await books.shares.share_of(books.bob, B) is None


async def test_what_is_taken_back_is_gone_and_a_new_share_has_a_new_address(books: Books) -> None:
    await books.shares.share(books.alice, A, "t1", NOW)
    await books.shares.unshare("t1")
    await books.shares.unshare("t1")
    assert await books.shares.by_token("t1") is None
    assert (await books.shares.share(books.alice, A, "t2", NOW)).token == "t2"


async def test_shares_go_with_their_workspace_and_follow_a_renamed_course(books: Books) -> None:
    await books.shares.share(books.alice, A, "t1", NOW)
    await books.shares.share(books.bob, A, "t2", NOW)
    await books.store.delete_workspace(books.alice)
    await books.store.rename_course(CourseName("python"), CourseName("snake"))
    (left,) = await books.shares.shares()
    assert left == Share("t2", WorkspaceId.parse("snake/bob"), A, NOW)
    assert await books.shares.by_token("t1") is None


@pytest.mark.parametrize("kind", ["files", "fake"])
async def test_pages_are_replaced_and_swept(kind: str, tmp_path: Path) -> None:
    pages: SharePages = ShareDirectory(tmp_path / "shares") if kind == "files" else FakePages()
    assert await pages.sweep([]) == 0
    for token in ("t1", "t2", "t3"):
        await pages.write(token, b"first")
    await pages.write("t1", b"second")
    await pages.delete("t3")
    await pages.delete("t3")
    assert await pages.sweep(["t1", "t9"]) == 1
    assert await pages.sweep(["t1"]) == 0


async def test_a_page_is_for_the_service_user_only(tmp_path: Path) -> None:
    pages = ShareDirectory(tmp_path / "shares")
    await pages.write("t1", b"first")
    await pages.write("t1", b"second")
    path = Path(pages.path("t1"))
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (path.parent / ".t2.new").write_bytes(b"half of a page")
    assert await pages.sweep(["t1"]) == 1
    assert [one.name for one in path.parent.iterdir()] == ["t1.html"]


async def test_a_page_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    pages = ShareDirectory(tmp_path / "shares")
    await pages.write("t1", b"first")
    (tmp_path / "shares" / ".t1.new").mkdir()
    with pytest.raises(WorldError):
        await pages.write("t1", b"second")
    assert Path(pages.path("t1")).read_bytes() == b"first"
