"""What nbhostctl does is in the audit log: every request that changes something has its word, and its secrets stay out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from nbhostd.core.headers import SAFE_METHODS
from nbhostd.core.names import CourseName
from nbhostd.web.control_audit import ACTIONS, UNTOLD
from tests.house_trial import HouseTrial, house_trial


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        yield trial


@dataclass(frozen=True)
class Control:
    """The control socket, asked as nbhostctl does."""

    session: ClientSession

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        async with self.session.request(method, path, json=body, **options) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def control(trial: HouseTrial) -> AsyncIterator[Control]:
    async with (
        TestServer(trial.house.control()) as server,
        ClientSession(f"http://127.0.0.1:{server.port}") as session,
    ):
        yield Control(session)


async def entries(trial: HouseTrial) -> list[tuple[str, ...]]:
    found = await trial.house.dashboard.audit.entries()
    assert {(entry.who, entry.via) for entry in found} <= {("root", "nbhostctl")}
    return [(entry.action, entry.subject, entry.outcome, entry.detail) for entry in reversed(found)]


def routes(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


async def test_every_change_has_a_word(trial: HouseTrial) -> None:
    known = routes(trial.house.control())
    changing = {(method, path) for method, path in known if method not in SAFE_METHODS}
    assert changing - ACTIONS.keys() - UNTOLD == set()
    assert (ACTIONS.keys() | UNTOLD) - known == set()


async def test_what_is_done_and_what_is_refused_is_written_down(trial: HouseTrial, control: Control) -> None:
    await control("PATCH", "/v1/courses/python", {"autopull": True, "git_url": "https://u:hush@git.test/x"})
    await control("PATCH", "/v1/courses/nowhere", {"autopull": True})
    await control("GET", "/v1/courses")
    assert await entries(trial) == [
        ("course.change", "python", "done", "autopull=true git_url=https://***@git.test/x"),
        ("course.change", "nowhere", "no-such-course", "autopull=true"),
    ]
    assert (await trial.house.courses.get(CourseName("python"))).autopull


async def test_a_streamed_answer_that_ends_badly_says_why(trial: HouseTrial, control: Control) -> None:
    status, text = await control("POST", "/v1/courses", {"name": "python", "git_url": "/srv/x"})
    assert status == 200
    assert "already" in text
    assert await entries(trial) == [
        ("course.create", "python", "course-exists", "name=python git_url=/srv/x")
    ]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"password": "hush"}'])
async def test_whatever_is_sent_is_answered_and_no_password_is_kept(
    trial: HouseTrial, control: Control, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    status, _ = await control("POST", "/v1/users/student/password", data=body, headers=headers)
    assert status == 400
    [(action, subject, outcome, detail)] = await entries(trial)
    assert (action, subject) == ("user.password", "student")
    assert outcome != "done"
    assert "hush" not in detail


async def test_what_only_measures_and_what_only_tries_is_not_written_down(
    trial: HouseTrial, control: Control
) -> None:
    await control("POST", "/v1/workspaces/measure", {"workspaces": []})
    await control("POST", "/v1/images/roll-out", {"course": "python", "dry_run": True})
    await control("GET", "/v1/nothing")
    assert await entries(trial) == []


async def test_nbhostctl_reads_it(trial: HouseTrial, control: Control) -> None:
    await control("POST", "/v1/groups", {"name": "class 2"})
    await control("DELETE", "/v1/groups/nothing")
    for query, wanted in (
        ("", ["group.delete", "group.create"]),
        ("refused=true", ["group.delete"]),
        ("who=alice", []),
        ("action=group.c", ["group.create"]),
        ("subject=class+2&since=2020-01-01", ["group.create"]),
        ("until=2020-01-01", []),
        ("limit=1", ["group.delete"]),
    ):
        document = json.loads((await control("GET", f"/v1/audit?{query}"))[1])
        assert [entry["action"] for entry in document["entries"]] == wanted, query
    assert (await control("GET", "/v1/audit?since=yesterday"))[0] == 400
