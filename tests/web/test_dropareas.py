"""Drop areas in the browser and over the API: made, filled, handed out, emptied, by their teachers only."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import html5lib
import pytest
from aiohttp import FormData

from nbhostd.core.names import StudentName
from nbhostd.services import dropareas
from nbhostd.services.people import UserChanges
from nbhostd.web import droppages
from tests.web.site_trial import ROLES, Browser
from tests.web.staffroom_trial import Staffroom, staffroom_trial

AREAS = "/courses/python/dropareas"
PAGE = "/teach/python/dropareas/exam"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Staffroom]:
    async with staffroom_trial(tmp_path) as room:
        yield room


async def _send(
    browser: Browser, *files: tuple[str, bytes], csrf: str | None = None, first: bool = True, **more: Any
) -> Any:
    """The form without a script."""
    form = FormData(quote_fields=False)
    if first:
        form.add_field("csrf", browser.csrf if csrf is None else csrf)
    for name, content in files:
        form.add_field("files", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    if not first:
        form.add_field("csrf", browser.csrf)
    return await browser.send("POST", f"{PAGE}/files", data=form, **more)


async def _put(browser: Browser, path: str, content: bytes, **headers: str) -> Any:
    """What the page's script sends."""
    return await browser.send(
        "PUT", f"/api/v1{AREAS}/exam/files/{quote(path, safe='')}", data=io.BytesIO(content),
        headers={"X-CSRF-Token": browser.csrf} | headers,
    )  # fmt: skip


async def _remove(browser: Browser, path: str) -> Any:
    """A button of the page."""
    return await browser.post("/do/file.remove", {"course": "python", "area": "exam", "path": path})


def _files(state: Path) -> dict[str, bytes]:
    top = state / "droparea/python/exam"
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


async def test_each_role_gets_what_is_its_own(room: Staffroom, tmp_path: Path) -> None:
    allowed = ("admin", "staff", "teacher")
    for role in ROLES:
        browser = await room.trial.browser(role)
        answers = {
            "list": await browser.get("/teach/python/dropareas"),
            "put": await _put(browser, f"by {role}.txt", b"x"),
            "form": await _send(browser, (f"form of {role}.txt", b"y")),
            "create": await browser.post("/do/droparea.create", course="python", area="exam"),
            "show": await browser.get(PAGE),
            "deploy": await browser.post("/do/droparea.deploy", course="python", area="exam"),
            "remove": await _remove(browser, f"by {role}.txt"),
        }
        got = {name: answer.status for name, answer in answers.items()}
        if role in allowed:
            assert got == {
                "list": 200, "put": 200, "form": 303, "create": 303, "show": 200, "deploy": 303, "remove": 303,
            }  # fmt: skip
        else:
            assert set(got.values()) <= {303, 401, 403, 404}, (role, got)
            assert got["put"] in (401, 403, 404)
            assert got["form"] in (303, 401, 403, 404)
    await room.settle()
    assert set(_files(tmp_path)) == {f"form of {role}.txt" for role in allowed}


async def test_the_predecessors_addresses_lead_to_ours_and_its_holes_are_gone(
    room: Staffroom, tmp_path: Path
) -> None:
    teacher, nobody = await room.trial.browser("teacher"), await room.trial.browser()
    await _put(teacher, "a.txt", b"x")
    for end in ("", "/"):
        answer = await teacher.get(f"/teacher/droparea/python/exam{end}")
        assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    for method in ("POST", "DELETE"):
        for path in ("/teacher/dropped/python/exam", "/teacher/dropped-deploy/python/exam"):
            assert (await nobody.send(method, path, data=b"../../../nbhostd.db=")).status in (404, 405)
    assert (tmp_path / "nbhostd.db").exists()
    assert _files(tmp_path) == {"a.txt": b"x"}


@pytest.mark.parametrize(
    "name",
    [
        "../../../nbhostd.db", "/etc/passwd", "w1/../../x", "..", "a\x00b", "a\nb", "x" * 300, "a//b",
    ],
)  # fmt: skip
async def test_names_that_lead_out_are_refused_whichever_way_they_come(
    room: Staffroom, tmp_path: Path, name: str
) -> None:
    teacher = await room.trial.browser("teacher")
    before = (tmp_path / "nbhostd.db").stat().st_ino
    answer = await _put(teacher, name, b"evil")
    assert answer.status in (400, 404, 405), await answer.text()
    for body in ({"files": [name]}, {"files": ["a.txt", name]}):
        status, _ = await room.trial.api("POST", f"{AREAS}/exam/deploy", "teacher", body)
        assert status in (400, 404)
    assert (await _remove(teacher, name)).status in (400, 404)
    for area in ("..", "../python", ".hidden", "a/b", "-x", ""):
        status, _ = await room.trial.api("POST", AREAS, "teacher", {"area": area})
        assert status == 400
    assert (tmp_path / "nbhostd.db").stat().st_ino == before
    assert not list(tmp_path.rglob("passwd"))
    assert _files(tmp_path) == {}


async def test_odd_names_are_kept_as_they_are(room: Staffroom, tmp_path: Path) -> None:
    teacher = await room.trial.browser("teacher")
    names = [
        "sujet d'été n°1.pdf",
        "100%25 #1?.txt",
        'a "b" c.md',
        "日本.csv",
        ".hidden",
        "<b>.html",
        "a+b&c=d.txt",
    ]
    for name in names:
        assert (await _put(teacher, name, name.encode())).status == 200
    assert _files(tmp_path) == {name: name.encode() for name in names}
    text = await teacher.text(PAGE)
    html5lib.HTMLParser(strict=True).parse(text)
    assert "<b>.html" not in text
    assert "&lt;b&gt;.html" in text
    for name in names:
        assert (await _remove(teacher, name)).status == 303
    assert _files(tmp_path) == {}


async def test_a_form_takes_several_files_and_one_that_is_refused_stops_no_other(
    room: Staffroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropareas, "LARGEST", 1000)
    monkeypatch.setattr(droppages, "LARGEST", 1000)
    teacher = await room.trial.browser("teacher")
    answer = await _send(
        teacher, ("a.txt", b"one"), ("large.bin", b"x" * 5000), ("C:\\fakepath\\w1\\b.txt", b"two"), ("..", b"evil"),
    )  # fmt: skip
    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    text = await teacher.text(PAGE)
    assert "2 files are in the drop area now." in text
    assert "large.bin: This file is too large." in text
    assert _files(tmp_path) == {"a.txt": b"one", "b.txt": b"two"}
    assert not list((tmp_path / "uploads").iterdir())
    entries = await room.trial.audit.entries(action="file.put")
    assert sorted((one.subject, one.outcome) for one in entries) == [
        ("python/exam/..", "bad-file-path"), ("python/exam/a.txt", "done"), ("python/exam/b.txt", "done"),
    ]  # fmt: skip


async def test_forms_of_other_sites_and_old_ones_put_nothing(room: Staffroom, tmp_path: Path) -> None:
    teacher = await room.trial.browser("teacher")
    evil = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    for answer in (
        await _send(teacher, ("a.txt", b"x"), headers=evil),
        await _send(teacher, ("a.txt", b"x"), csrf="wrong"),
        await _send(teacher, ("a.txt", b"x"), first=False),
        await _put(teacher, "a.txt", b"x", **evil),
        await _put(teacher, "a.txt", b"x", **{"X-CSRF-Token": "wrong"}),
    ):
        assert answer.status == 403
    answer = await teacher.send("POST", f"{PAGE}/files", data={"csrf": teacher.csrf})
    assert answer.status == 400
    assert _files(tmp_path) == {}


async def test_a_file_is_never_in_memory_whole(
    room: Staffroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    original = room.dropareas.put

    async def watched(course: Any, area: Any, file: Any, size: int, content: AsyncIterator[bytes]) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            nonlocal largest
            async for piece in content:
                largest = max(largest, len(piece))
                yield piece

        await original(course, area, file, size, pieces())

    monkeypatch.setattr(room.dropareas, "put", watched)
    teacher = await room.trial.browser("teacher")
    content = b"x" * 5_000_000  # more than the site reads of any form
    assert (await _put(teacher, "script.bin", content)).status == 200
    assert (await _send(teacher, ("form.bin", content))).status == 303
    assert {name: len(data) for name, data in _files(tmp_path).items()} == {
        "script.bin": 5_000_000, "form.bin": 5_000_000,
    }  # fmt: skip
    assert 0 < largest <= 1 << 18


async def test_what_says_no_length_is_told_so(room: Staffroom) -> None:
    teacher = await room.trial.browser("teacher")

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"

    answer = await teacher.send(
        "PUT", f"/api/v1{AREAS}/exam/files/a.txt", data=endless(), headers={"X-CSRF-Token": teacher.csrf}
    )
    assert (answer.status, (await answer.json())["reason"]) == (411, "no-length")


async def test_status_then_handing_out_then_status(room: Staffroom) -> None:
    alice = await room.resident("alice")
    room.plant(alice, "DROPPED/exam/a.txt", "alice's own")
    teacher = await room.trial.browser("teacher")
    await _put(teacher, "a.txt", b"ours")
    await _put(teacher, "b.txt", b"ours")
    text = await teacher.text(PAGE)
    html5lib.HTMLParser(strict=True).parse(text)
    assert "1 of 2" in text
    assert "0 of 2" in text
    _, shown = await room.trial.api("GET", f"{AREAS}/exam", "teacher")
    assert [(f["path"], f["total"], f["available"], f["new"]) for f in shown["files"]] == [
        ("a.txt", 2, 1, 1), ("b.txt", 2, 0, 2),
    ]  # fmt: skip
    answer = await teacher.post("/do/droparea.deploy", course="python", area="exam", files="a.txt", back=PAGE)
    assert re.fullmatch(r"/jobs/\d+", answer.headers["Location"])
    await room.settle()
    student = await room.store.workspace(await _id(room))
    assert (room.space(student) / "DROPPED/exam/a.txt").read_text() == "ours"
    assert (room.space(alice) / "DROPPED/exam/a.txt").read_text() == "alice's own"
    assert not (room.space(student) / "DROPPED/exam/b.txt").exists()
    assert "2 of 2" in await teacher.text(PAGE)
    job = await room.store.job(int(answer.headers["Location"].rpartition("/")[2]))
    assert (job.kind, job.begun_by, job.message) == ("drop", "teacher", "1 copies for 2 students")


async def _id(room: Staffroom) -> Any:
    return next(w.id for w in await room.store.workspaces() if w.id.student == "student")


async def test_many_students_are_asked_only_when_somebody_wants_to_know(
    room: Staffroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(droppages, "_FEW", 1)
    await room.resident("alice")
    teacher = await room.trial.browser("teacher")
    await _put(teacher, "a.txt", b"x")
    room.desk.calls.clear()
    text = await teacher.text(PAGE)
    assert ("0 of 2" in text, "?status=1" in text) == (False, True)
    assert room.desk.calls == []
    assert "0 of 2" in await teacher.text(f"{PAGE}?status=1")


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_an_area_from_nothing_to_nothing(room: Staffroom, language: str) -> None:
    teacher = await room.trial.browser("teacher", language)
    html5lib.HTMLParser(strict=True).parse(await teacher.text("/teach/python/dropareas"))
    await teacher.text(PAGE, 404)
    bad = await teacher.post(
        "/do/droparea.create", course="python", area="../x", back="/teach/python/dropareas"
    )
    assert bad.headers["Location"] == "/teach/python/dropareas"
    assert 'value="../x"' in await teacher.text("/teach/python/dropareas")
    made = await teacher.post(
        "/do/droparea.create", course="python", area="exam", next="/teach/python/dropareas"
    )
    assert made.status == 303
    assert PAGE in await teacher.text("/teach/python/dropareas")
    html5lib.HTMLParser(strict=True).parse(await teacher.text(PAGE))
    refused = await teacher.post("/do/droparea.deploy", course="python", area="exam", back=PAGE)
    assert refused.headers["Location"] == PAGE
    removed = await teacher.post(
        "/do/droparea.remove", course="python", area="exam", next="/teach/python/dropareas", back=PAGE
    )
    assert removed.headers["Location"] == "/teach/python/dropareas"
    await teacher.text(PAGE, 404)


async def test_a_shut_account_gets_nothing(room: Staffroom) -> None:
    await room.trial.people.change(StudentName("student"), UserChanges(active=False))
    teacher = await room.trial.browser("teacher")
    await _put(teacher, "a.txt", b"x")
    _, shown = await room.trial.api("GET", f"{AREAS}/exam", "teacher")
    assert shown["files"][0]["total"] == 0
