"""The administration, over the whole house: people, groups, courses, workspaces, health, and what is written down of it."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Course, JobState, Mode
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.services.jobbook import Say
from nbhostd.services.people import UserChanges
from nbhostd.services.rollout import Hurried
from tests.fakes.images import FakeImages
from tests.house_trial import HouseTrial, house_trial
from tests.web.site_trial import Browser

PYTHON = CourseName("python")


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        trial.house.upkeep._images = trial.house.builder._images = FakeImages()
        yield trial


@pytest.fixture
async def admin(trial: HouseTrial) -> Browser:
    return await trial.browser("admin")


async def said(browser: Browser, path: str, fields: dict[str, str]) -> str:
    """The page that comes after a form."""
    answer = await browser.post(path, fields)
    if answer.status != 303:
        return await answer.text()
    return await browser.text(answer.headers["Location"])


# people


async def test_a_new_account_gets_a_link_that_is_shown_once(trial: HouseTrial, admin: Browser) -> None:
    form = {"name": "zoe", "first_name": "Zoé", "email": "z@example.org", "groups": "class", "staff": "true"}
    text = await said(admin, "/admin/people", form)
    found = re.search(r'id="link">[^<]*/link/([\w-]+)<', text)
    assert found
    assert found[1] not in await admin.text("/admin/people/zoe")
    user = await trial.house.dashboard.entrance.use_link(found[1], "quatre mots sans rapport")
    assert (user.name, user.first_name, user.staff, user.admin) == ("zoe", "Zoé", True, False)
    status, shape = await trial.api("GET", "/users/zoe", "admin")
    assert (status, shape["groups"]) == (200, ["class"])


@pytest.mark.parametrize(
    ("language", "words"), [("en", "already an account of this name"), ("fr", "déjà un compte de ce nom")]
)
async def test_a_refused_account_comes_back_with_what_was_entered(
    trial: HouseTrial, language: str, words: str
) -> None:
    browser = await trial.browser("admin", language)
    text = await said(browser, "/admin/people", {"name": "student", "first_name": "Wrong<b>"})
    assert words in text
    assert "Wrong&lt;b&gt;" in text


async def test_an_account_is_changed_and_shut(trial: HouseTrial, admin: Browser) -> None:
    there = await trial.browser("student")
    await there.text("/account")
    form = {"user": "student", "first_name": "Ada", "active": "false", "next": "/admin/people/student"}
    assert "The account is changed." in await said(admin, "/do/user.change", form)
    assert (await there.get("/account")).status == 303
    assert not (await trial.house.dashboard.people.get(StudentName("student"))).active


async def test_the_last_administrator_stays(admin: Browser) -> None:
    for operation, more in (
        ("user.delete", {}),
        ("user.change", {"active": "false"}),
        ("user.change", {"administrator": "false"}),
    ):
        text = await said(admin, f"/do/{operation}", {"user": "admin", "back": "/admin/people/admin", **more})
        assert "the last administrator" in text


async def test_a_deleted_account_leaves_its_workspaces(trial: HouseTrial, admin: Browser) -> None:
    id = WorkspaceId(PYTHON, StudentName("student"))
    await trial.house.store.ensure_workspace(id, Mode.MOOC, "a" * 26, trial.house.clock.now())
    text = await said(admin, "/do/user.delete", {"user": "student", "next": "/admin/people"})
    assert "The account is deleted." in text
    assert await trial.house.store.workspace(id) is not None


async def test_accounts_are_found_a_page_at_a_time(trial: HouseTrial, admin: Browser) -> None:
    for number in range(60):
        await trial.house.dashboard.people.create(
            StudentName(f"pupil{number:02}"), UserChanges(last_name="Martin", admin=number == 7)
        )

    async def names(query: str) -> list[str]:
        status, shape = await trial.api("GET", f"/users?{query}", "admin")
        assert status == 200
        return [user["name"] for user in shape["users"]]

    assert len(await names("q=martin")) == 50
    assert await names("q=martin&page=2") == [f"pupil{number}" for number in range(50, 60)]
    assert await names("q=MARTIN+07") == ["pupil07"]
    assert await names("kind=admin") == ["admin", "pupil07"]
    assert await names("group=class") == ["student"]
    assert (await trial.api("GET", "/users?kind=odd", "admin"))[0] == 400
    assert "Page 2 of 2" in await admin.text("/admin/people?q=martin&page=99")
    assert "Nobody is like that." in await admin.text("/admin/people?q=%3Cscript%3E")


async def test_logging_somebody_out(trial: HouseTrial) -> None:
    there = await trial.browser("teacher")
    assert await trial.api("DELETE", "/users/teacher/sessions", "admin") == (200, {"ended": 1})
    assert (await there.get("/account")).status == 303


# groups


async def test_a_list_of_names_is_pasted_whole_or_not_at_all(trial: HouseTrial, admin: Browser) -> None:
    form = {"group": "class", "back": "/admin/groups/class", "next": "/admin/groups/class"}
    text = await said(admin, "/do/group.add", {**form, "names": "teacher, nobody1\nstranger; nobody2"})
    assert "Without an account: nobody1, nobody2" in text
    assert (await trial.api("GET", "/groups/class", "admin"))[1]["members"] == ["student"]
    await said(admin, "/do/group.add", {**form, "names": "teacher,stranger\n  student"})
    assert (await trial.api("GET", "/groups/class", "admin"))[1]["members"] == [
        "stranger",
        "student",
        "teacher",
    ]
    status, shape = await trial.api("POST", "/groups/class/members/remove", "admin", {"names": ["stranger"]})
    assert (status, shape) == (200, {"changed": 1, "members": 2})


async def test_a_group_from_its_making_to_its_end(trial: HouseTrial, admin: Browser) -> None:
    text = await said(admin, "/do/group.create", {"name": "class 2", "next": "/admin/groups"})
    assert "class 2" in text
    taken = {"group": "class 2", "name": "class", "back": "/admin/groups/class%202"}
    assert "already a group of this name" in await said(admin, "/do/group.rename", taken)
    await said(admin, "/do/group.rename", {"group": "class", "name": "class 3", "next": "/admin/groups"})
    access = await trial.house.dashboard.people.access(PYTHON)
    assert access is not None
    assert access.groups == {"class 3"}
    await said(admin, "/do/group.delete", {"group": "class 3", "next": "/admin/groups"})
    assert (await trial.api("GET", "/groups/class%203", "admin"))[0] == 404


# courses


async def test_a_course_is_renamed_archived_and_deleted(trial: HouseTrial) -> None:
    staff = await trial.browser("staff")
    back = "/admin/courses/python"
    form = {"course": "python", "to": "other", "back": back, "next": "/admin/courses"}
    assert "already a course of this name" in await said(staff, "/do/course.rename", form)
    assert "another name now" in await said(staff, "/do/course.rename", {**form, "to": "python3"})
    await said(
        staff, "/do/course.archive", {"course": "python3", "archived": "true", "next": "/admin/courses"}
    )
    assert (await trial.house.courses.get(CourseName("python3"))).archived
    end = {"course": "python3", "typed": "python3", "back": "/admin/courses/python3"}
    assert "Only administrators" in await said(staff, "/do/course.delete", end)
    admin = await trial.browser("admin")
    assert "is not the name" in await said(admin, "/do/course.delete", {**end, "typed": "python"})
    await trial.house.store.ensure_workspace(
        WorkspaceId.parse("python3/student"), Mode.MOOC, "a" * 26, trial.house.clock.now()
    )
    assert "Something is in the way" in await said(admin, "/do/course.delete", end)
    await trial.house.store.delete_workspace(1)
    answer = await admin.post("/do/course.delete", end)
    assert re.fullmatch(r"/jobs/\d+", answer.headers["Location"])
    number = int(answer.headers["Location"].rpartition("/")[2])
    async for _ in trial.house.jobs.logs.follow(number):
        pass
    job = await trial.house.store.job(number)
    assert job is not None
    assert (job.kind, job.begun_by, job.state) == ("delete", "admin", JobState.SUCCEEDED)
    with pytest.raises(Refused):
        await trial.house.courses.get(CourseName("python3"))


async def test_a_course_that_cannot_be_made_says_so_in_its_job(trial: HouseTrial, tmp_path: Path) -> None:
    staff = await trial.browser("staff")
    text = await said(
        staff, "/do/course.create", {"name": "new", "git_url": "ftp://x", "back": "/admin/courses"}
    )
    assert "not the address of a repository" in text
    answer = await staff.post(
        "/do/course.create", name="new", git_url=f"{tmp_path}/nowhere", back="/admin/courses"
    )
    number = int(answer.headers["Location"].rpartition("/")[2])
    async for _ in trial.house.jobs.logs.follow(number):
        pass
    assert "failed" in await staff.text(f"/jobs/{number}")
    details = [entry.detail for entry in await trial.house.dashboard.audit.entries(action="course.create")]
    assert all("git_url=…" in detail for detail in details)


# workspaces


async def test_what_to_stop_is_said_in_one_way(trial: HouseTrial) -> None:
    for body in ({}, {"all": True, "course": "python"}, {"workspaces": ["python/a"], "all": True}):
        status, answer = await trial.api("POST", "/workspaces/stop", "admin", body)
        assert (status, answer["reason"]) == (400, "nothing-chosen")
    assert await trial.api("POST", "/workspaces/stop", "admin", {"all": True}) == (200, {"stopped": []})


async def test_a_workspace_is_found_and_its_name_is_typed_for_its_end(
    trial: HouseTrial, admin: Browser
) -> None:
    now = trial.house.clock.now()
    for name, label in (("student", "a"), ("teacher", "b")):
        await trial.house.store.ensure_workspace(
            WorkspaceId.parse(f"python/{name}"), Mode.MOOC, label * 26, now
        )
    assert (await trial.api("GET", "/workspaces?q=/stud", "admin"))[1]["total"] == 1
    assert (await trial.api("GET", "/workspaces?unused_since=2020-01-01", "admin"))[1]["total"] == 0
    form = {"course": "python", "student": "student", "typed": "student", "back": "/admin/workspaces/all"}
    assert "is not the name" in await said(admin, "/do/workspaces.delete", form)
    assert 'data-renew="counts"' in await admin.text("/admin/workspaces/live?q=x")


# health and the audit log


async def test_health_says_what_is_wrong(trial: HouseTrial, admin: Browser) -> None:
    job = await trial.house.store.create_job("pull", "python", trial.house.clock.now())
    await trial.house.store.end_job(job.number, JobState.FAILED, "no <host>", trial.house.clock.now())
    status, shape = await trial.api("GET", "/site/health", "admin")
    assert status == 200
    assert {"podman", "backup"} <= set(shape["alarms"])
    assert [failed["message"] for failed in shape["failed_jobs"]] == ["no <host>"]
    assert shape["databases"]["nbhostd"] > 0
    text = await admin.text("/admin")
    assert "Podman does not answer" in text
    assert "no &lt;host&gt;" in text


async def test_the_log_is_read_searched_and_taken_away(trial: HouseTrial, admin: Browser) -> None:
    for name in ("ada", "=1+1"):
        await trial.api("POST", "/users", "admin", {"name": name})
    await trial.api("POST", "/groups", "staff", {"name": "ours"})
    text = await admin.text("/admin/audit?action=user.")
    assert "user.create" in text
    assert "group.create" not in text
    assert "not-administrator" in await admin.text("/admin/audit?refused=true")
    assert "This is not a day." in await admin.text("/admin/audit?since=2026-99-99")
    rows = list(csv.DictReader(io.StringIO(await admin.text("/admin/audit.csv?who=admin"))))
    assert [(row["action"], row["subject"], row["outcome"]) for row in rows] == [
        ("user.create", "'=1+1", "bad-student-name"),
        ("user.create", "ada", "done"),
    ]
    answer = await admin.get("/admin/audit.json?who=staff")
    assert [entry["subject"] for entry in await answer.json()] == ["ours"]
    status, shape = await trial.api("GET", "/audit?limit=2", "admin")
    assert (status, len(shape["entries"]), shape["next"]) == (200, 2, shape["entries"][1]["number"])


class Rolling:
    """An earlier image that somebody still runs, in the courses of `old`."""

    def __init__(self, trial: HouseTrial, monkeypatch: pytest.MonkeyPatch) -> None:
        self.old = {"python": 2, "other": 1}
        self.hurried: list[tuple[str, bool]] = []
        self.failing = ""
        house = trial.house
        monkeypatch.setattr(house.rollout, "outdated", self._outdated)
        monkeypatch.setattr(house.rollout, "hurry", self._hurry)
        monkeypatch.setattr(house.podman, "named", self._named)
        monkeypatch.setattr(house.podman, "unnamed", self._unnamed)

    async def _named(self) -> list[tuple[str, str, int]]:
        return [("minimal", "sha256:0123456789abcdef", 10)]

    async def _unnamed(self) -> tuple[int, int]:
        return 0, 0

    async def _outdated(self, course: Course) -> int:
        return self.old.get(course.name, 0)

    async def _hurry(self, name: CourseName, say: Say, *, everybody: bool) -> Hurried:
        self.hurried.append((name, everybody))
        if name == self.failing:
            raise WorldError("Podman cannot be asked.")
        return Hurried((), (), ())


@pytest.fixture
def rolling(trial: HouseTrial, monkeypatch: pytest.MonkeyPatch) -> Rolling:
    return Rolling(trial, monkeypatch)


async def test_an_image_is_rolled_out_in_all_its_courses_a_job_for_each(
    trial: HouseTrial, admin: Browser, rolling: Rolling
) -> None:
    text = await admin.text("/admin/images")
    assert text.count('action="/do/images.rollout"') == 2  # those that nobody uses, and everybody's
    rolling.failing = "other"
    answer = await admin.post("/do/images.rollout", image="minimal", back="/admin/images")
    assert answer.status == 303
    for task in asyncio.all_tasks():
        if task.get_name() == "roll-out of minimal":
            await asyncio.wait([task])
    assert rolling.hurried == [("other", False), ("python", False)]
    jobs = [(job.kind, job.subject, job.state) for job in await trial.house.store.jobs()]
    assert sorted(jobs) == [
        ("roll-out", "other", JobState.FAILED),
        ("roll-out", "python", JobState.SUCCEEDED),
    ]


async def test_only_courses_in_which_somebody_runs_an_earlier_image_are_rolled_out(
    trial: HouseTrial, admin: Browser, rolling: Rolling
) -> None:
    rolling.old = {"python": 1}
    status, shape = await trial.api(
        "POST", "/images/roll-out", "admin", {"image": "minimal", "everybody": True}
    )
    assert (status, rolling.hurried) == (202, [("python", True)])
    rolling.old = {}
    assert 'action="/do/images.rollout"' not in await admin.text("/admin/images")
    status, shape = await trial.api("POST", "/images/roll-out", "admin", {"image": "minimal"})
    assert (status, shape["job"], len(rolling.hurried)) == (202, None, 1)
    status, shape = await trial.api("POST", "/images/roll-out", "admin", {"image": "nothing"})
    assert (status, shape["reason"]) == (404, "unused-image")
