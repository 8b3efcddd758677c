"""Our own pages: where a student waits, or reads why not; in two languages, on a phone, by keyboard, for everybody."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook
from tests.browser.site import ctl, ctl_json, eventually, home, inside, knock, launch_url, phase, setting

NOTEBOOK = "week1/1-hello"
AHEAD = re.compile(r"(One student is|\d+ students are) ahead of you\.")
PHONE = {"width": 390, "height": 844}
HELD = 'memory_reserve = "900T"'
"""No start fits into what is left then: everybody queues, for as long as a test wants."""


def inspect(page: Page) -> None:
    """Axe finds nothing to complain about, and nothing is wider than the window."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def tickets(sample: str, count: int) -> list[str]:
    return [launch_url(sample, NOTEBOOK, f"b{uuid.uuid4().hex[:10]}") for _ in range(count)]


@pytest.fixture(scope="module")
def imageless(sample: str) -> Iterator[str]:
    """A course whose image was never built."""
    name = f"nix-{uuid.uuid4().hex[:6]}"
    source = next(course["git_url"] for course in ctl_json("course", "list") if course["name"] == sample)
    ctl("course", "create", name, source, "--image", "never-built")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")


@pytest.mark.parametrize(
    ("language", "heading"),
    [("fr-FR", "Des notebooks pour vos cours"), ("en-GB", "Notebooks for courses")],
    ids=["french", "english"],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page(
    language: str, heading: str, scheme: str, visitor: Callable[..., BrowserContext],
    shot: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = visitor(locale=language, viewport=PHONE, color_scheme=scheme).new_page()
    page.goto(home())
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.locator("html").get_attribute("lang") == language[:2]
    inspect(page)
    shot(page, "phone")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("ipythonExercice/no-such-course/w1/n/alice", 403, "depuis les pages d’un cours"),
        ("ipythonExercice/a%20course/w1/n/alice", 400, "Le nom de cours"),
        ("nowhere", 404, "n’a pas de telle page"),
        ("visit/forged", 403, "ce lien"),
    ],
    ids=["unsigned", "bad-name", "nowhere", "forged"],
)
def test_a_refusal_is_a_page_that_says_what_to_do(
    path: str, status: int, words: str, visitor: Callable[..., BrowserContext],
    shot: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = visitor(viewport=PHONE).new_page()
    answer = page.goto(home() + path)
    assert answer is not None
    assert answer.status == status
    expect(page.get_by_role("main")).to_contain_text(words, ignore_case=True)
    expect(page.locator("body")).not_to_contain_text("Traceback")
    inspect(page)
    shot(page, "phone")


def test_a_failed_start_is_explained_and_tried_again_by_keyboard(
    imageless: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:
    page = visitor(viewport=PHONE, locale="en-GB").new_page()
    page.goto(launch_url(imageless, NOTEBOOK, student))
    expect(page.get_by_role("heading", level=1)).to_have_text("Your notebook did not start")
    expect(page.get_by_role("main")).to_contain_text("The software of this course is not ready")
    inspect(page)
    shot(page, "phone")
    page.keyboard.press("Tab")
    button = page.get_by_role("link", name="Try again")
    expect(button).to_be_focused()
    shot(page, "focus")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your notebook did not start")


def test_the_queue_shows_the_place_and_leads_to_the_notebook(
    sample: str, student: str, context: BrowserContext, page: Page, shot: Callable[[Page, str], None]
) -> None:
    with setting("admission", HELD):
        for url in tickets(sample, 2):
            knock(url)
        page.goto(launch_url(sample, NOTEBOOK, student))
        expect(page.get_by_role("heading", level=1)).to_have_text("Votre notebook se prépare")
        place = page.get_by_role("status")
        expect(place).to_contain_text(re.compile(r"\d+ étudiants sont avant vous"))
        expect(place).to_contain_text("mémoire")
        inspect(page)
        shot(page, "wide")
        page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        inspect(page)
        shot(page, "phone")
        assert phase(sample, student) == "queued"
        # On a phone Jupyter folds away the kernel's name, by which a notebook is known to be ready.
        page.set_viewport_size({"width": 1280, "height": 900})
    Notebook(page, page).ready()


def test_the_queue_works_without_javascript(
    sample: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:
    page = visitor(java_script_enabled=False, locale="en-GB").new_page()
    with setting("admission", HELD):
        for url in tickets(sample, 1):
            knock(url)
        page.goto(launch_url(sample, NOTEBOOK, student))
        # Others may be using this site as well.
        expect(page.get_by_role("status")).to_contain_text(AHEAD)
        looks_again = "This page looks again every 5 seconds."
        expect(page.get_by_role("main")).to_contain_text(looks_again, use_inner_text=True)
        shot(page, "waits")
        with page.expect_navigation():
            """It looks again by itself."""
        expect(page.get_by_role("status")).to_contain_text(AHEAD)
    page.wait_for_url("**/w/*/notebooks/**")


def test_the_journal_says_why_a_start_failed(imageless: str, student: str) -> None:
    assert knock(launch_url(imageless, NOTEBOOK, student)) == 303
    since = ("--unit=nbhostd.service", "--since=-1min", "--output=cat")
    eventually(lambda: "never-built" in inside("journalctl", *since), "the journal has the image's name")
