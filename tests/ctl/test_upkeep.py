"""Renaming, clearing, deleting and counting from the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.core.model import Mode
from nbhostd.core.names import WorkspaceId
from tests.ctl.test_nbhostctl import Ctl
from tests.services.cast import NOON
from tests.web.test_control import ControlScene

PEOPLE = ("python/alice", "python/student", "python/zoe")


@pytest.fixture
async def scene() -> ControlScene:
    scene = ControlScene()
    await scene.created({"w1/a.md": b""})
    for name in PEOPLE:
        await scene.store.ensure_workspace(WorkspaceId.parse(name), Mode.MOOC, f"l{name}", NOON)
    scene.past.visits[WorkspaceId.parse("python/zoe")] = NOON - timedelta(days=90)
    scene.dirs.files = {("courses", "python"): 4, ("local", "python"): 1}
    return scene


@pytest.fixture
async def ctl(scene: ControlScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    runner = web.AppRunner(scene.app(), handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()


async def test_who_has_what(ctl: Ctl) -> None:
    said = await ctl("workspace", "list", "--disk")
    head, *rows, total = said.out.splitlines()
    assert head.split() == ["WORKSPACE", "NUMBER", "MODE", "PHASE", "LAST", "VISIT", "DISK", "FILES"]
    assert [row.split()[0] for row in rows] == list(PEOPLE)
    assert total == "3 workspaces, 0B"
    assert (await ctl("workspace", "measure")).out.splitlines()[1].split() == ["python", "3", "0B", "0"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["python"], PEOPLE),
        (["py*"], PEOPLE),
        (["python/zoe"], PEOPLE[2:]),
        (["*/zoe", "python/alice"], (PEOPLE[0], PEOPLE[2])),
        (["--unused-since", "2026-10-01"], PEOPLE[2:]),
        (["--unused-since", "2020-10-01"], ()),
    ],
)
async def test_whom_a_word_means(ctl: Ctl, words: list[str], names: tuple[str, ...]) -> None:
    rows = json.loads((await ctl("workspace", "list", "--json", *words)).out)
    assert tuple(f"{row['course']}/{row['student']}" for row in rows) == names


async def test_deleting_workspaces_asks_and_tells(ctl: Ctl, scene: ControlScene) -> None:
    assert (await ctl("workspace", "delete")).code == 2
    assert (await ctl("workspace", "delete", "python/al")).code == 3
    assert (await ctl("workspace", "delete", "python/zoe")).code == 2
    ctl.agrees = False
    assert (await ctl("workspace", "delete", "python/zoe")).code == 1
    dry = await ctl("workspace", "delete", "--unused-since", "2026-10-01", "--dry-run")
    assert dry.out.startswith("python/zoe: would be deleted, last visit 2026-08-25")
    assert len(await scene.store.workspaces()) == 3
    ctl.agrees = True
    said = await ctl("workspace", "delete", "python/zoe", "python/s*")
    assert (said.code, said.out) == (0, "python/student: deleted\npython/zoe: deleted\n")
    assert [str(workspace.id) for workspace in await scene.store.workspaces()] == ["python/alice"]


async def test_a_course_gets_another_name(ctl: Ctl, scene: ControlScene) -> None:
    dry = await ctl("course", "rename", "python", "python3", "--dry-run")
    assert (dry.code, "/courses/python: moves with it, 2.0K in 4 files" in dry.out) == (0, True)
    assert (await ctl("course", "rename", "python", "python3")).out == "python: renamed to python3\n"
    assert (await ctl("course", "rename", "python", "x")).code == 3
    assert (await ctl("course", "rename", "python3", "a/b")).code == 1
    assert [row["course"] for row in json.loads((await ctl("workspace", "list", "--json")).out)] == [
        "python3"
    ] * 3


async def test_teachers_get_the_newest(ctl: Ctl) -> None:
    dry = await ctl("course", "clear-staff", "python", "--student", "alice", "--dry-run")
    assert dry.out == "alice: 0 notebooks would be renewed\nstudent: 0 notebooks would be renewed\n"
    said = await ctl("course", "clear-staff", "python", "-s", "alice", "-s", "eve")
    assert (said.code, said.err) == (1, "nbhostctl: eve: python/eve has no workspace.\n")
    assert "alice: 0 notebooks renewed" in said.out
    assert (
        await ctl("course", "clear-staff", "python")
    ).out == "student: 0 notebooks renewed, the earlier ones kept aside\n"


async def test_a_deletion_says_first_what_goes_and_what_stays(ctl: Ctl, scene: ControlScene) -> None:
    said = await ctl("course", "delete", "python", "--dry-run")
    assert said.out.splitlines() == [
        "/courses/python: would be deleted, 2.0K in 4 files",
        "/local/python: stays, 512B in 1 files",
        "3 workspaces with students' files",
    ]
    scene.dirs.files["droparea", "python"] = 2
    refused = await ctl("course", "delete", "python", "--yes", "--with-workspaces")
    assert (refused.code, "hold 2 files" in refused.err) == (1, True)
    deleted = await ctl("course", "delete", "python", "--yes", "--with-workspaces", "--with-files", "--json")
    assert json.loads(deleted.out) == {"workspaces_deleted": 3}
    assert set(scene.dirs.files) == {("local", "python")}
