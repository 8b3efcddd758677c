"""Students as their teacher sees and treats them, in the browser and over the API."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import html5lib
import pytest

from nbhostd.core.errors import WorldError
from nbhostd.core.model import Mode, Phase
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.people import GroupName
from nbhostd.core.students import Activity, Measurement
from nbhostd.services.people import UserChanges
from tests.services.cast import NOON
from tests.web.site_trial import COURSE, ROLES
from tests.web.staffroom_trial import Staffroom, staffroom_trial

PAGES = ("/teach/python/students", "/teach/python/students/student", "/teach/python/clear-staff")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Staffroom]:
    async with staffroom_trial(tmp_path) as room:
        yield room


async def test_each_role_gets_what_is_its_own(room: Staffroom) -> None:
    await room.resident("student", w1__a_md="x")
    for path in (*PAGES, "/teach/python/students.csv"):
        got = {role: (await (await room.trial.browser(role)).get(path)).status for role in ROLES}
        assert got == {
            "admin": 200, "staff": 200, "teacher": 200, "student": 403, "stranger": 404, "nobody": 303,
        }, path  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_pages_are_valid_and_say_who_is_there(room: Staffroom, language: str) -> None:
    await room.resident("student", w1__a_md="x")
    await room.resident("0123hash")
    await room.resident("teacher", w1__a_md="x")
    room.past.past = {COURSE: {StudentName("student"): Activity(NOON, 7)}}
    teacher = await room.trial.browser("teacher", language)
    for path in PAGES:
        text = await teacher.text(path)
        html5lib.HTMLParser(strict=True).parse(text)
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=", text)
    text = await teacher.text(PAGES[0])
    for name in ("student", "0123hash", "teacher", "Student Test"):
        assert name in text
    assert "stranger" not in text
    assert ("2 workspaces" if language == "en" else "espaces de travail") in text or "3" in text


async def test_a_member_is_there_before_the_first_visit_and_is_found(room: Staffroom) -> None:
    teacher = await room.trial.browser("teacher")
    assert "not come yet" in await teacher.text("/teach/python/students")
    assert "not come yet" in await teacher.text("/teach/python/students/student")
    await room.resident("0123hash")
    assert "0123hash" not in await teacher.text("/teach/python/students?q=STUDENT+T")
    assert "Nobody is called that" in await teacher.text("/teach/python/students?q=zzz")
    await teacher.text("/teach/python/students/stranger", 404)
    await teacher.text("/teach/python/students/..%2Fother", 400)


async def test_the_table_is_no_formula(room: Staffroom) -> None:
    await room.trial.people.change(StudentName("student"), UserChanges(first_name="=HYPERLINK(1)"))
    teacher = await room.trial.browser("teacher")
    answer = await teacher.get("/teach/python/students.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO((await answer.text()).lstrip("\ufeff"))))
    assert rows[0][:2] == ["Name", "Full name"]
    assert rows[1][:2] == ["student", "'=HYPERLINK(1) Test"]


async def test_five_hundred_are_listed_with_a_handful_of_questions(
    room: Staffroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(500):
        id = WorkspaceId(COURSE, StudentName(f"s{number:03}"))
        made = await room.store.ensure_workspace(id, Mode.MOOC, f"label{number}", NOON)
        if number % 2:
            await room.measurements.put(made.number, Measurement(number << 20, number, NOON))
    reads = 0
    original = room.store.database.read

    async def counted(work: object) -> object:
        nonlocal reads
        reads += 1
        return await original(work)

    monkeypatch.setattr(room.store.database, "read", counted)
    teacher = await room.trial.browser("teacher")
    reads = 0
    text = await teacher.text("/teach/python/students")
    assert text.count("<tr>") == 502
    assert reads < 20, "as many questions, whoever is in the course"
    assert room.desk.calls == []


async def test_the_api_says_the_same(room: Staffroom) -> None:
    workspace = await room.resident("student", w1__a_md="x", w1__DROPPED__no_txt="x")
    room.plant(workspace, "DROPPED/exam/data.csv", "1,2")
    token = await room.share("student", "w1/a.md")
    _, listed = await room.trial.api("GET", "/courses/python/students", "teacher")
    assert [(one["name"], one["member"], one["workspace"], one["state"]) for one in listed["students"]] == [
        ("student", True, True, "asleep")
    ]
    _, shown = await room.trial.api("GET", "/courses/python/students/student", "teacher")
    assert [file["path"] for file in shown["notebooks"]] == ["w1/a.md"]
    assert [(file["path"], file["size"]) for file in shown["dropped"]] == [("DROPPED/exam/data.csv", 3)]
    assert [share["token"] for share in shown["shares"]] == [token]


async def test_a_workspace_is_stopped_by_its_teacher_and_nobody_else(room: Staffroom) -> None:
    await room.resident("student")
    await room.opened("python/student")
    for role, status in (("student", 403), ("stranger", 404), ("nobody", 401)):
        assert (await room.trial.api("POST", "/courses/python/students/student/stop", role))[0] == status
    assert room.workspaces.place(WorkspaceId.parse("python/student")).phase is Phase.READY
    teacher = await room.trial.browser("teacher")
    assert "running" in await teacher.text("/teach/python/students/student")
    answer = await teacher.post(
        "/do/student.stop", course="python", student="student", back="/teach/python/students"
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/teach/python/students")
    assert "The workspace is stopped" in await teacher.text("/teach/python/students")
    assert room.workspaces.place(WorkspaceId.parse("python/student")).phase is Phase.ASLEEP
    (entry,) = await room.trial.audit.entries(action="student.stop", who="teacher")
    assert (entry.subject, entry.outcome, entry.via) == ("python/student", "done", "browser")


async def test_idle_workspaces_are_stopped_in_a_job(room: Staffroom) -> None:
    status, begun = await room.trial.api("POST", "/courses/python/stop-idle", "teacher")
    assert status == 202
    await room.settle()
    job = await room.store.job(begun["job"])
    assert (job.kind, job.subject, job.begun_by, job.message) == (
        "stop-idle", "python", "teacher", "0 stopped, 0 left",
    )  # fmt: skip


async def test_measuring_is_a_job_and_the_page_says_how_old_it_is(room: Staffroom) -> None:
    await room.resident("student", w1__a_md="x" * 5000)
    teacher = await room.trial.browser("teacher")
    answer = await teacher.post("/do/student.measure", course="python", back="/teach/python/students")
    assert answer.headers["Location"] == "/jobs/1"
    await room.settle()
    room.clock.moment += timedelta(days=1)
    text = await teacher.text("/teach/python/students")
    assert "8\N{NO-BREAK SPACE}KB" in text
    assert NOON.isoformat() in text
    assert (await room.trial.api("POST", "/courses/python/measure", "teacher", {"student": "nobody"}))[
        0
    ] == 404


async def test_only_the_staffs_work_files_are_cleared_and_after_a_look(room: Staffroom) -> None:
    mine = await room.resident("teacher", w1__a_md="mine", other_md="not of the course")
    # Whom studios show previews as, were it not somebody's account here.
    pupil = await room.resident("student", w1__a_md="pupil's")
    other = await room.resident("alice", w1__a_md="alice's")
    teacher = await room.trial.browser("teacher")
    text = await teacher.text("/teach/python/clear-staff")
    assert "w1/a.md" in text
    assert "alice" not in text
    assert "<h2>student</h2>" not in text
    assert (room.space(mine) / "w1/a.md").read_text() == "mine"
    for name in ("alice", "student"):
        body = {"students": [name]}
        status, refusal = await room.trial.api("POST", "/courses/python/clear-staff", "teacher", body)
        assert (status, refusal["reason"]) == (403, "not-of-the-staff")
    answer = await teacher.post(
        "/do/student.clear", course="python", students="teacher", back="/teach/python/clear-staff"
    )
    assert answer.headers["Location"] == "/jobs/1"
    await room.settle()
    assert (room.space(mine) / "w1/a.md").read_text() == "# new a"
    assert [path.read_text() for path in (room.space(mine) / "before-reset").rglob("*.md")] == ["mine"]
    assert (room.space(mine) / "other.md").read_text() == "not of the course"
    assert (room.space(other) / "w1/a.md").read_text() == "alice's"
    assert (room.space(pupil) / "w1/a.md").read_text() == "pupil's"


async def test_a_shared_page_is_taken_down_by_the_teacher_of_its_course_only(room: Staffroom) -> None:
    await room.resident("student", w1__a_md="x")
    token = await room.share("student", "w1/a.md")
    await room.trial.people.create(StudentName("rival"), UserChanges())
    await room.trial.people.set_access(CourseName("other"), staff=["stranger"])
    status, refusal = await room.trial.api("DELETE", f"/courses/other/shares/{token}", "stranger")
    assert (status, refusal["reason"]) == (404, "no-such-share")
    assert (await room.trial.api("GET", "/courses/other/shares", "stranger"))[1] == {"shares": []}
    assert (await room.trial.api("DELETE", f"/courses/python/shares/{token}", "student"))[0] == 403
    assert (await room.shares.find(token)).token == token
    assert (await room.trial.api("DELETE", f"/courses/python/shares/{token}", "teacher"))[0] == 200
    assert (await room.trial.api("GET", "/courses/python/shares", "teacher"))[1] == {"shares": []}


async def test_files_that_cannot_be_listed_leave_the_rest_of_the_page(room: Staffroom) -> None:
    await room.resident("student", w1__a_md="x")
    room.desk.fail = WorldError("Your files cannot be reached.", detail="/var/lib/secret")
    text = await (await room.trial.browser("teacher")).text("/teach/python/students/student")
    assert "Your files cannot be reached." in text
    assert "secret" not in text


async def test_a_group_of_another_course_is_not_listed(room: Staffroom) -> None:
    await room.trial.people.add_members(GroupName("elsewhere"), [StudentName("admin")])
    _, listed = await room.trial.api("GET", "/courses/python/students", "teacher")
    assert [one["name"] for one in listed["students"]] == ["student"]


async def test_a_workspace_is_deleted_by_administrators_only(room: Staffroom) -> None:
    await room.resident("student")
    for role, shown in (("teacher", False), ("staff", False), ("admin", True)):
        text = await (await room.trial.browser(role)).text("/teach/python/students/student")
        assert ("/do/workspaces.delete" in text) is shown
