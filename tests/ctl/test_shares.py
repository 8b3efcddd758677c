"""nbhostctl share against its room of the control API, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.core.model import Share
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.web.control_shares import SharesControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl, Said
from tests.services.test_shares import Scene


@pytest.fixture
async def scene() -> Scene:
    this = Scene()
    await this.add_course("python")
    for student in ("alice", "bob"):
        await this.open(f"python/{student}")
    await this.settle()
    return this


@pytest.fixture
async def ctl(scene: Scene, tmp_path: Path) -> AsyncIterator[Ctl]:
    room = SharesControl(scene.shares, scene.courses, lambda: "https://nb.example.org", scene.tasks)
    app = web.Application(middlewares=[json_errors])
    app.add_routes(room.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()


async def said(ctl: Ctl, *words: str) -> Said:
    return await asyncio.to_thread(ctl.call, "share", *words)


async def test_a_page_is_made_listed_and_taken_down(ctl: Ctl, scene: Scene) -> None:
    made = await said(ctl, "create", "python/alice", "w1/a.md")
    assert made.code == 0
    url = made.out.strip()
    assert url.startswith("https://nb.example.org/shared/")
    listed = await said(ctl, "list")
    assert f"python/alice  w1/a.md   {'2026-11-23'}" in listed.out
    assert url in listed.out
    down = await said(ctl, "remove", url)
    assert (down.code, down.out) == (0, f"{url}: taken down: w1/a.md of python/alice\n")
    assert scene.pages.pages == {}
    assert (await said(ctl, "list")).out == "Nothing is shared.\n"


async def test_the_list_is_narrowed_by_exact_names(ctl: Ctl, scene: Scene) -> None:
    for student in ("alice", "bob"):
        await said(ctl, "create", f"python/{student}", "w1/a.md", "--json")
    both = json.loads((await said(ctl, "list", "python", "--json")).out)
    assert [one["student"] for one in both] == ["alice", "bob"]
    (one,) = json.loads((await said(ctl, "list", "python/bob", "--json")).out)
    share = (await scene.shares.of(WorkspaceId.parse("python/bob")))[0]
    assert share == Share(one["token"], share.workspace, NotebookPath(one["notebook"]), share.shared_at)
    assert (await said(ctl, "list", "pyth")).code == 3


async def test_what_is_not_there_is_told(ctl: Ctl) -> None:
    assert (await said(ctl, "remove", "not an address")).code == 2
    assert (await said(ctl, "remove", "A" * 22)).code == 3
    assert (await said(ctl, "create", "python", "w1/a.md")).code == 2
    nobody = await said(ctl, "create", "python/nobody", "w1/a.md")
    assert (nobody.code, "no such workspace" in nobody.err) == (3, True)


async def test_one_that_fails_stops_no_other(ctl: Ctl) -> None:
    made = await said(ctl, "create", "python/alice", "w1/a.md")
    result = await said(ctl, "remove", "A" * 22, made.out.strip())
    assert result.code == 1
    assert "taken down" in result.out
