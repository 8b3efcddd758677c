"""Looks: where they are, for whom, and in what they are locked in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest

from nbhostd.core.model import Phase, ToolOutcome, ToolTask
from nbhostd.core.names import WorkspaceId
from nbhostd.services.looks import LIFETIME
from tests.web.site_trial import ROLES
from tests.web.staffroom_trial import Server, Staffroom, staffroom_trial
from tests.web.trial import DOMAIN

LOOKS = "/courses/python/students/student/looks"
BODY = {"notebook": "w1/a.md"}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Staffroom]:
    async with staffroom_trial(tmp_path) as room:
        await room.resident("student", w1__a_md="# secret work")
        yield room


async def _look(room: Staffroom, **more: str) -> dict[str, Any]:
    status, look = await room.trial.api("POST", LOOKS, "teacher", BODY | more)
    assert status == 200, look
    return dict(look)


async def _raw(room: Staffroom, look: dict[str, Any], **headers: str) -> Any:
    """The look's own address, as a browser that is nobody's asks for it."""
    host, _, path = look["address"].removeprefix("http://").partition("/")
    browser = await room.trial.browser()
    return await browser.get(f"/{path}", Host=host, **headers)


async def test_only_teachers_of_the_course_look_and_it_is_written_down(room: Staffroom) -> None:
    got = {role: (await room.trial.api("POST", LOOKS, role, BODY))[0] for role in ROLES}
    assert got == {
        "admin": 200, "staff": 200, "teacher": 200, "student": 403, "stranger": 404, "nobody": 401,
    }  # fmt: skip
    entries = await room.trial.audit.entries(action="student.look", who="teacher")
    assert [(one.subject, one.detail, one.outcome) for one in entries] == [
        ("python/student", "notebook=w1/a.md", "done")
    ]
    refused = await room.trial.audit.entries(action="student.look", who="student")
    assert [one.outcome for one in refused] == ["not-teacher"]


async def test_a_form_leads_to_the_teachers_page_with_the_look_in_a_frame(room: Staffroom) -> None:
    teacher = await room.trial.browser("teacher", "fr")
    answer = await teacher.post(
        "/do/student.look", course="python", student="student", notebook="w1/a.md", language="fr",
        back="/teach/python/students/student",
    )  # fmt: skip
    assert answer.status == 303
    where = answer.headers["Location"]
    assert re.fullmatch(r"/teach/python/students/student/looks/[\w-]{22}", where)
    page = await teacher.get(where)
    text = await page.text()
    html5lib.HTMLParser(strict=True).parse(text)
    frame = re.search(r"<iframe [^>]*>", text)
    assert frame is not None
    assert 'sandbox=""' in frame[0]
    source = re.search(r'src="([^"]+)"', frame[0])
    assert source is not None
    label = (await room.store.workspace(WorkspaceId.parse("python/student"))).label
    assert source[1].startswith(f"http://{label}.{DOMAIN}:8000/w/")
    policy = page.headers["Content-Security-Policy"]
    assert f"frame-src 'self' http://{label}.{DOMAIN}:8000" in policy
    for badge in ("python", "student", "w1/a.md"):
        assert badge in text
    assert (await (await room.trial.browser("student")).get(where)).status == 403
    assert (await (await room.trial.browser("stranger")).get(where)).status == 404
    assert (await (await room.trial.browser("nobody")).get(where)).status == 303


async def test_the_look_is_locked_in(room: Staffroom) -> None:
    look = await _look(room)
    answer = await _raw(room, look)
    assert (answer.status, await answer.text()) == (200, "<!doctype html><h1>look</h1>")
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "sandbox": "", "default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:",
        "font-src": "data:", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "http://nb.localhost:8000",
    }  # fmt: skip
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


async def test_it_is_at_its_workspaces_own_address_and_nowhere_else(room: Staffroom) -> None:
    look = await _look(room)
    path = "/" + look["address"].removeprefix("http://").partition("/")[2]
    browser = await room.trial.browser("teacher")
    for host in ("nb.localhost:8000", f"{'b' * 26}.{DOMAIN}:8000"):
        assert (await browser.get(path, Host=host)).status == 421
    await room.resident("other")


async def test_without_names_of_their_own_looks_are_in_the_same_sandbox_on_the_one_host(
    room: Staffroom,
) -> None:
    room.server = Server(workspace_domain="")
    look = await _look(room)
    assert look["address"].startswith("http://nb.localhost:8000/w/")
    teacher = await room.trial.browser("teacher")
    text = await teacher.text(look["page"])
    assert look["address"] in text


async def test_an_address_is_over_after_a_while(room: Staffroom) -> None:
    look = await _look(room)
    room.clock.moment += LIFETIME + timedelta(seconds=1)
    assert (await _raw(room, look)).status == 410
    teacher = await room.trial.browser("teacher")
    assert "over" in await teacher.text(look["page"], 410)
    assert (await room.trial.api("GET", f"{LOOKS}/{look['token']}", "teacher"))[1]["reason"] == "look-over"


async def test_guessed_and_foreign_addresses_lead_nowhere(room: Staffroom) -> None:
    look = await _look(room)
    await room.resident("bob")
    teacher = await room.trial.browser("teacher")
    await teacher.text(f"/teach/python/students/student/looks/{'x' * 22}", 410)
    await teacher.text(look["page"].replace("/student/", "/bob/"), 410)
    await room.trial.people.set_access(WorkspaceId.parse("other/x").course, staff=["stranger"])
    stranger = await room.trial.browser("stranger")
    await stranger.text(look["page"].replace("/python/", "/other/"), 410)


async def test_a_path_that_leads_out_is_refused_before_anything_runs(room: Staffroom) -> None:
    for path in ("../../../etc/passwd.md", "/etc/passwd.md", "w1/../../x.md", "a\x00.md"):
        status, refusal = await room.trial.api("POST", LOOKS, "teacher", {"notebook": path})
        assert (status, refusal["reason"]) == (400, "bad-notebook-path")
    status, refusal = await room.trial.api("POST", LOOKS, "teacher", {"notebook": "data.csv"})
    assert (status, refusal["reason"]) == (422, "not-lookable")
    assert room.toolbox.ran == []


async def test_the_workspace_sleeps_on_and_nothing_in_it_changes(room: Staffroom, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "workspaces").rglob("*") if path.is_file()}
    await _look(room)
    (task,) = room.toolbox.ran
    assert isinstance(task, ToolTask)
    assert task.tool == "render"
    assert room.workspaces.place(WorkspaceId.parse("python/student")).phase is Phase.ASLEEP
    after = {path: path.read_bytes() for path in (tmp_path / "workspaces").rglob("*") if path.is_file()}
    assert after == before


async def test_why_there_is_none_is_said_in_words(room: Staffroom) -> None:
    room.toolbox.tools["render"] = lambda task: ToolOutcome(4, b"", "Traceback: /home/jovyan/work")
    teacher = await room.trial.browser("teacher", "fr")
    answer = await teacher.post(
        "/do/student.look", course="python", student="student", notebook="w1/a.md",
        back="/teach/python/students/student",
    )  # fmt: skip
    assert answer.headers["Location"] == "/teach/python/students/student"
    text = await teacher.text("/teach/python/students/student")
    assert "Ce fichier ne peut pas être affiché" in text
    assert "Traceback" not in text


async def test_a_slow_one_is_waited_for_on_its_page(room: Staffroom, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    original = room.toolbox.run

    async def slowly(task: ToolTask) -> ToolOutcome:
        await gate.wait()
        return await original(task)

    monkeypatch.setattr(room.toolbox, "run", slowly)
    look = await _look(room)
    assert (look["ready"], look["address"]) == (False, None)
    teacher = await room.trial.browser("teacher")
    text = await teacher.text(look["page"])
    assert "<iframe" not in text
    assert f'data-look="/api/v1{LOOKS}/{look["token"]}"' in text
    gate.set()
    _, ready = await room.trial.api("GET", f"{LOOKS}/{look['token']}", "teacher")
    assert ready["ready"] is True
    assert "<iframe" in await teacher.text(look["page"])
