"""A student's courses, the classroom's page, and what anybody may see: on the whole house, with a real repository."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import html5lib
import pygit2
import pytest
from pygit2.enums import FileMode
from yarl import URL

from nbhostd.core.model import Course, Mode
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.people import GroupName
from nbhostd.services.courses import Changes
from nbhostd.web.sites import PURPOSE, site_path, site_ticket
from tests.fakes.desk import FakeHandingDesk
from tests.house_trial import HouseTrial, house_trial
from tests.web.site_trial import ROLES, Browser

YAML = """
tracks:
  - id: basics
    name: The basics
    description: Where one begins
    sections:
      - name: First week
        notebooks: [w1/intro, "w1/b*"]
      - name: Second week
        notebooks: [w2/loops]
  - id: deeper-more
    name: Deeper
    sections:
      - name: All
        notebooks: [w3/classes]
builds:
  - id: book
    name: The book
    script: make
  - id: film
    name: The film
    external_url: https://film.example.org/
"""
NOTEBOOK = (
    "---\njupyter:\n  kernelspec:\n    name: python3\n  nbhosting:\n    title: {}\n---\n\n```python\n1\n```\n"
)
FILES = {
    "nbhosting/nbhosting.yaml": YAML,
    "w1/intro.md": NOTEBOOK.format("Hello <World>"),
    "w1/b c.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "w2/loops.py": "# %%\n1\n",
    "w3/classes.md": NOTEBOOK.format("Classes"),
    "extra.md": NOTEBOOK.format("An extra one"),
}
PAGE = "/auditor/notebook/python"


def publish(top: Path, files: dict[str, str]) -> str:
    """A repository with these files; its path."""
    repository = pygit2.init_repository(top, bare=True, initial_head="main")

    def tree(below: dict[tuple[str, ...], str]) -> pygit2.Oid:
        builder = repository.TreeBuilder()
        for name in {path[0] for path in below}:
            inner = {path[1:]: text for path, text in below.items() if path[0] == name}
            if () in inner:
                builder.insert(name, repository.create_blob(inner[()].encode()), FileMode.BLOB)
            else:
                builder.insert(name, tree(inner), FileMode.TREE)
        return builder.write()

    author = pygit2.Signature("A. Teacher", "teacher@example.org", 1_700_000_000)
    top_tree = tree({tuple(path.split("/")): text for path, text in files.items()})
    repository.create_commit("refs/heads/main", author, author, "first", top_tree, [])
    return str(top)


@dataclass
class Stage:
    trial: HouseTrial
    state: Path
    desk: FakeHandingDesk

    async def browser(self, role: str, language: str = "en") -> Browser:
        return await self.trial.browser(role, language)

    async def page(self, path: str, role: str = "student", language: str = "en", status: int = 200) -> str:
        """A page, which must be valid HTML."""
        text = await (await self.browser(role, language)).text(path, status)
        html5lib.HTMLParser(strict=True).parse(text)
        assert "style=" not in text
        return text

    async def change(self, **fields: Any) -> Course:
        course = replace(await self.trial.house.courses.get(CourseName("python")), **fields)
        await self.trial.house.store.update_course(course)
        return course

    async def move_in(self, role: str = "student") -> Path:
        """A workspace of somebody, with the course's files as a clone has them."""
        house = self.trial.house
        id = WorkspaceId(CourseName("python"), StudentName(role))
        workspace = await house.store.ensure_workspace(id, Mode.CLASSROOM, "a" * 26, house.clock.now())
        space = self.desk.state / "workspaces" / str(workspace.number)
        for path, text in FILES.items():
            (space / path).parent.mkdir(parents=True, exist_ok=True)
            (space / path).write_text(text)
        return space

    def build(self, build: str, text: str = "<h1>The book</h1>", commit: str = "c0ffee") -> None:
        """A static site that was made."""
        tree = self.state / "sites/python" / build / commit
        tree.mkdir(parents=True)
        (tree / "index.html").write_text(text)
        (tree.parent / "latest").symlink_to(commit)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = tmp_path / "state"
    state.mkdir()
    async with house_trial(state) as trial:
        house = trial.house
        url = publish(tmp_path / "upstream", FILES)
        await house.courses.change(CourseName("python"), Changes(git_url=url))
        await house.courses.pull(CourseName("python"), lambda _: None)
        desk = FakeHandingDesk(state)
        house.lessons._progress._desk = desk
        house.dashboard.classrooms.handouts._desk = desk
        yield Stage(trial, state, desk)


def frame(text: str) -> str:
    found = re.search(r'<iframe[^>]* src="([^"]+)"', text)
    return html.unescape(found[1]) if found else ""


def heading(text: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)
    assert found
    return html.unescape(found[1]).strip()


def current(text: str) -> list[str]:
    """The links of the list that say that they are what is shown."""
    return [html.unescape(one) for one in re.findall(r'<a href="([^"]+)"[^>]*aria-current="page"', text)]


# the first page, and the courses


async def test_the_first_page_says_what_this_is_and_leads_on_who_is_logged_in(stage: Stage) -> None:
    assert "Log in" in await stage.page("/", "nobody")
    assert "Se connecter" in await stage.page("/", "nobody", "fr")
    answer = await (await stage.browser("student")).get("/")
    assert (answer.status, answer.headers["Location"]) == (303, "/courses")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/welcome", "/"),
        ("/welcome/", "/"),
        ("/auditor/courses", "/courses"),
        ("/auditor/courses/?pattern=a%7Cb&all=yes&x=y", "/courses?pattern=a%7Cb&all=yes"),
    ],
)
async def test_the_predecessors_addresses_lead_on(stage: Stage, old: str, new: str) -> None:
    answer = await (await stage.browser("nobody")).get(old)
    assert (answer.status, answer.headers["Location"]) == (303, new)


async def test_who_is_not_logged_in_logs_in_first_and_comes_back(stage: Stage) -> None:
    browser = await stage.browser("nobody")
    for path in ("/courses", f"{PAGE}:basics/w1/intro"):
        answer = await browser.get(path)
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=%2F")


async def test_my_courses_are_those_that_i_am_in(stage: Stage) -> None:
    text = await stage.page("/courses")
    assert 'href="/auditor/notebook/python"' in text
    assert "other" not in re.findall(r"<h2>.*?<a[^>]*>(.*?)</a>", text)
    assert "The basics" in text
    assert "Where one begins" in text
    assert 'href="/auditor/notebook/python:deeper-more"' in text
    assert "/teach/" not in text
    assert "/teach/python" in await stage.page("/courses", "teacher")


async def test_who_has_no_course_is_told_what_to_do(stage: Stage) -> None:
    await stage.trial.house.dashboard.people.set_access(CourseName("other"), groups=[])
    text = await stage.page("/courses", "stranger")
    assert "You have no course yet" in text
    assert "stranger" in text
    assert "pas encore de cours" in await stage.page("/courses", "stranger", "fr")


async def test_the_sites_staff_may_see_all_and_nobody_else(stage: Stage) -> None:
    assert "/auditor/notebook/other" not in await stage.page("/courses?all=1")
    assert "/auditor/notebook/other" not in await stage.page("/courses", "staff")
    for role in ("staff", "admin"):
        text = await stage.page("/courses?all=1", role)
        assert "/auditor/notebook/other" in text
        assert "/auditor/notebook/python" in text


async def test_an_archived_course_is_out_of_sight(stage: Stage) -> None:
    await stage.change(archived=True)
    assert "/auditor/notebook/python" not in await stage.page("/courses")
    text = await stage.page("/courses?all=1", "admin")
    assert "archived" in text


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("pyth", True),
        ("x|PYTHON", True),
        ("^py.*n$", True),
        ("java|c", False),
        ("(((", False),
        ("^thon", False),
    ],
)
async def test_courses_are_searched_by_name(stage: Stage, pattern: str, found: bool) -> None:
    text = await stage.page(f"/courses?pattern={pattern.replace('^', '%5E')}")
    assert ('href="/auditor/notebook/python"' in text) is found
    assert ("No course of this name" in text) is not found


async def test_a_program_gets_the_same(stage: Stage) -> None:
    stage.build("book")
    status, told = await stage.trial.api("GET", "/courses", "student")
    assert status == 200
    assert [(one["name"], one["role"], one["url"]) for one in told["courses"]] == [
        ("python", "student", PAGE)
    ]
    assert [track["id"] for track in told["courses"][0]["tracks"]] == ["basics", "deeper-more"]
    assert [(build["url"], build["external_url"]) for build in told["courses"][0]["builds"]] == [
        ("/builds/python/book/", ""),
        ("", "https://film.example.org/"),
    ]
    assert (await stage.trial.api("GET", "/courses?all=1", "student"))[1] == told
    status, told = await stage.trial.api("GET", "/courses?all=1&pattern=oth", "admin")
    assert [one["name"] for one in told["courses"]] == ["other"]


# the classroom


@pytest.mark.parametrize(
    ("path", "shown", "title"),
    [
        ("", "/notebookGitRepo/python/w1/intro.md.ipynb/student", "Hello <World>"),
        ("/", "/notebookGitRepo/python/w1/intro.md.ipynb/student", "Hello <World>"),
        (":basics", "/notebookGitRepo/python/w1/intro.md.ipynb/student", "Hello <World>"),
        (":basics/w2/loops", "/notebookGitRepo/python/w2/loops.py.ipynb/student", "w2/loops"),
        (":basics/w1/b%20c.ipynb", "/notebookGitRepo/python/w1/b%20c.ipynb.ipynb.ipynb/student", "w1/b c"),
        (
            ":basics/w1/b%20c.ipynb.ipynb/",
            "/notebookGitRepo/python/w1/b%20c.ipynb.ipynb.ipynb/student",
            "w1/b c",
        ),
        (":deeper-more", "/notebookGitRepo/python/w3/classes.md.ipynb/student", "Classes"),
        ("/extra.md", "/notebookGitRepo/python/extra.md.ipynb/student", "An extra one"),
        ("/my/own.ipynb", "/notebookGitRepo/python/my/own.ipynb/student", "my/own"),
        ("@jlab", "/ipythonForward/python/student/lab", "JupyterLab"),
        ("@jlab/w1/intro.md", "/ipythonForward/python/student/lab/tree/w1/intro.md", "w1/intro.md"),
        ("@classic/w1/intro.md", "/ipythonForward/python/student/tree/w1/intro.md", "w1/intro.md"),
        (":basics@classic", "/ipythonForward/python/student/tree", "My files (classic Jupyter)"),
        ("@jlab/DROPPED/data", "/ipythonForward/python/student/lab/tree/DROPPED/data", "DROPPED/data"),
    ],
)
async def test_what_an_address_shows(stage: Stage, path: str, shown: str, title: str) -> None:
    text = await stage.page(PAGE + path)
    assert (frame(text), heading(text)) == (shown, title)


async def test_a_page_says_which_notebook_is_open_and_which_are_beside_it(stage: Stage) -> None:
    text = await stage.page(f"{PAGE}:basics/w1/b%20c")
    assert current(text) == [f"{PAGE}:basics", f"{PAGE}:basics/w1/b%20c"]  # the track, and the notebook
    assert re.search(r'rel="prev"[^>]* href="/auditor/notebook/python:basics/w1/intro.md"', text)
    assert re.search(r'rel="next"[^>]* href="/auditor/notebook/python:basics/w2/loops.py"', text)
    assert current(await stage.page(f"{PAGE}/extra")) == [f"{PAGE}:basics"]


async def test_an_unknown_track_is_the_first_one_and_says_so(stage: Stage) -> None:
    text = await stage.page(f"{PAGE}:nowhere/w1/intro")
    assert "This course has no track “nowhere”: this is “The basics”." in text
    assert heading(text) == "Hello <World>"
    assert "pas de parcours «\u00a0nowhere\u00a0»" in await stage.page(f"{PAGE}:nowhere", language="fr")


async def test_a_course_that_is_not_mine_is_not_there(stage: Stage) -> None:
    stranger = await stage.browser("stranger")
    hidden, absent = [await stranger.text(f"/auditor/notebook/{name}", 404) for name in ("python", "absent")]
    assert hidden == absent.replace("/absent", "/python")
    assert frame(await stage.page("/auditor/notebook/python", "admin")).endswith("/admin")


@pytest.mark.parametrize("path", ["/../x", "/a%2F..%2Fb", "/%00", "/%ff", "%ff", "@jlab/a/%2e%2e"])
async def test_a_hostile_address_is_refused(stage: Stage, path: str) -> None:
    browser = await stage.browser("student")
    raw = await browser.session.get(
        URL(f"http://127.0.0.1:{browser.port}{PAGE}{path}", encoded=True),
        headers={"Host": "nb.localhost:8000", "Accept": "text/html"},
    )
    assert raw.status in (400, 404)


FROM_THE_PAGE = {"Sec-Fetch-Dest": "iframe", "Referer": f"http://nb.localhost:8000{PAGE}:basics/w2/loops"}
BACK = 'href="/login?next=%2Fauditor%2Fnotebook%2Fpython%3Abasics%2Fw2%2Floops" target="_top"'


async def test_a_frame_whose_login_has_ended_says_so_and_leads_back_through_the_login(stage: Stage) -> None:
    await stage.change(public_builds=False)
    stage.build("book")
    for role in ("nobody", "stranger"):
        browser = await stage.browser(role)
        for shown in ("/notebookGitRepo/python/w2/loops.py/student", "/ipythonForward/python/student/lab"):
            answer = await browser.get(shown, **FROM_THE_PAGE)
            text = await answer.text()
            html5lib.HTMLParser(strict=True).parse(text)
            assert (answer.status, BACK in text) == (401, True), (role, shown)
            assert "has ended" in text
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    answer = await (await stage.browser("nobody")).get("/builds/python/book/", **FROM_THE_PAGE)
    assert (answer.status, BACK in await answer.text()) == (401, True)
    french = await stage.browser("nobody", "fr")
    text = await (await french.get("/notebookGitRepo/python/w2/loops.py/student", **FROM_THE_PAGE)).text()
    assert "est terminée" in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Dest": "iframe", "Referer": "https://lms.example.org/auditor/notebook/python"}, 403),
        ({"Sec-Fetch-Dest": "iframe", "Referer": "http://nb.localhost:8000/courses"}, 403),
        ({"Sec-Fetch-Dest": "iframe", "Referer": "http://[::1/auditor/notebook/python"}, 403),
        ({"Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Dest": "document", "Referer": FROM_THE_PAGE["Referer"]}, 303),
    ],
)
async def test_other_frames_and_tabs_are_answered_as_ever(
    stage: Stage, headers: dict[str, str], status: int
) -> None:
    answer = await (await stage.browser("nobody")).get(
        "/notebookGitRepo/python/w2/loops.py/student", **headers
    )
    assert (answer.status, "_top" in await answer.text()) == (status, False)


async def test_marks_say_what_i_have_done(stage: Stage) -> None:
    space = await stage.move_in()
    house = stage.trial.house
    me = WorkspaceId.parse("python/student")
    house._ground.statistics.record(house.clock.now(), me, "open", "w1/intro.md")
    (space / "w2/loops.py").write_text("# %%\n2\n")
    status, told = await stage.trial.api("GET", "/courses/python/progress", "student")
    assert status == 200
    assert {one["notebook"]: one["mark"] for one in told["notebooks"]} == {
        "w1/intro.md": "opened",
        "w1/b c.ipynb": "untouched",
        "w2/loops.py": "changed",
    }
    text = await stage.page(PAGE)
    assert re.findall(r"data-mark>, (.*?)<", text) == ["opened", "not opened yet", "changed by you"]
    assert "2 of 3 opened, 1 changed" in text
    status, told = await stage.trial.api("GET", "/courses/python/progress", "teacher")
    assert {one["mark"] for one in told["notebooks"]} == {"untouched"}
    assert (await stage.trial.api("GET", "/courses/python/progress", "stranger"))[0] == 404


async def test_the_frame_may_only_come_from_here_and_the_workspaces(stage: Stage) -> None:
    answer = await (await stage.browser("student")).get(PAGE)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-src 'self' http://*.ws.localhost:8000;" in policy
    assert policy.endswith("frame-ancestors 'none'")


async def test_the_workspaces_may_be_framed_by_the_site(stage: Stage) -> None:
    house = stage.trial.house
    assert "http://nb.localhost:8000" in house._proxy_settings().frame_ancestors
    browser = await stage.browser("nobody")
    answer = await browser.get(f"/w/{'s' * 22}/lab", Host=f"{'a' * 26}.ws.localhost:8000")
    assert (
        "http://nb.localhost:8000"
        in answer.headers["Content-Security-Policy"].rpartition("frame-ancestors")[2]
    )


async def test_other_views_are_builds_what_was_handed_out_and_jupyter(stage: Stage) -> None:
    stage.build("book")
    space = await stage.move_in()
    for area in ("data", "unseen"):
        folder = stage.state / "droparea/python" / area
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("1")
    (space / "DROPPED/data").mkdir(parents=True)
    (space / "DROPPED/data/a.csv").write_text("1")
    text = await stage.page(PAGE)
    assert 'href="/auditor/notebook/python:basics@build/book" data-frame="/builds/python/book/"' in text
    assert 'href="https://film.example.org/"' in text
    assert "@jlab/DROPPED/data" in text
    assert "unseen" not in text
    assert "/teach/" not in text
    shown = await stage.page(f"{PAGE}@build/book")
    assert (frame(shown), heading(shown)) == ("/builds/python/book/", "The book")
    teachers = await stage.page(PAGE, "teacher")
    assert 'href="/teach/python/dropareas/unseen"' in teachers
    assert 'href="/teach/python"' in teachers


async def test_a_course_without_content_says_so(stage: Stage) -> None:
    text = await stage.page("/auditor/notebook/other", "stranger")
    assert "Nothing chosen" in text
    assert frame(text) == ""


async def test_my_workspace_is_stopped_and_pulled_by_its_owner_only(stage: Stage) -> None:
    await stage.move_in()
    assert await stage.trial.api("POST", "/courses/python/workspace/stop", "student") == (
        200,
        {"stopped": False},
    )
    for role in ("stranger", "nobody"):
        status, _ = await stage.trial.api("POST", "/courses/python/workspace/stop", role)
        assert status == (404 if role == "stranger" else 401)
    status, told = await stage.trial.api("POST", "/courses/python/workspace/pull", "teacher")
    assert (status, told["reason"]) == (409, "not-a-clone")


# what everybody may see


async def test_the_public_page_of_a_group_shows_what_is_public_of_its_courses(stage: Stage) -> None:
    stage.build("book")
    await stage.trial.house.dashboard.people.create_group(GroupName("empty"))
    text = await stage.page("/public/class", "nobody")
    assert 'href="/builds/python/book/"' in text
    assert "The film" in text
    assert "/auditor/" not in text
    assert "nothing to see here yet" in await stage.page("/public/empty/", "nobody")
    for path in ("/public/nowhere", "/public/%00"):
        assert "no group of this name" in await stage.page(path, "nobody", status=404)
    for change in ({"archived": True}, {"archived": False, "public_builds": False}):
        await stage.change(**change)
        assert "book" not in await stage.page("/public/class", "nobody")


async def test_a_members_only_site_leads_members_to_a_ticket_and_is_not_there_for_others(
    stage: Stage,
) -> None:
    stage.build("book")
    await stage.change(public_builds=False)
    for role in ROLES:
        browser = await stage.browser(role)
        for path in (
            "/builds/python/book",
            "/builds/python/book/latest/",
            "/builds/python/book/latest/a/b.html",
        ):
            answer = await browser.get(path)
            if role in ("nobody", "stranger"):
                assert answer.status == 404
                continue
            assert answer.status == 303
            assert answer.headers["Location"].startswith("/builds/~")
            assert answer.headers["Location"].endswith(
                path.removeprefix("/builds/python/book").removeprefix("/latest/")
            )
    led = (await (await stage.browser("student")).get("/builds/python/book/")).headers["Location"]
    assert await (await stage.browser("nobody")).text(led) == "<h1>The book</h1>"
    # Within a valid ticket, what is missing is missing.
    assert (await (await stage.browser("student")).get(f"{led}absent.html")).status == 404
    assert (await (await stage.browser("student")).get("/builds/python/nowhere/latest/")).status in (303, 404)
    assert urlsplit(led).path == led


async def test_an_old_ticket_is_renewed_for_members_only(stage: Stage) -> None:
    stage.build("book")
    await stage.change(public_builds=False)
    house = stage.trial.house
    key = house.keyring().for_purpose(PURPOSE)[0]
    old = site_ticket(key, CourseName("python"), "book", house.clock.now() - timedelta(seconds=1))
    path = site_path("python", "book", ticket=old)
    assert (await (await stage.browser("nobody")).get(path)).status == 410
    answer = await (await stage.browser("student")).get(path)
    assert answer.status == 303
    assert (await (await stage.browser("student")).get(answer.headers["Location"])).status == 200
