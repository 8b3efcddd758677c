"""nbhostctl build … and image status, roll-out: what people read, what programs read, exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.core.access import Keyring
from nbhostd.core.model import JobState
from nbhostd.core.siteargv import KIND
from nbhostd.services.courses import Changes
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_rollout import RolloutControl
from nbhostd.web.control_sites import SitesControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl
from tests.fakes.jobs import Script
from tests.services.test_courses import NAME
from tests.services.test_rollout import Scene as RolloutScene
from tests.services.test_rollout import rollout_scene
from tests.services.test_sites import BOOK, SiteScene
from tests.web.trial import KEY

__all__ = ["rollout_scene"]
PUBLIC = "https://nb.example.org"


@asynccontextmanager
async def served(routes: Sequence[web.RouteDef], folder: Path) -> AsyncIterator[Ctl]:
    app = web.Application(middlewares=[json_errors])
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "control.sock")).start()
    yield Ctl(folder / "control.sock")
    await runner.cleanup()


@pytest.fixture
def sites(tmp_path: Path) -> SiteScene:
    return SiteScene(folder=tmp_path / "sites")


@pytest.fixture
async def ctl(sites: SiteScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    tasks = Tasks()
    room = SitesControl(
        sites.courses, sites.sites, lambda: Keyring((KEY,)), sites.clock, lambda: PUBLIC, tasks
    )
    async with served(room.routes(), tmp_path) as this:
        yield this
    await tasks.close()


async def test_a_site_from_its_first_build(ctl: Ctl, sites: SiteScene) -> None:
    await sites.course(BOOK, {"id": "far", "name": "Far", "external_url": "https://example.org/x"})
    made = await ctl("build", "run", "python", "book")
    assert made.code == 0
    assert made.out.splitlines()[-1] == f"book: {PUBLIC}/builds/python/book/latest/"
    listed = (await ctl("build", "list")).out.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["python", "book"], ["python", "far"]]
    assert "succeeded, job 2" in listed[1]
    assert "https://example.org/x" in listed[2]
    (book, _) = json.loads((await ctl("build", "list", "python", "--json")).out)
    assert (book["kind"], book["current"], book["last"]["state"]) == ("script", True, "succeeded")
    again = json.loads((await ctl("build", "run", "python", "--json")).out)
    assert [one["outcome"] for one in again] == ["current", "elsewhere"]
    assert (await ctl("build", "url", "python", "far")).out == "https://example.org/x\n"


async def test_a_build_that_fails_shows_its_last_lines_and_exits_with_1(ctl: Ctl, sites: SiteScene) -> None:
    await sites.course()
    sites.jobs.scripts[KIND] = Script(lines=("ImportError: no sphinx",), state=JobState.FAILED)
    said = await ctl("build", "run", "python")
    assert said.code == 1
    assert "ImportError: no sphinx" in said.out
    assert "nbhostctl: “python/book” could not be built (job 2)." in said.err
    assert (await ctl("build", "run", "python", "--json")).code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "absent"), 3, "no course “absent”"),
        (("run", "python", "absent"), 3, "no build “absent”; it has: book"),
        (("list", "absent"), 3, "no course “absent”"),
        (("url", "python", "absent"), 3, "no build “absent”"),
    ],
)
async def test_what_is_not_there_is_a_sentence(
    ctl: Ctl, sites: SiteScene, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    await sites.course()
    said = await ctl("build", *arguments)
    assert (said.code, sentence in said.err) == (code, True), said


async def test_a_members_address_has_a_ticket(ctl: Ctl, sites: SiteScene) -> None:
    await sites.course()
    await sites.courses.change(NAME, Changes(public_builds=False))
    said = json.loads((await ctl("build", "url", "python", "book", "--expires", "2", "--json")).out)
    assert said["url"].startswith(f"{PUBLIC}/builds/~")
    assert said["url"].endswith("/python/book/latest/")
    assert said["expires"] == "2026-11-25T12:00:00+00:00"
    with pytest.raises(SystemExit):
        await ctl("build", "url", "python", "book", "--expires", "0")


async def test_a_roll_out_says_who_is_stopped_and_who_is_left(scene: RolloutScene, tmp_path: Path) -> None:
    tasks = Tasks()
    scene.cast.images.digests["minimal"] = "sha256:2"
    room = RolloutControl(scene.cast.courses, scene.rollout, tasks)  # type: ignore[arg-type]
    async with served(room.routes(), tmp_path) as ctl:
        status = await ctl("image", "status", "python")
        assert status.out.splitlines()[1].split() == ["python", "minimal", "sha256:2", "4", "4"]
        assert "python/idle: nobody uses it now" in status.out
        dry = await ctl("image", "roll-out", "python", "--dry-run")
        assert "python/idle: would be stopped" in dry.out
        said = await ctl("image", "roll-out", "python")
        assert said.code == 0
        assert said.out.splitlines()[-1] == "python: 1 stopped, 3 left because they are in use (--all)"
        shape = json.loads((await ctl("image", "roll-out", "python", "--all", "--json")).out)
        assert sorted(shape["stopped"]) == ["python/busy", "python/mute", "python/tab"]
        assert (await ctl("image", "roll-out", "absent")).code == 3
    await tasks.close()
