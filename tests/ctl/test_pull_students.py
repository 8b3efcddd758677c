"""nbhostctl pull-students against the control API: what a teacher reads, what programs read, exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from nbhostd.core.errors import WorldError
from nbhostd.core.model import JobState
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_classroom import ClassroomControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl
from tests.services.test_classroom import Room


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.add_course("python")
    await room.join("alice", "alix", "bob")
    yield room
    await room.tasks.close()


@pytest.fixture
async def ctl(room: Room, tmp_path: Path) -> AsyncIterator[Ctl]:
    tasks = Tasks()
    app = web.Application(middlewares=[json_errors])
    app.add_routes(ClassroomControl(room.pulling, tasks).routes())

    async def courses(_: web.Request) -> web.Response:
        return web.json_response(
            {"courses": [{"name": course.name} for course in await room.store.courses()]}
        )

    app.add_routes([web.get("/v1/courses", courses)])
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()
    await tasks.close()


async def test_each_student_is_a_line_and_the_sum_is_the_last(ctl: Ctl, room: Room) -> None:
    said = await ctl("pull-students", "python")
    assert said.code == 0, said.err
    *lines, last = said.out.splitlines()
    assert lines[0].startswith("python at ")
    assert "1/3 alice: fast-forwarded" in lines
    assert last == "python: 3 students: 3 fast-forwarded"


async def test_a_conflict_is_an_exit_code_of_one_and_a_line_with_its_files(ctl: Ctl, room: Room) -> None:
    room.git.pulls = {
        "bob": {"outcome": "conflict", "conflicts": ["w1/a.md"], "before": "1" * 40, "after": "1" * 40}
    }
    said = await ctl("pull-students", "python", "--json")
    assert said.code == 1
    (report,) = json.loads(said.out)
    assert (report["name"], report["counts"]) == ("python", {"fast-forwarded": 2, "conflict": 1})
    bob = report["students"][-1]
    assert (bob["student"], bob["outcome"], bob["conflicts"], bob["good"]) == (
        "bob",
        "conflict",
        ["w1/a.md"],
        False,
    )
    assert "bob: CONFLICT, nothing merged; in w1/a.md" in said.err
    job = await room.store.job(report["job"])
    assert job is not None
    assert job.state is JobState.SUCCEEDED


async def test_trouble_with_one_is_an_exit_code_of_one(ctl: Ctl, room: Room) -> None:
    def trouble(student: str) -> None:
        if student == "alix":
            raise WorldError("This took too long.")

    room.git.pulled = trouble
    said = await ctl("pull-students", "python")
    assert (said.code, "alix: FAILED: This took too long." in said.out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ((), {"reset": "no", "resync": False, "dry_run": False}),
        (("-n",), {"reset": "no", "resync": False, "dry_run": True}),
        (("-r",), {"reset": "if-needed", "resync": False, "dry_run": False}),
        (("--reset",), {"reset": "always", "resync": False, "dry_run": False}),
        (("--resync",), {"reset": "no", "resync": True, "dry_run": False}),
    ],
)
async def test_options_reach_the_tool(
    ctl: Ctl, room: Room, arguments: tuple[str, ...], request_: dict[str, object]
) -> None:
    said = await ctl("pull-students", "python", "-k", "-s", "ali?e", "-s", "bob", *arguments)
    assert said.code == 0, said.err
    assert "python at nothing (not pulled)" in said.out
    asked = [task.request for task in room.toolbox.ran]
    assert sorted(str(request["user"]["name"]) for request in asked) == ["alice", "bob"]  # type: ignore[index]
    assert all(request_.items() <= request.items() for request in asked)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Say which courses"),
        (("absent",), 3, "no such course"),
        (("abs*",), 3, "No course matches"),
        (("python", "-s", "ali"), 3, "No student with a clone of this course is meant by “ali”"),
        (("python", "--resync"), 2, "name the students"),
        (("python", "-R"), 2, "name the students"),
    ],
)
async def test_slips_are_refused_before_anything_is_done(
    ctl: Ctl, room: Room, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    said = await ctl("pull-students", *arguments)
    assert (said.code, sentence in said.err) == (code, True), said
    assert room.toolbox.ran == []


@pytest.mark.parametrize(
    "body",
    [
        {"students": "alice"},
        {"students": [1]},
        {"reset": "maybe"},
        {"resync": True, "reset": "always"},
        {"dry": True},
    ],
)
async def test_the_api_refuses_what_it_does_not_know(ctl: Ctl, room: Room, body: dict[str, object]) -> None:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(ctl.socket))) as session,
        session.post("http://x/v1/courses/python/pull-students", json=body) as answer,
    ):
        assert answer.status == 400
    assert room.toolbox.ran == []
