"""The contract of Catalogs, on SQLite and on the fake; and of the reader of trees, on the disk and on the fake."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.catalogs import SqliteCatalogs
from nbhostd.adapters.notebooks import TreeNotebooks
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.catalog import Catalogs, NotebookReader
from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.notebookmeta import LARGEST_IPYNB, NotebookFacts
from tests.fakes.catalogs import FakeCatalogs, FakeNotebooks
from tests.fakes.git import FakeGit

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
ALGO = CourseName("algo")
COMMIT, OTHER = "ab" * 20, "cd" * 20
FACTS = {
    NotebookPath("w1/é.md"): NotebookFacts("Été", "2.1", "md:myst", True),
    NotebookPath("b.py"): NotebookFacts("b.py"),
}


@pytest.fixture(params=["sqlite", "fake"])
async def catalogs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Catalogs]:
    if request.param == "fake":
        yield FakeCatalogs(gone={9})
        return
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    await store.create_course(ALGO, "https://git.test/c.git", None, "minimal", NOW)
    yield SqliteCatalogs(store.database)
    await store.close()


async def test_a_catalogue_is_kept_for_one_commit(catalogs: Catalogs) -> None:
    assert await catalogs.load(1, COMMIT) is None
    await catalogs.save(1, COMMIT, FACTS)
    assert await catalogs.load(1, COMMIT) == FACTS
    assert await catalogs.load(1, OTHER) is None
    await catalogs.save(1, OTHER, {})
    assert await catalogs.load(1, COMMIT) is None
    assert await catalogs.load(1, OTHER) == {}


async def test_the_catalogue_of_a_course_that_is_gone_is_not_kept(catalogs: Catalogs) -> None:
    await catalogs.save(9, COMMIT, FACTS)
    assert await catalogs.load(9, COMMIT) is None


async def test_a_catalogue_goes_with_its_course_and_is_read_again_by_a_newer_program(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    await store.create_course(ALGO, "https://git.test/c.git", None, "minimal", NOW)
    catalogs = SqliteCatalogs(store.database)
    await catalogs.save(1, COMMIT, FACTS)
    old = json.dumps({"edition": 0, "notebooks": {}})
    await store.database.write(lambda db: db.execute("UPDATE catalogs SET content = ?", (old,)).rowcount)
    assert await catalogs.load(1, COMMIT) is None
    await catalogs.save(1, COMMIT, FACTS)
    await store.delete_course(ALGO)
    count = await store.database.read(lambda db: db.execute("SELECT count(*) FROM catalogs").fetchone()[0])
    assert count == 0
    await store.close()


TREE = {
    "w1/a.md": b"---\njupyter:\n  nbhosting: {title: A}\n---\n",
    "w1/b.ipynb": b'{"metadata": {"nbhosting": {"title": "B", "version": "2"}}, "cells": []}',
    "w1/bad.ipynb": b"{",
    "large.ipynb": b" " * (LARGEST_IPYNB + 1),
    "modules/m.py": b"import os\n",
    "data.csv": b"",
}


@pytest.fixture(params=["tree", "fake"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> NotebookReader:
    if request.param == "fake":
        git = FakeGit()
        git._trees[ALGO] = {COMMIT: TREE}
        return FakeNotebooks(git)
    for path, content in TREE.items():
        file = tmp_path / "algo/public" / COMMIT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return TreeNotebooks(tmp_path)


async def test_every_notebook_of_a_tree_is_read(reader: NotebookReader) -> None:
    assert await reader.facts(ALGO, COMMIT) == {
        "large.ipynb": NotebookFacts("large.ipynb", "n/a", "ipynb"),
        "modules/m.py": NotebookFacts("modules/m.py"),
        "w1/a.md": NotebookFacts("A", "", "md"),
        "w1/b.ipynb": NotebookFacts("B", "2", "ipynb"),
        "w1/bad.ipynb": NotebookFacts("w1/bad.ipynb", "n/a", "ipynb"),
    }


async def test_a_tree_that_is_not_there_is_said(reader: NotebookReader) -> None:
    with pytest.raises(WorldError):
        await reader.facts(ALGO, OTHER)


async def test_no_link_of_a_tree_is_followed(tmp_path: Path) -> None:
    top = tmp_path / "algo/public" / COMMIT
    top.mkdir(parents=True)
    (tmp_path / "secret.md").write_bytes(TREE["w1/a.md"])
    (top / "link.md").symlink_to(tmp_path / "secret.md")
    (top / "out").symlink_to(tmp_path)
    os.mkfifo(top / "pipe.md")
    assert await asyncio.wait_for(TreeNotebooks(tmp_path).facts(ALGO, COMMIT), 10) == {}


async def test_everybody_else_has_a_turn_while_a_large_course_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "algo/public" / COMMIT
    top.mkdir(parents=True)
    for number in range(60):
        (top / f"{number}.md").write_bytes(TREE["w1/a.md"])
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    assert len(await TreeNotebooks(tmp_path).facts(ALGO, COMMIT)) == 60
    assert len(pauses) == 8
    assert all(seconds > 0 for seconds in pauses)
