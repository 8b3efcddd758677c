"""A course's pages for its teachers, and what is done on them: over the real services, with a git, images and jobs in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest

from nbhostd.adapters.catalogs import SqliteCatalogs
from nbhostd.adapters.joblogs import JobLogs
from nbhostd.core.access import Keyring
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Build, Course, JobSpec, JobState, Site
from nbhostd.core.names import CourseName
from nbhostd.core.people import GroupName
from nbhostd.services.cancelling import Cancelling
from nbhostd.services.catalog import Catalog
from nbhostd.services.courses import Changes, Courses
from nbhostd.services.errands import Errands
from nbhostd.services.images import ImageBuilder
from nbhostd.services.inspection import Inspection
from nbhostd.services.jobbook import JobBook, Say
from nbhostd.services.pulling import Wanted
from nbhostd.services.recipes import Recipes
from nbhostd.services.sites import Listed
from nbhostd.services.tasks import KeyedLocks
from nbhostd.web.courseviews import CourseViews, Sources
from nbhostd.web.jobs import Jobs
from nbhostd.web.jobsroom import JobsRoom
from nbhostd.web.operations import Operation
from nbhostd.web.teach_access import TeachAccess
from nbhostd.web.teach_content import TeachContent
from nbhostd.web.teach_courses import TeachCourses
from nbhostd.web.teach_images import TeachImages
from nbhostd.web.teach_sites import Addresses, TeachSites
from nbhostd.web.teach_students import TeachStudents
from nbhostd.web.teachold import OldTeachPages
from nbhostd.web.teachpages import Rooms, TeachPages
from tests.fakes.catalogs import FakeNotebooks
from tests.fakes.git import FakeGit
from tests.fakes.images import FakeImages
from tests.fakes.jobs import FakeJobs, Script
from tests.fakes.localfiles import FakeLocalFiles
from tests.fakes.teaching import FakeCommits, FakeInspector
from tests.web.site_trial import PUBLIC, SiteTrial, site_trial
from tests.web.trial import KEY

PYTHON = CourseName("python")
FILES = {
    "w1/a.ipynb": b'{"metadata": {"kernelspec": {"name": "python3"}, "nbhosting": {"title": "The <b>first</b>"}}, "cells": []}',
    "w1/b.ipynb": b'{"metadata": {"kernelspec": {"name": "python3"}}, "cells": []}',
    "nbhosting/nbhosting.yaml": b"tracks:\n- name: Easy\n  sections:\n  - name: One\n    notebooks: [w1/a]\nodd: 1\n"
    b"builds:\n- {name: The book, id: book, script: make}\n- {name: Docs, id: docs, external_url: 'https://docs.test/'}\n",
    "nbhosting/Containerfile": b"FROM nbhosting/minimal-notebook\n",
}
PAGES = ("", "/notebooks", "/sites", "/settings")


@dataclass
class Doing:
    """Services whose own stories are told elsewhere: they only write down what they were asked."""

    book: JobBook
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    builds: list[Listed] = field(default_factory=list)
    strangers: tuple[str, ...] = ()
    old: int = 0

    async def _job(self, kind: str, name: str, say: Say) -> None:
        async with self.book.job(kind, name, say):
            pass

    async def pull_students(self, name: CourseName, wanted: Wanted, on_line: Say) -> None:
        if set(wanted.students) & set(self.strangers):
            raise Refused("No student is meant.", status=404, reason="no-such-student")
        self.asked.append(("pull", name, wanted))
        await self._job("pull-students", name, on_line)

    async def listed(self, course: Course) -> list[Listed]:
        return self.builds

    async def run(self, name: CourseName, wanted: Any, on_line: Say, *, force: bool = False) -> None:
        self.asked.append(("run", name, tuple(wanted), force))
        await self._job("site", f"{name}/book", on_line)

    async def hurry(self, name: CourseName, say: Say, *, everybody: bool) -> None:
        self.asked.append(("hurry", name, everybody))
        await self._job("roll-out", name, say)

    async def outdated(self, course: Course) -> int:
        return self.old


@dataclass
class Asleep:
    """Nobody is awake."""

    entries: tuple[Any, ...] = ()


@dataclass
class Scene:
    """The site, and who is behind it."""

    trial: SiteTrial
    git: FakeGit
    images: FakeImages
    jobs: FakeJobs
    courses: Courses
    doing: Doing

    async def settled(self) -> None:
        await asyncio.gather(*self.trial.tasks._running, return_exceptions=True)

    async def course(self) -> Course:
        return await self.courses.get(PYTHON)

    async def do(self, role: str, id: str, language: str = "en", **fields: str) -> tuple[str, str]:
        """Send a form of the settings page; where it leads, and that page."""
        browser = await self.trial.browser(role, language)
        form = {
            "course": "python",
            "back": "/teach/python/settings",
            "next": "/teach/python/settings",
        } | fields
        answer = await browser.post(f"/do/{id}", form)
        assert answer.status == 303, await answer.text()
        where = answer.headers["Location"]
        await self.settled()
        return where, await browser.text(where)


def _make(trial: SiteTrial, tmp_path: Path, kept: dict[str, Any]) -> None:
    git, local, images, jobs = FakeGit(), FakeLocalFiles(), FakeImages(), FakeJobs()
    logs = JobLogs(tmp_path / "jobs")
    book = JobBook(trial.store, logs, trial.clock)
    courses = Courses(
        trial.store, git, local, book, KeyedLocks(), trial.clock, default_image=lambda: "minimal"
    )
    doing = Doing(book)
    recipes = Recipes(git, local, Config)
    builder = ImageBuilder(images, jobs, book, courses, recipes, Config)
    inspection = Inspection(FakeInspector(git), trial.tasks)
    views = CourseViews(
        Sources(courses, recipes, images, doing, trial.store, FakeCommits(git), inspection, Asleep())
    )
    errands = Errands(trial.tasks)
    catalog = Catalog(
        FakeNotebooks(git), SqliteCatalogs(trial.store.database), courses, KeyedLocks(), trial.tasks
    )
    job_pages = Jobs(trial.store, logs, book, Cancelling(book, jobs), trial.people)
    rooms = Rooms(
        TeachCourses(courses, trial.people, views, errands), TeachAccess(trial.people),
        TeachSites(courses, doing, errands, Addresses(lambda: PUBLIC, lambda: Keyring((KEY,)), trial.clock)),
        TeachContent(courses, catalog), job_pages,
    )  # fmt: skip
    kept["operations"] = [
        operation
        for room in (
            job_pages, rooms.courses, rooms.access, rooms.sites, rooms.content,
            TeachImages(courses, views, builder, doing, errands), TeachStudents(doing, errands),
        )
        for operation in room.operations()
    ]  # fmt: skip
    kept["rooms"] = [
        TeachPages(trial.site, trial.operations, courses, views, rooms), JobsRoom(trial.site, job_pages),
        OldTeachPages(trial.pages),
    ]  # fmt: skip
    kept["scene"] = Scene(trial, git, images, jobs, courses, doing)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    kept: dict[str, Any] = {}

    def operations(trial: SiteTrial) -> list[Operation]:
        _make(trial, tmp_path, kept)
        return list(kept["operations"])

    async with site_trial(tmp_path, operations=operations, rooms=lambda trial: kept["rooms"]) as trial:
        scene: Scene = kept["scene"]
        scene.git.upstream("https://git.test/python.git", "main", FILES)
        await scene.courses.pull(PYTHON, lambda line: None)
        scene.images.images["minimal"] = ("sha256:" + "1" * 64, 7)
        scene.doing.builds = [
            Listed(Build("The book", "book", script="make"), None, None),
            Listed(Build("Docs", "docs", external_url="https://docs.test/"), None, None),
        ]
        yield scene
        await scene.settled()
        del trial


# Looking


async def test_the_list_is_of_the_courses_that_one_teaches(scene: Scene) -> None:
    for role, listed in (
        ("teacher", {"python"}),
        ("staff", {"python", "other"}),
        ("admin", {"python", "other"}),
    ):
        page = await (await scene.trial.browser(role)).text("/teach")
        assert {name for name in ("python", "other") if f'href="/teach/{name}"' in page} == listed, role
        assert ("/admin/courses" in page) is (role != "teacher")
    assert (await (await scene.trial.browser("student")).get("/teach")).status == 403
    status, answer = await scene.trial.api("GET", "/teaching", "student")
    assert (status, answer["courses"]) == (200, [])


async def test_archived_courses_are_listed_apart(scene: Scene) -> None:
    await scene.courses.change(PYTHON, Changes(archived=True))
    teacher = await scene.trial.browser("teacher")
    page = await teacher.text("/teach")
    assert 'href="/teach/python"' not in page
    assert "Archived courses (1)" in page
    assert 'href="/teach/python"' in await teacher.text("/teach?archived=1")
    _, answer = await scene.trial.api("GET", "/teaching?archived=true", "teacher")
    assert [course["name"] for course in answer["courses"]] == ["python"]


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_every_page_is_whole_in_both_languages_and_for_its_teachers_only(
    scene: Scene, language: str
) -> None:
    for role, status in (
        ("teacher", 200),
        ("staff", 200),
        ("student", 403),
        ("stranger", 404),
        ("nobody", 303),
    ):
        browser = await scene.trial.browser(role, language)
        for page in PAGES:
            text = await browser.text(f"/teach/python{page}", status)
            if status == 200:
                html5lib.HTMLParser(strict=True).parse(text)
                assert f'<html lang="{language}">' in text


async def test_the_overview_says_how_the_course_is(scene: Scene) -> None:
    course = await scene.course()
    page = await (await scene.trial.browser("teacher")).text("/teach/python")
    assert course.commit is not None
    assert course.commit[:10] in page
    assert "a change" in page, "the commit's title"
    assert "by nbhostd itself" in page
    assert "nbhosting/nbhosting.yaml" in page
    assert re.search(r'<td class="number" data-value="6">6</td>', page), "the fault's line"
    assert "is in no track" in page, "what lint says"
    assert "The book" in page
    assert 'href="https://docs.test/"' in page


async def test_what_is_wrong_in_the_files_is_said_in_the_readers_language(scene: Scene) -> None:
    await scene.course()
    page = await (await scene.trial.browser("teacher", "fr")).text("/teach/python")
    assert "<td>n’est dans aucun parcours</td>" in page
    _, answer = await scene.trial.api("GET", "/courses/python/faults", "teacher")
    assert "is in no track" in {fault["text"] for fault in answer["faults"]}


async def test_who_pulled_last_is_said(scene: Scene) -> None:
    where, _ = await scene.do("teacher", "course.pull")
    assert re.fullmatch(r"/jobs/\d+", where)
    assert "by teacher" in await (await scene.trial.browser("teacher")).text("/teach/python")
    status, answer = await scene.trial.api("GET", "/courses/python", "teacher")
    assert (status, answer["pulled_by"], answer["commit"]["title"]) == (200, "teacher", "a change")


async def test_what_cannot_be_asked_hides_nothing_else(scene: Scene) -> None:
    scene.images.fail = WorldError("Podman cannot be asked.")
    teacher = await scene.trial.browser("teacher")
    assert "Podman cannot be asked just now." in await teacher.text("/teach/python")
    assert "not known now" in await teacher.text("/teach")
    status, answer = await scene.trial.api("GET", "/courses/python/image", "teacher")
    assert (status, answer["here"]) == (200, None)


async def test_an_address_with_a_secret_is_shown_without(scene: Scene) -> None:
    await scene.courses.change(PYTHON, Changes(git_url="https://token:hush@git.test/python.git"))
    for role in ("teacher", "admin"):
        browser = await scene.trial.browser(role)
        for page in PAGES:
            assert "hush" not in await browser.text(f"/teach/python{page}")
        assert "hush" not in str(await scene.trial.api("GET", "/courses/python", role))


async def test_notebooks_with_titles_tracks_and_what_is_in_none(scene: Scene) -> None:
    page = await (await scene.trial.browser("teacher")).text("/teach/python/notebooks")
    assert "The &lt;b&gt;first&lt;/b&gt;" in page
    assert 'href="/auditor/notebook/python:Easy/w1/a"' in page
    assert "from <code>nbhosting/nbhosting.yaml</code>" in page
    assert page.index('id="elsewhere"') < page.rindex("w1/b.ipynb")
    status, answer = await scene.trial.api("GET", "/courses/python/tracks", "teacher")
    assert (status, answer["tracks"][0]["origin"]) == (200, "nbhosting/nbhosting.yaml")
    assert [one["path"] for one in answer["elsewhere"]] == ["w1/b.ipynb"]
    status, answer = await scene.trial.api("GET", "/courses/python/notebooks", "teacher")
    assert [(one["path"], one["tracks"]) for one in answer["notebooks"]] == [
        ("w1/a.ipynb", ["Easy"]),
        ("w1/b.ipynb", []),
    ]


# Doing


async def test_the_settings_are_changed_and_kept(scene: Scene) -> None:
    where, page = await scene.do(
        "teacher", "course.change", autopull="true", autobuild="true", public_builds="false", image="own", branch=" next "
    )  # fmt: skip
    assert where == "/teach/python/settings"
    assert "The course is changed." in page
    course = await scene.course()
    assert (course.autopull, course.autobuild, course.public_builds) == (True, True, False)
    assert (course.image, course.branch) == ("localhost/nbhosting/course-python", "next")
    assert "for everybody" in page
    assert re.search(r'value="own" selected', page)


async def test_what_is_wrong_in_the_settings_is_said_beside_its_field_and_nothing_is_lost(
    scene: Scene,
) -> None:
    before = await scene.course()
    _, page = await scene.do(
        "teacher", "course.change", "fr", autopull="true", image="minimal", branch="-bad"
    )
    assert await scene.course() == before
    assert re.search(r'id="branch"[^>]* value="-bad"[^>]*aria-invalid="true"', page), page
    assert re.search(r'id="branch-error".*?nom de branche', page, re.DOTALL)
    assert re.search(r'type="checkbox" name="autopull" value="true" checked', page)


async def test_a_teacher_chooses_among_images_and_staff_name_any(scene: Scene) -> None:
    _, page = await scene.do("teacher", "course.change", image="course-secret")
    assert "none of the images" in page
    assert (await scene.course()).image == "minimal"
    status, answer = await scene.trial.api("PATCH", "/courses/python", "teacher", {"image": "course-secret"})
    assert (status, answer["reason"]) == (400, "not-an-image-of-yours")
    _, page = await scene.do("staff", "course.change", image="course-secret")
    assert (await scene.course()).image == "localhost/nbhosting/course-secret"
    _, page = await scene.do("staff", "course.change", image="not an image")
    assert re.search(r'id="image-error".*?not an image', page, re.DOTALL)
    assert 'value="not an image"' in page


async def test_staff_is_one_a_line_and_all_that_is_no_name_is_told(scene: Scene) -> None:
    await scene.trial.people.create_group(GroupName("assistants"))
    _, page = await scene.do("teacher", "course.staff", staff="teacher\n@assistants\n 0123abcd \n\nteacher")
    access = await scene.trial.people.access(PYTHON)
    assert access is not None
    assert access.staff == ("teacher", "@assistants", "0123abcd")
    assert "Without an account or a group here: 0123abcd" in re.sub(r"\s+", " ", page)
    for entered, reason in (("teacher\ng*\n../x", "bad-staff"), ("teacher\n@nowhere", "no-such-group")):
        _, page = await scene.do("teacher", "course.staff", staff=entered)
        assert await scene.trial.people.access(PYTHON) == access, reason
        assert 'id="staff-error"' in page
        assert entered.splitlines()[1] in page, "what was entered is still there"
        _, answer = await scene.trial.api(
            "PUT", "/courses/python/staff", "teacher", {"staff": entered.splitlines()}
        )
        assert answer["reason"] == reason
    _, answer = await scene.trial.api("PUT", "/courses/python/staff", "teacher", {"staff": ["g*", "../x"]})
    assert "“g*”, “../x”" in answer["message"]


async def test_groups_and_address_are_the_site_staffs(scene: Scene) -> None:
    page = await (await scene.trial.browser("teacher")).text("/teach/python/settings")
    assert "/do/course.groups" not in page
    assert "/do/course.source" not in page
    for id, fields in (("course.groups", {"groups": "elsewhere"}), ("course.source", {"git_url": "/etc"})):
        _, page = await scene.do("teacher", id, **fields)
        assert "Only the staff of this site" in page
    access = await scene.trial.people.access(PYTHON)
    assert access is not None
    assert access.groups == {"class"}
    _, page = await scene.do("staff", "course.groups", groups="class\nelsewhere")
    assert "The groups of this course are changed." in page
    _, page = await scene.do("staff", "course.groups", groups="class\nnowhere")
    assert 'id="groups-error"' in page
    access = await scene.trial.people.access(PYTHON)
    assert access is not None
    assert access.groups == {"class", "elsewhere"}
    _, page = await scene.do("staff", "course.source", git_url="https://git.test/else.git")
    assert (await scene.course()).git_url == "https://git.test/else.git"
    _, page = await scene.do("staff", "course.source", git_url="gopher://x/y")
    assert 'id="git_url-error"' in page
    assert 'value="gopher://x/y"' in page
    entries = await scene.trial.audit.entries(action="course.source")
    assert "git.test" not in str(entries), "an address may have a token in it"


async def test_an_image_is_built_after_its_missing_base_and_its_teacher_sees_both(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, made = scene.jobs.run, {"minimal": "minimal-notebook", "python": "course-python"}

    async def build(number: int, spec: JobSpec, on_line: Say) -> JobState:
        if spec.kind == "build":
            scene.images.images[f"localhost/nbhosting/{made[spec.subject]}"] = ("sha256:2", 1)
        return await run(number, spec, on_line)

    monkeypatch.setattr(scene.jobs, "run", build)
    await scene.courses.change(PYTHON, Changes(image="own"))
    for kind in ("build", "prune"):
        scene.jobs.scripts[kind] = Script(("building",))
    number = await _number(scene, "image.build", fresh="true")
    await scene.settled()
    base, own = await scene.trial.store.job(number), await scene.trial.store.job(number + 1)
    assert base is not None
    assert own is not None
    assert [(job.subject, job.begun_by) for job in (base, own)] == [
        ("minimal", "teacher"),
        ("python", "teacher"),
    ]
    assert [spec.argv[-1] for spec in scene.jobs.ran if spec.subject == "python"] == ["--fresh"]
    teacher = await scene.trial.browser("teacher")
    assert f'href="/jobs/{number + 1}"' in await teacher.text(f"/jobs/{number}")


async def test_a_course_without_a_recipe_builds_nothing(scene: Scene) -> None:
    scene.git.upstream("https://git.test/python.git", "main", {"w1/a.ipynb": b"{}"})
    await scene.courses.pull(PYTHON, lambda line: None)
    teacher = await scene.trial.browser("teacher")
    assert "/do/image.build" not in await teacher.text("/teach/python")
    status, answer = await scene.trial.api("POST", "/courses/python/image/build", "teacher", {})
    assert (status, answer["reason"]) == (404, "no-recipe")


async def test_old_images_are_rolled_out(scene: Scene) -> None:
    teacher = await scene.trial.browser("teacher")
    assert "/do/image.rollout" not in await teacher.text("/teach/python")
    scene.doing.old = 3
    assert "3 of" in await teacher.text("/teach/python")
    await _number(scene, "image.rollout")
    await _number(scene, "image.rollout", everybody="true")
    assert scene.doing.asked == [("hurry", "python", False), ("hurry", "python", True)]


async def test_sites_are_built_by_exact_ids(scene: Scene) -> None:
    await _number(scene, "site.run")
    await _number(scene, "site.run", builds="book", force="true")
    assert scene.doing.asked == [("run", "python", (), False), ("run", "python", ("book",), True)]
    status, answer = await scene.trial.api("POST", "/courses/python/sites/run", "teacher", {"builds": ["b*"]})
    assert (status, answer["reason"]) == (404, "no-such-build")
    assert len(scene.doing.asked) == 2


async def test_sites_say_what_they_are_at(scene: Scene) -> None:
    course = await scene.course()
    assert course.commit is not None
    now = scene.trial.clock.now()
    book = scene.doing.builds[0].build
    for latest, state, said in (
        (course.commit, JobState.SUCCEEDED, "up to date"), ("f" * 40, JobState.SUCCEEDED, "of an earlier commit"),
        (course.commit, JobState.FAILED, "failed"), (None, JobState.RUNNING, "is being built"),
    ):  # fmt: skip
        scene.doing.builds[0] = Listed(
            book, latest, Site(course.number, "book", course.commit, 9, state, now)
        )
        page = await (await scene.trial.browser("teacher")).text("/teach/python/sites")
        assert said in page
        assert 'href="/jobs/9"' in page


async def test_an_address_to_give_away(scene: Scene) -> None:
    course = await scene.course()
    scene.doing.builds[0] = Listed(scene.doing.builds[0].build, course.commit, None)
    teacher = await scene.trial.browser("teacher")
    page = await (await teacher.post("/teach/python/sites", build="book")).text()
    assert f"{PUBLIC}/builds/python/book/latest/" in page
    await scene.courses.change(PYTHON, Changes(public_builds=False))
    page = await (await teacher.post("/teach/python/sites", build="book", days="3")).text()
    assert re.search(rf"{PUBLIC}/builds/~[\w.\-]+/python/book/latest/", page)
    status, answer = await scene.trial.api(
        "POST", "/courses/python/sites/book/address", "teacher", {"days": 3}
    )
    assert status == 200
    assert answer["expires"].startswith((scene.trial.clock.now() + timedelta(days=3)).isoformat()[:19])
    answer = await teacher.post("/teach/python/sites", build="nowhere")
    assert (answer.status, "no such static site" in await answer.text()) == (404, True)
    answer = await teacher.send("POST", "/teach/python/sites", data={"build": "book"})
    assert answer.status == 403, "without the page's token"
    assert (await scene.trial.audit.entries(action="site.address"))[0].who == "teacher"


async def test_students_are_pulled_for_by_exact_names(scene: Scene) -> None:
    await _number(
        scene, "students.pull", students="alice\nbob", how="reset", dry_run="true", skip_course="true"
    )
    ((_, _, wanted),) = scene.doing.asked
    assert wanted.students == ("alice", "bob")
    assert (wanted.options.reset.value, wanted.options.resync, wanted.options.dry_run) == (
        "always",
        False,
        True,
    )
    assert wanted.skip_course
    await _number(scene, "students.pull", how="merge")
    for students in ("a*", "alice\n?", ""):
        status, answer = await scene.trial.api(
            "POST", "/courses/python/pull-students", "teacher",
            {"students": students.splitlines(), "how": "resync"},
        )  # fmt: skip
        assert (status, answer["reason"]) == (400, "bad-student-name" if students else "reset-without-names")
    assert len(scene.doing.asked) == 2


async def test_a_form_for_the_students_that_is_refused_keeps_what_was_entered(scene: Scene) -> None:
    scene.doing.strangers = ("nobody",)
    back = {"back": "/teach/python", "next": "/teach/python"}
    _, page = await scene.do("teacher", "students.pull", students="nobody", how="reset-if-needed", **back)
    assert 'id="students-error"' in page
    assert re.search(r'value="reset-if-needed" checked', page)
    assert re.search(r">\s*nobody</textarea>", page)
    _, page = await scene.do("teacher", "students.pull", students="", how="resync", **back)
    assert "Name the students" in page


@pytest.mark.parametrize("name", ["py*", "python,other", "p.thon", "pyth", "python/..", "PYTHON"])
async def test_a_button_never_means_another_course(scene: Scene, name: str) -> None:
    """The predecessor's buttons took patterns, and did more than was meant."""
    browser = await scene.trial.browser("admin")
    for id in ("course.pull", "image.build", "image.rollout", "site.run", "students.pull"):
        answer = await browser.post(f"/do/{id}", course=name)
        assert answer.status in (400, 404), (id, await answer.text())
    assert scene.doing.asked == []


# What was


async def test_the_predecessors_addresses_lead_here_and_change_nothing(scene: Scene) -> None:
    before, jobs = await scene.course(), await scene.trial.store.jobs()
    browser = await scene.trial.browser("teacher")
    for path, leads in (
        ("/staff/courses", "/teach"), ("/staff/courses/", "/teach"), ("/staff/", "/teach"), ("/staff", "/teach"),
        ("/staff/course/python", "/teach/python"), ("/staff/course/python/", "/teach/python"),
        ("/staff/course/python/update", "/teach/python/settings"),
        ("/staff/courses/update-from-git/python/", "/teach/python"),
        ("/staff/courses/build-image/python", "/teach/python"), ("/staff/courses/build-image-force/python", "/teach/python"),
        ("/staff/courses/show-tracks/python", "/teach/python/notebooks"),
        ("/staff/courses/clear-staff/python", "/teach/python/students"),
        ("/staff/stats/python", "/teach/python/statistics"), ("/staff/stats/daily_metrics/python/", "/teach/python/statistics"),
        ("/staff/course/p%20y", "/teach"),
    ):  # fmt: skip
        answer = await browser.get(path)
        assert (answer.status, answer.headers["Location"]) == (303, leads), path
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await scene.course(), await scene.trial.store.jobs()) == (before, jobs)
    assert (await browser.post("/staff/course/python/update", autopull="on")).status in (404, 405)


async def _number(scene: Scene, id: str, **fields: str) -> int:
    where, _ = await scene.do("teacher", id, **fields)
    return int(where.removeprefix("/jobs/"))
