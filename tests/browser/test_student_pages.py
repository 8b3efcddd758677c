"""A student of a class in Chromium, on the real site: from the login to a cell's result, and everything around it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook, output
from tests.browser.people import Person, person
from tests.browser.site import ctl, eventually, home, inside, phase
from tests.browser.test_classroom import publish
from tests.browser.test_pages import inspect

Visitor = Callable[..., BrowserContext]
Shot = Callable[[Page, str], None]
PHONE = {"width": 360, "height": 740}
HEAD = "---\njupyter:\n  kernelspec:\n    name: python3\n    display_name: Python 3\n  nbhosting:\n    title: {}\n---\n\n"
CELL = "# A chapter\n\n```python\n{}\n```\n"
YAML = """tracks:
  - id: lessons
    name: Lessons
    description: What is told
    sections:
      - {name: First week, notebooks: [w1/hello, w1/values]}
      - {name: Second week, notebooks: [w2/loops]}
  - id: work
    name: Exercises
    sections:
      - {name: All, notebooks: [tp/tp1]}
builds:
  - id: book
    name: The book
    script: mkdir -p _build/html && echo '<!doctype html><title>Book</title><h1>The book</h1>' >_build/html/index.html
"""
FILES = {
    "nbhosting/nbhosting.yaml": YAML,
    "w1/hello.md": HEAD.format("Hello") + CELL.format("1"),
    "w1/values.md": HEAD.format("Values and variables") + CELL.format("2"),
    "w2/loops.md": HEAD.format("Loops") + CELL.format("3"),
    "tp/tp1.md": HEAD.format("First exercise") + CELL.format("4"),
}


@dataclass(frozen=True)
class Class:
    course: str
    student: Person
    teacher: Person

    @property
    def page(self) -> str:
        return f"/auditor/notebook/{self.course}"

    def open(self, page: Page, path: str = "", who: Person | None = None) -> Notebook:
        """The classroom's page, with a notebook that is ready."""
        (who or self.student).log_in(page, self.page + path)
        return notebook(page)


def notebook(page: Page) -> Notebook:
    return Notebook(page, page.frame_locator("iframe"))


@pytest.fixture(scope="module")
def course() -> Iterator[str]:
    name = f"class-{uuid.uuid4().hex[:6]}"
    inside("git", "init", "-q", "-b", "main", f"/var/lib/nbhostd-tests/{name}")
    publish(name, "first", FILES)
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")
    inside("rm", "-rf", f"/var/lib/nbhostd-tests/{name}")


@pytest.fixture
def room(course: str) -> Iterator[Class]:
    """The course with a student and a teacher of its own."""
    group = f"group-{course}"
    with person("student", "--group", group) as student, person("teacher") as teacher:
        ctl("course", "people", course, "--group", group, "--staff", teacher.name)
        yield Class(course, student, teacher)
    ctl("group", "delete", group, "--yes")


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor(locale="en-GB").new_page()


def test_from_the_login_to_a_result_and_to_another_notebook_and_back(
    room: Class, page: Page, shot: Shot
) -> None:
    room.student.log_in(page, "/courses")
    expect(page.get_by_role("link", name="Lessons")).to_be_visible()
    shot(page, "courses")
    page.get_by_role("link", name=room.course, exact=True).click()
    expect(page).to_have_url(re.compile(rf"{room.page}:lessons/w1/hello\.md$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello")
    cell = notebook(page).ready().run("6 * 7")
    expect(output(cell)).to_have_text("42")
    assert page.frames[1].url.split("/")[2].endswith(home().split("/")[2].replace("nbhostd.", "ws."))
    shot(page, "result")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Values and variables").click()
    expect(page).to_have_url(re.compile(r":lessons/w1/values\.md$"))
    expect(page).to_have_title(re.compile(r"^Values and variables · "))
    expect(notebook(page).ready().code_cells.first).to_contain_text("2")
    page.get_by_role("link", name="Next notebook").click()
    expect(notebook(page).ready().code_cells.first).to_contain_text("3")
    page.go_back()
    expect(notebook(page).ready().code_cells.first).to_contain_text("2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Values and variables")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello")
    expect(notebook(page).ready().code_cells.first).to_contain_text("6 * 7")
    assert page.evaluate("window.same") is True
    page.go_forward()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Values and variables")
    notebook(page).ready()


def test_the_marks_are_what_was_done(room: Class, page: Page, shot: Shot) -> None:
    opened = room.open(page).ready()
    contents = page.get_by_role("navigation", name="Contents")
    expect(contents.get_by_role("link", name=re.compile("^Hello ?, opened$"))).to_be_visible()
    expect(contents.get_by_role("link", name=re.compile("^Loops ?, not opened yet$"))).to_be_visible()
    expect(contents).to_contain_text("1 of 3 opened, 0 changed")
    opened.run("print('mine')")
    opened.save()

    def changed() -> bool:
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        return contents.get_by_role("link", name=re.compile("^Hello ?, changed by you$")).count() == 1

    eventually(changed, "the notebook that was saved is marked as changed")
    expect(contents).to_contain_text("1 of 3 opened, 1 changed")
    shot(page, "marks")
    page.reload()
    expect(contents.get_by_role("link", name=re.compile("^Hello ?, changed by you$"))).to_be_visible()


@pytest.mark.parametrize("locale", ["fr-FR", "en-GB"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wide_and_on_a_phone(
    locale: str, scheme: str, room: Class, visitor: Visitor, shot: Shot
) -> None:
    page = visitor(locale=locale, color_scheme=scheme).new_page()
    room.open(page, ":lessons/w1/values").ready()
    inspect(page)
    shot(page, "wide")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.reload()
    # On a phone, Jupyter's toolbar has no room for the kernel's name.
    expect(notebook(page).code_cells.first).to_contain_text("2")
    inspect(page)
    shot(page, "phone")
    page.locator("[data-toggle=pane]").click()
    expect(page.locator(".pane a[aria-current]").last).to_be_focused()
    inspect(page)
    shot(page, "phone-contents")
    page.locator(".pane a", has_text="Loops").click()
    expect(page.locator(".pane")).not_to_be_visible()
    expect(notebook(page).code_cells.first).to_contain_text("3")


def test_another_track_jupyter_and_a_site_of_members_in_the_frame(
    room: Class, page: Page, shot: Shot
) -> None:
    ctl("build", "run", room.course)
    ctl("course", "set", room.course, "--public-builds", "off")
    room.open(page, "").ready()
    page.locator(".tracks summary").click()
    page.get_by_role("link", name="Exercises").click()
    expect(page).to_have_url(re.compile(r":work/tp/tp1\.md$"))
    notebook(page).ready()
    page.get_by_role("link", name="JupyterLab").click()
    expect(page).to_have_url(re.compile(r":work@jlab$"))
    expect(page.frame_locator("iframe").locator("#jp-main-dock-panel")).to_be_visible()
    shot(page, "lab")
    page.get_by_role("link", name="classic Jupyter").click()
    expect(page).to_have_url(re.compile(r":work@classic$"))
    expect(page.frame_locator("iframe").get_by_text("w1").first).to_be_visible()
    shot(page, "tree")
    page.get_by_role("link", name="The book").click()
    expect(page).to_have_url(re.compile(r":work@build/book$"))
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("The book")
    shot(page, "book")
    page.go_back()
    expect(page.frame_locator("iframe").get_by_text("w1").first).to_be_visible()
    page.goto(f"{home().rstrip('/')}/builds/{room.course}/book/")
    expect(page.get_by_role("heading")).to_have_text("The book")
    assert "/~" in page.url


def test_what_is_new_comes_when_asked_and_a_workspace_is_stopped(room: Class, page: Page, shot: Shot) -> None:
    room.open(page).ready()
    publish(room.course, "second", {"w2/loops.md": HEAD.format("Loops, again") + CELL.format("33")})
    ctl("course", "pull", room.course)
    page.get_by_title("My copy").click()
    shot(page, "copy")
    page.get_by_role("button", name="Bring what is new").click()
    expect(page.get_by_text("Your copy has everything that the course has.")).to_be_visible()
    page.get_by_role("link", name="Loops, again").click()
    expect(notebook(page).ready().code_cells.first).to_contain_text("33")
    page.get_by_title("My copy").click()
    page.get_by_role("button", name="Stop my workspace").click()
    expect(page.get_by_text("Your workspace is stopped.")).to_be_visible()
    eventually(lambda: phase(room.course, room.student.name) == "asleep", "the workspace is asleep")


def test_a_teacher_finds_the_way_to_the_management(room: Class, page: Page) -> None:
    room.open(page, "", room.teacher).ready()
    expect(page.get_by_role("link", name="Manage this course")).to_have_attribute(
        "href", f"/teach/{room.course}"
    )


def test_without_a_script_links_open_pages(room: Class, visitor: Visitor) -> None:
    page = visitor(locale="en-GB", java_script_enabled=False).new_page()
    room.student.log_in(page, room.page)
    expect(page.locator("iframe")).to_have_attribute("src", re.compile("/notebookGitRepo/"))
    page.get_by_role("link", name="Loops").click()
    expect(page).to_have_url(re.compile(r"w2/loops\.md$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Loops"))


def test_a_stranger_finds_nothing_and_a_link_survives_the_login(room: Class, page: Page) -> None:
    with person("stranger") as stranger:
        stranger.log_in(page, room.page)
        expect(page.get_by_text("You have no course of this name.")).to_be_visible()
