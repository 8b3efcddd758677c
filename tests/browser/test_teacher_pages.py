"""A teacher's day in Chromium on the real site: publish, build, stop a build, bring the news to students, change settings."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.people import Person, class_of
from tests.browser.site import ctl, ctl_json, eventually, home, inside, knock, launch_url, workspace_dir
from tests.browser.test_classroom import publish
from tests.browser.test_pages import inspect

Visitor = Callable[..., BrowserContext]
Shot = Callable[[Page, str], None]
EXERCISE = "w1/exercise.py"
ENDLESS = 'n=0; while :; do n=$((n+1)); echo "page $n"; sleep 0.2; done'
YAML = json.dumps(
    {
        "builds": [
            {"id": "book", "name": "Book", "script": "mkdir -p _build/html; echo '<h1>Book</h1>' >_build/html/index.html"},
            {"id": "endless", "name": "Endless", "script": ENDLESS},
        ]
    }
)  # fmt: skip


@dataclass(frozen=True)
class Class:
    course: str
    teacher: Person
    alice: Person
    bob: Person

    def page(self, *parts: str) -> str:
        return "/".join((f"/teach/{self.course}", *parts))

    def file(self, student: Person) -> str:
        return f"{workspace_dir(self.course, student.name)}/{EXERCISE}"


@pytest.fixture(scope="module")
def course() -> Iterator[str]:
    name = f"day-{uuid.uuid4().hex[:6]}"
    inside("git", "init", "-q", "-b", "main", f"/var/lib/nbhostd-tests/{name}")
    publish(name, "first", {EXERCISE: "# %%\nanswer = 1\n", "nbhosting/nbhosting.yaml": YAML})
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")
    inside("rm", "-rf", f"/var/lib/nbhostd-tests/{name}")


@pytest.fixture(scope="module")
def room(course: str) -> Iterator[Class]:
    """The course with its teacher and two students, who both have a clone."""
    with class_of(course) as people:
        there = Class(course, *people)
        for student in (there.alice, there.bob):
            assert knock(launch_url(course, "w1/exercise", student.name, "--classroom")) == 303
        for student in (there.alice, there.bob):
            eventually(partial(inside, "cat", there.file(student), check=False), f"{student.name}’s clone")
        yield there


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor(locale="en-GB").new_page()


def state(page: Page) -> Locator:
    return page.locator("[data-state]")


def ends(page: Page, word: str) -> None:
    """The page of a job sees its end by itself."""
    page.wait_for_url("**/jobs/*")
    expect(state(page)).to_have_text(word)


def numbers(page: Page) -> list[int]:
    """Of the pages in the log of the build without an end."""
    return [int(found) for found in re.findall(r"page (\d+)", page.locator(".log pre").inner_text())]


def at_work() -> str:
    """The processes of the build without an end."""
    return inside("pgrep", "--full", r"echo .page \$n", check=False)


def test_a_push_is_published_from_the_page(room: Class, page: Page, shot: Shot) -> None:
    publish(room.course, "An exercise for the second week", {"w2/second.py": "# %%\nsecond = 2\n"})
    room.teacher.log_in(page, "/teach")
    page.get_by_role("link", name=room.course, exact=True).click()
    expect(page.locator("#content")).to_contain_text("first")
    page.get_by_role("button", name="Pull now").click()
    ends(page, "succeeded")
    expect(page.locator("#report")).to_contain_text(re.compile(r"Files changed\s*1"))
    inspect(page)
    shot(page, "pulled")
    page.get_by_role("link", name="To the course").click()
    expect(page.locator("#content")).to_contain_text("An exercise for the second week")
    expect(page.locator("#content")).to_contain_text(f"by {room.teacher.name}")
    expect(page.locator("#jobs")).to_contain_text("Pull")
    inspect(page)
    shot(page, "overview")


def test_a_pull_that_fails_says_why_and_leaves_what_was_there(room: Class, page: Page, shot: Shot) -> None:
    repository = f"/var/lib/nbhostd-tests/{room.course}"
    room.teacher.log_in(page, room.page())
    before = page.locator("#content code").first.inner_text()
    inside("mv", repository, f"{repository}.away")
    try:
        page.get_by_role("button", name="Pull now").click()
        ends(page, "failed")
        expect(page.locator("[data-message]")).not_to_be_empty()
        expect(page.locator("body")).not_to_contain_text("Traceback")
        inspect(page)
        shot(page, "failed")
    finally:
        inside("mv", f"{repository}.away", repository)
    page.goto(home().rstrip("/") + room.page())
    expect(page.locator("#content code").first).to_have_text(before)


def test_a_build_is_followed_reloaded_and_cancelled(room: Class, page: Page, shot: Shot) -> None:
    room.teacher.log_in(page, room.page("sites"))
    page.locator("#sites tr", has_text="Endless").get_by_role("button", name="Build").click()
    page.wait_for_url("**/jobs/*")
    expect(state(page)).to_have_text("running")
    expect(page.locator(".log pre")).to_contain_text("page 10\n")
    shot(page, "growing")
    inspect(page)
    page.reload()
    last = numbers(page)[-1]
    assert last >= 10, "what was said before is there again"
    expect(page.locator(".log pre")).to_contain_text(f"page {last + 10}\n")
    assert numbers(page)[: last + 10] == list(range(1, last + 11)), "nothing is missing, nothing stands twice"
    assert at_work()
    page.get_by_role("button", name="Cancel this job").click()
    expect(state(page)).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel this job")).to_have_count(0)
    said = numbers(page)
    page.reload()
    expect(state(page)).to_have_text("cancelled")
    assert numbers(page)[: len(said)] == said
    shot(page, "cancelled")
    assert next(job["state"] for job in ctl_json("job", "list") if job["kind"] == "site") == "cancelled"
    eventually(lambda: not at_work(), "what it ran has ended")
    page.goto(home().rstrip("/") + room.page("sites"))
    page.locator("#sites tr", has_text="Book").get_by_role("button", name="Build").click()
    ends(page, "succeeded")
    page.goto(home().rstrip("/") + room.page("sites"))
    expect(page.locator("#sites tr", has_text="Book")).to_contain_text("up to date")
    page.get_by_role("link", name="Book", exact=True).click()
    expect(page.get_by_role("heading", name="Book")).to_be_visible()


def test_the_courses_own_image_is_built_and_chosen(room: Class, page: Page, shot: Shot) -> None:
    recipe = "FROM nbhosting/minimal-notebook\nRUN echo of the course >/tmp/made\n"
    publish(room.course, "An image", {"nbhosting/Containerfile": recipe})
    ctl("course", "pull", room.course)
    room.teacher.log_in(page, room.page())
    page.locator("#image").get_by_role("button", name="Build the image").click()
    ends(page, "succeeded")
    expect(page.locator("#report")).to_contain_text(room.course)
    expect(page.locator(".log pre")).to_contain_text("RUN echo of the course")
    inspect(page)
    shot(page, "built")
    page.goto(home().rstrip("/") + room.page("settings"))
    page.get_by_label("Image").select_option("own")
    page.locator("#kept").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.goto(home().rstrip("/") + room.page())
    expect(page.locator("#image")).to_contain_text("the course's own")
    expect(page.locator("#image")).to_contain_text(f"by {room.teacher.name}")
    ctl("course", "set", room.course, "--image", "minimal")


def test_the_news_reaches_students_and_a_conflict_is_reported(room: Class, page: Page, shot: Shot) -> None:
    mine = "# %%\nanswer = 'bob'\n"
    inside("bash", "-euc", f"cat >{room.file(room.bob)}", input=mine)
    publish(room.course, "Another answer", {EXERCISE: "# %%\nanswer = 2\n"})
    ctl("course", "pull", room.course)
    room.teacher.log_in(page, room.page())
    panel = page.locator("#pull-students")

    panel.get_by_label("Only say what would happen").check()
    panel.get_by_role("button", name="Pull for the students").click()
    ends(page, "succeeded")
    expect(page.locator("#report")).to_contain_text("What it would bring")
    assert "answer = 1" in inside("cat", room.file(room.alice)), "nothing was done"

    page.goto(home().rstrip("/") + room.page())
    panel.get_by_role("button", name="Pull for the students").click()
    page.wait_for_url("**/jobs/*")
    row = page.locator("#pulled tbody tr", has_text=room.bob.name)
    expect(row).to_contain_text("conflict")
    expect(row).to_contain_text(EXERCISE)
    expect(page.locator("#pulled tbody tr", has_text=room.alice.name)).to_contain_text("brought up to date")
    inspect(page)
    shot(page, "conflict")
    assert inside("cat", room.file(room.alice)) == "# %%\nanswer = 2\n"
    assert inside("cat", room.file(room.bob)) == mine

    page.goto(home().rstrip("/") + room.page())
    panel.get_by_text("More choices").click()
    panel.get_by_label("Only these students").fill(room.bob.name)
    panel.locator("input[value=reset-if-needed]").check()
    panel.get_by_role("button", name="Pull for the students").click()
    page.wait_for_url("**/jobs/*")
    expect(row).to_contain_text("reset to the course")
    assert inside("cat", room.file(room.bob)) == "# %%\nanswer = 2\n"
    kept = row.locator("code").last.inner_text()
    look = (
        f"cd {workspace_dir(room.course, room.bob.name)}; git -c safe.directory='*' show '{kept}:{EXERCISE}'"
    )
    assert inside("bash", "-euc", look) == mine, "what was there is kept where the page says"
    shot(page, "reset")


def test_nobody_is_reset_without_being_named(room: Class, page: Page, shot: Shot) -> None:
    room.teacher.log_in(page, room.page())
    panel = page.locator("#pull-students")
    panel.get_by_text("More choices").click()
    panel.locator("input[value=reset]").check()
    panel.get_by_role("button", name="Pull for the students").click()
    expect(panel.locator(".error")).to_contain_text("Name the students")
    expect(panel.locator("input[value=reset]")).to_be_checked()
    inspect(page)
    shot(page, "unnamed")


def test_a_fault_stands_beside_the_setting_and_what_was_entered_stays(
    room: Class, page: Page, shot: Shot
) -> None:
    room.teacher.log_in(page, room.page("settings"))
    panel = page.locator("#kept")
    panel.get_by_label("Pull by itself").check()
    page.locator("#branch").fill("../main")
    panel.get_by_role("button", name="Save").click()
    expect(page.locator("#branch-error")).to_be_visible()
    expect(page.locator("#branch")).to_have_value("../main")
    expect(panel.get_by_label("Pull by itself")).to_be_checked()
    inspect(page)
    shot(page, "fault")
    page.locator("#branch").fill("")
    panel.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_be_visible()
    expect(page.locator("#branch-error")).to_have_count(0)
    (course,) = [one for one in ctl_json("course", "list") if one["name"] == room.course]
    assert course["autopull"] is True
    page.locator("#kept").get_by_label("Pull by itself").uncheck()
    page.locator("#kept").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.get_by_label("Staff").fill("no name, at all")
    page.get_by_role("button", name="Save the staff").click()
    expect(page.locator("#staff-error")).to_contain_text("not all names")
