"""A restored site takes its place whole, wherever it is interrupted, and nothing of the earlier one is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.snapshots import DatabaseSnapshots
from nbhostd.adapters.stage import RestoreStage
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Intent, JobState, Mode, Run
from nbhostd.core.names import CourseName, StudentName, WorkspaceId

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ALICE = WorkspaceId(CourseName("python"), StudentName("alice"))


async def a_site(state: Path, word: str) -> None:
    """A site with one workspace that runs, and a file in each directory."""
    state.mkdir(exist_ok=True)
    store = await SqliteStore.open(state / "nbhostd.db")
    statistics = await SqliteStatistics.open(state / "statistics.db")
    await store.create_course(CourseName("python"), f"https://{word}.invalid/", None, "image", NOW)
    workspace = await store.ensure_workspace(ALICE, Mode.MOOC, f"label-{word}", NOW)
    await store.set_intent(workspace.number, Intent.ARMED, "spec")
    await store.put_run(Run(workspace.number, f"secret-{word}", "token", "image", NOW))
    await store.create_job("build", "python", NOW)
    await store.use_nonce("nonce", NOW, NOW)

    for statement in (
        "INSERT INTO users (name, created_at) VALUES ('alice', '')",
        "INSERT INTO sessions VALUES ('id', 1, '', '', '', '', 'password')",
    ):
        await store.database.write(lambda db, said=statement: db.execute(said).rowcount)  # type: ignore[misc]
    statistics.record(NOW, ALICE, "open", word)
    await statistics.close()
    await store.close()
    for name in ("courses", "workspaces", "local", "droparea", "shares", "jobs"):
        (state / name).mkdir()
        (state / name / "file").write_text(word)


async def stage_of(old: Path, here: Path) -> RestoreStage:
    """The old site, staged here."""
    stage = RestoreStage(here)
    await stage.begin("id", {"host": "old"})
    (here / "restore/databases").mkdir(parents=True)
    for name in ("nbhostd.db", "statistics.db"):
        shutil.copy(old / name, here / "restore/databases" / name)
    for name in ("courses", "workspaces", "local", "shares"):
        shutil.copytree(old / name, here / "restore" / name)
    await stage.settle(NOW)
    return stage


@pytest.fixture
async def sites(tmp_path: Path) -> tuple[Path, Path]:
    await a_site(tmp_path / "old", "old")
    await a_site(tmp_path / "here", "here")
    return tmp_path / "old", tmp_path / "here"


def address(state: Path) -> str:
    with closing(sqlite3.connect(state / "nbhostd.db")) as db:
        return str(db.execute("SELECT git_url FROM courses").fetchone()[0])


def words(state: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in state.glob("*/file")}


async def test_what_is_staged_is_laid_to_rest(sites: tuple[Path, Path]) -> None:
    old, here = sites
    stage = await stage_of(old, here)
    assert await stage.workspaces() == {1: 100_000}
    assert await stage.courses() == {CourseName("python"): None}
    store = await SqliteStore.open(here / "restore/databases/nbhostd.db")
    (workspace,) = await store.workspaces()
    assert (workspace.intent, workspace.armed_spec, workspace.label) == (Intent.COLD, "", "label-old")
    assert await store.runs() == []
    assert [job.state for job in await store.jobs()] == [JobState.LOST]
    assert await store.use_nonce("nonce", NOW, NOW) is False
    await store.close()


async def test_nobody_is_logged_in(sites: tuple[Path, Path]) -> None:
    old, here = sites
    await stage_of(old, here)
    with closing(sqlite3.connect(here / "restore/databases/nbhostd.db")) as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        assert db.execute("SELECT name FROM users").fetchall() == [("alice",)]


async def test_until_it_is_sealed_a_start_changes_nothing(sites: tuple[Path, Path]) -> None:
    old, here = sites
    stage = await stage_of(old, here)
    await stage.done("databases")
    assert RestoreStage(here).swap() is False
    assert address(here) == "https://here.invalid/"
    present = await RestoreStage(here).present()
    assert present is not None
    assert (present.id, present.parts, present.ready) == ("id", frozenset({"databases"}), False)


async def test_the_swap_replaces_all_and_keeps_what_was_here(sites: tuple[Path, Path]) -> None:
    old, here = sites
    (here / "nbhostd.db-wal").write_text("a log of the other database")
    stage = await stage_of(old, here)
    await stage.seal(NOW)
    assert RestoreStage(here).swap() is True
    assert address(here) == "https://old.invalid/"
    assert words(here) == {"courses": "old", "workspaces": "old", "local": "old", "shares": "old"}
    aside = here / "before-restore-20261123-090000"
    assert (aside / "nbhostd.db-wal").read_text() == "a log of the other database"
    (aside / "nbhostd.db-wal").unlink()
    assert address(aside) == "https://here.invalid/"
    assert words(aside) == {**words(here), **dict.fromkeys(words(aside), "here")}
    assert (here / "droparea").is_dir()
    assert not (here / "restore").exists()
    assert await RestoreStage(here).present() is None
    # Until the units of the earlier site are ended, every start says so.
    assert RestoreStage(here).swap() is True
    RestoreStage(here).settled()
    assert RestoreStage(here).swap() is False
    restored = await RestoreStage(here).restored()
    assert restored is not None
    assert (restored["id"], restored["aside"], restored["told"]) == ("id", str(aside), {"host": "old"})


async def test_a_swap_that_is_interrupted_anywhere_is_gone_on_with(
    sites: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, here = sites
    stage = await stage_of(old, here)
    await stage.seal(NOW)
    rename, remove = os.rename, shutil.rmtree
    left = 0

    class PowerCut(BaseException):
        pass

    def dying(do: Callable[..., None]) -> Callable[..., None]:
        def step(*args: object, **more: object) -> None:
            nonlocal left
            if left == 0:
                raise PowerCut
            left -= 1
            do(*args, **more)

        return step

    for steps in range(60):
        trial = tmp_path / f"trial{steps}"
        shutil.copytree(here, trial, symlinks=True)
        left = steps
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", dying(rename))
            patched.setattr(shutil, "rmtree", dying(remove))
            try:
                RestoreStage(trial).swap()
                whole = True
            except PowerCut:
                whole = False
        if not whole:
            assert RestoreStage(trial).swap() is True
        assert address(trial) == "https://old.invalid/"
        assert set(words(trial).values()) == {"old"}
        assert set(words(trial / "before-restore-20261123-090000").values()) == {"here"}
        assert not (trial / "restore").exists()
        shutil.rmtree(trial)
        if whole:
            assert steps > 20
            return
    raise AssertionError("it never came to its end")


async def test_a_damaged_database_is_not_staged(sites: tuple[Path, Path]) -> None:
    old, here = sites
    (old / "nbhostd.db").write_bytes(b"x" * 8192)
    with pytest.raises(WorldError, match="damaged"):
        await stage_of(old, here)


async def test_a_newer_database_is_not_staged(sites: tuple[Path, Path]) -> None:
    old, here = sites
    with closing(sqlite3.connect(old / "nbhostd.db")) as db:
        db.execute("INSERT INTO migrations (number, name) VALUES (999, 'of the future')")
        db.commit()
    with pytest.raises(WorldError, match="newer nbhostd"):
        await stage_of(old, here)


async def test_clearing_leaves_the_site(sites: tuple[Path, Path]) -> None:
    old, here = sites
    stage = await stage_of(old, here)
    (here / "restore/workspaces/file").unlink()
    await stage.clear()
    assert await stage.present() is None
    assert not list((here / "restore").iterdir())
    assert address(here) == "https://here.invalid/"


async def test_snapshots_are_consistent_while_somebody_writes(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    statistics = await SqliteStatistics.open(tmp_path / "statistics.db")
    snapshots = DatabaseSnapshots(tmp_path, store.database, statistics.database)
    try:
        for number in range(50):
            await store.create_course(CourseName(f"c{number}"), "u", None, "i", NOW)
            if number == 25:
                await snapshots.take()
        copy = tmp_path / "backup/databases/nbhostd.db"
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("SELECT count(*) FROM courses").fetchone() == (26,)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert await snapshots.measure("backup") > 0
        assert await snapshots.measure("absent") == 0
        await snapshots.discard()
        assert not (tmp_path / "backup").exists()
        await snapshots.discard()
    finally:
        await statistics.close()
        await store.close()
