"""Stories of a new image: who still has the old one, and who is stopped for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbhostd.adapters.joblogs import JobLogs
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import JupyterStatus, Run
from nbhostd.core.names import CourseName
from nbhostd.services.hurrying import Hurrying
from nbhostd.services.jobbook import JobBook
from nbhostd.services.rollout import Hurried, Rollout
from nbhostd.services.usage import Usage
from tests.services.cast import Cast

COURSE = CourseName("python")


@dataclass
class Servers:
    """What each Jupyter says; a workspace that is not in it does not answer."""

    states: dict[int, JupyterStatus] = field(default_factory=dict)

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        if workspace not in self.states:
            raise WorldError("The notebook server did not answer.")
        return self.states[workspace]


@dataclass
class Scene:
    cast: Cast
    connections: dict[int, int] = field(default_factory=dict)
    servers: Servers = field(default_factory=Servers)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        cast = self.cast
        self.rollout = Rollout(
            cast.workspaces,
            cast.courses,
            cast.images,
            Usage(self.servers, lambda number: self.connections.get(number, 0)),
        )

    async def opened(self, student: str, status: JupyterStatus | None = None) -> int:
        await self.cast.opened(f"python/{student}")
        entry = next(e for e in self.cast.workspaces.entries if e.workspace.id.student == student)
        if status is not None:
            self.servers.states[entry.workspace.number] = status
        return entry.workspace.number

    async def hurry(self, *, everybody: bool = False, only_say: bool = False) -> Hurried:
        done = await self.rollout.hurry(COURSE, self.lines.append, everybody=everybody, only_say=only_say)
        await self.cast.settle()
        return done


IDLE = JupyterStatus(1, 0, 0, None)
BUSY = JupyterStatus(1, 1, 0, None)


@pytest.fixture(name="scene")
async def rollout_scene() -> AsyncIterator[Scene]:
    cast = Cast()
    await cast.add_course("python")
    this = Scene(cast)
    await this.opened("idle", IDLE)
    await this.opened("busy", BUSY)
    this.connections[await this.opened("tab", IDLE)] = 1
    await this.opened("mute")
    yield this
    await cast.tasks.close()


async def test_nobody_is_late_before_a_new_image(scene: Scene) -> None:
    course = await scene.cast.courses.get(COURSE)
    spread = await scene.rollout.spread(course)
    assert (spread.running, spread.old, spread.digest) == (4, (), "sha256:1")
    assert await scene.rollout.outdated(course) == 0
    assert await scene.hurry() == Hurried((), (), ())


async def test_who_still_runs_the_old_one_and_why_each_is_left(scene: Scene) -> None:
    scene.cast.images.digests["minimal"] = "sha256:2"
    await scene.opened("new", IDLE)
    course = await scene.cast.courses.get(COURSE)
    spread = await scene.rollout.spread(course)
    assert (spread.running, await scene.rollout.outdated(course)) == (5, 4)
    assert {str(old.id): old.in_use for old in spread.old} == {
        "python/busy": "a cell is running",
        "python/idle": "",
        "python/mute": "its server could not be asked",
        "python/tab": "a browser is connected",
    }


async def test_the_idle_are_stopped_and_the_next_visit_has_the_new_image(scene: Scene) -> None:
    scene.cast.images.digests["minimal"] = "sha256:2"
    done = await scene.hurry(only_say=True)
    assert (done.stopped, len(done.left)) == ((), 3)
    assert "python/idle: would be stopped" in scene.lines
    done = await scene.hurry()
    assert [str(id) for id in done.stopped] == ["python/idle"]
    assert [str(old.id) for old in done.left] == ["python/busy", "python/mute", "python/tab"]
    assert "python/tab: left alone, a browser is connected" in scene.lines
    run = await scene.cast.opened("python/idle")
    assert run.image == "sha256:2"


async def test_all_means_all_and_says_who(scene: Scene) -> None:
    scene.cast.images.digests["minimal"] = "sha256:2"
    done = await scene.hurry(everybody=True)
    assert len(done.stopped) == 4
    assert "python/busy: stopped, although a cell is running" in scene.lines
    assert await scene.rollout.outdated(await scene.cast.courses.get(COURSE)) == 0


async def test_without_an_image_nobody_is_stopped(scene: Scene) -> None:
    scene.cast.images.digests.clear()
    with pytest.raises(Refused) as refusal:
        await scene.hurry(everybody=True)
    assert refusal.value.status == 404


async def test_a_roll_out_is_a_job_that_says_whom_it_stopped(tmp_path: Path) -> None:
    cast = Cast()
    await cast.add_course("python")
    scene, logs = Scene(cast), JobLogs(tmp_path)
    await scene.opened("idle", IDLE)
    await scene.opened("busy", BUSY)
    cast.images.digests["minimal"] = "sha256:2"
    book = JobBook(cast.store, logs, cast.clock)
    done = await Hurrying(scene.rollout, book).hurry(COURSE, scene.lines.append, everybody=False)
    await cast.settle()
    assert [str(id) for id in done.stopped] == ["python/idle"]
    (job,) = await cast.store.jobs()
    assert (job.kind, job.subject, job.message) == ("roll-out", "python", "1 stopped, 1 left alone, 0 failed")
    assert json.loads(logs.result(job.number)) == {
        "stopped": ["python/idle"],
        "left": ["python/busy"],
        "failed": [],
    }
