"""The classroom's page in Chromium, without the machine: by pointer, by keyboard, and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web.gallery.background import served

Visitor = Callable[..., BrowserContext]
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    with served() as (_gallery, address):
        yield f"{address}/classroom"


@pytest.fixture
def room(home: str, visitor: Visitor) -> Page:
    page = visitor(locale="en-GB").new_page()
    page.goto(f"{home}?notebook=n5")
    return page


def _shows(page: Page, notebook: str, title: str) -> None:
    expect(page).to_have_url(re.compile(rf"notebook={notebook}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page).to_have_title(f"{title} · Python, from the first line on · nbhostd")
    expect(page.locator("[aria-current=page]").last).to_contain_text(title)
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text(notebook)


def test_another_notebook_has_an_address_and_a_way_back(room: Page) -> None:
    room.evaluate("window.same = true")
    link = room.locator("a[href$=n6]").last
    expect(link).to_contain_text("not opened yet")
    link.click()
    _shows(room, "n6", "Installing the standard distribution")
    expect(link).to_contain_text(", changed by you")  # as the server says
    expect(room.get_by_text("Open: Installing the standard distribution")).to_be_attached()
    room.get_by_role("link", name="Next notebook").click()
    _shows(room, "n7", "Values and variables")
    room.go_back()
    _shows(room, "n6", "Installing the standard distribution")
    room.go_back()
    _shows(room, "n5", "What it is <about>")
    room.go_forward()
    _shows(room, "n6", "Installing the standard distribution")
    assert room.evaluate("window.same") is True
    room.reload()
    _shows(room, "n6", "Installing the standard distribution")


def test_a_view_is_shown_as_a_notebook_is(room: Page) -> None:
    room.get_by_role("link", name="JupyterLab").click()
    _shows(room, "lab", "JupyterLab")
    expect(room.get_by_role("link", name="The course as a book")).to_have_attribute("target", "_blank")


def test_by_keyboard(room: Page) -> None:
    room.locator("a[href$=n6]").last.focus()
    room.keyboard.press("Enter")
    _shows(room, "n6", "Installing the standard distribution")
    expect(room.locator("a[href$=n6]").last).to_be_focused()
    room.keyboard.press("Alt+Shift+N")
    _shows(room, "n7", "Values and variables")
    room.keyboard.press("Alt+Shift+P")
    _shows(room, "n6", "Installing the standard distribution")
    room.keyboard.press("Alt+Shift+J")
    expect(room.locator("iframe")).to_be_focused()


def test_what_is_folded_is_remembered(room: Page) -> None:
    contents = room.get_by_role("navigation", name="Contents")
    room.get_by_role("button", name="Contents").click()
    expect(contents).to_be_hidden()
    room.keyboard.press("Alt+Shift+H")
    expect(room.get_by_role("banner")).to_be_hidden()
    room.reload()
    expect(contents).to_be_hidden()
    expect(room.get_by_role("heading", level=1)).to_be_hidden()
    room.get_by_role("button", name="Show the header").click()
    expect(room.get_by_role("button", name="Hide the header")).to_be_focused()
    room.get_by_role("button", name="Contents").click()
    expect(contents).to_be_visible()


def test_on_a_phone_the_contents_are_a_drawer(
    home: str, visitor: Visitor, shot: Callable[[Page, str], None]
) -> None:
    page = visitor(locale="en-GB", viewport=PHONE).new_page()
    page.goto(f"{home}?notebook=n5")
    contents = page.get_by_role("navigation", name="Contents")
    expect(contents).to_be_hidden()
    button = page.get_by_role("button", name="Contents")
    button.click()
    expect(contents).to_be_visible()
    expect(page.locator("a[href$=n5]").last).to_be_focused()
    shot(page, "drawer")
    page.keyboard.press("Escape")
    expect(contents).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    page.locator("a[href$=n7]").last.click()
    expect(contents).to_be_hidden()
    _shows(page, "n7", "Values and variables")


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "wide"])
def test_without_a_script_links_are_pages(
    size: dict[str, int], home: str, visitor: Visitor, shot: Callable[[Page, str], None]
) -> None:
    page = visitor(locale="en-GB", java_script_enabled=False, viewport=size).new_page()
    page.goto(f"{home}?notebook=n5")
    shot(page, "page")
    page.locator("a[href$=n6]").last.click()
    _shows(page, "n6", "Installing the standard distribution")
    expect(page.get_by_role("button", name="Contents")).to_be_hidden()
