"""The kit in Chromium, without the machine: for everybody, in both colours, on a phone, by keyboard, without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.web.gallery.background import served
from tests.web.gallery.serve import ROOMS, Gallery

WIDTHS = {"phone": 360, "wide": 1280}
Visitor = Callable[..., BrowserContext]
Shot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def gallery() -> Iterator[tuple[Gallery, str]]:
    with served() as running:
        yield running


@pytest.fixture
def home(gallery: tuple[Gallery, str]) -> str:
    gallery[0].posted.clear()
    return gallery[1]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_for_everybody(
    room: str, locale: str, scheme: str, width: str, home: str, visitor: Visitor, shot: Shot
) -> None:
    size = {"width": WIDTHS[width], "height": 800}
    page = visitor(locale=locale, color_scheme=scheme, viewport=size).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{home}/{room}")
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    shot(page, "page")


@pytest.mark.parametrize("room", ROOMS)
def test_the_keyboard_comes_everywhere_and_one_sees_where_it_is(
    room: str, home: str, visitor: Visitor
) -> None:
    page = visitor(locale="en-GB").new_page()
    page.goto(f"{home}/{room}")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
            .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.type !== 'hidden'
                && !(e.type === 'radio' && !e.checked))
            .map((e, i) => { e.dataset.walk = i; return e.outerHTML.slice(0, 120); })"""
    )
    seen: set[int] = set()
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), n = e.nextElementSibling;
            const marked = s.outlineStyle !== 'none' || (n && getComputedStyle(n).outlineStyle !== 'none');
            return [e.dataset.walk ?? null, marked, e.outerHTML.slice(0, 120)]; }"""
        )
        if at[0] is not None:
            assert at[1], f"no focus to be seen on {at[2]}"
            seen.add(int(at[0]))
    assert [wanted[place] for place in range(len(wanted)) if place not in seen] == []


def test_the_first_stop_leads_to_the_content(home: str, page: Page) -> None:
    page.goto(f"{home}/kit_shows")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_a_menu_opens_and_closes_by_keyboard(home: str, page: Page) -> None:
    page.goto(f"{home}/kit_shows")
    menu = page.locator(".account > summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_hidden()
    expect(menu).to_be_focused()


def test_what_cannot_be_undone_wants_its_name(gallery: tuple[Gallery, str], home: str, page: Page) -> None:
    page.goto(f"{home}/kit_forms")
    opener = page.locator("summary", has_text="Delete the course")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete the course")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("python")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert gallery[0].posted == []
    dialog.get_by_role("textbox").fill("python <3")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert gallery[0].posted == [{"csrf": "a-token", "typed": "python <3"}]


def test_without_a_script_questions_are_asked_in_the_page(
    gallery: tuple[Gallery, str], home: str, visitor: Visitor, shot: Shot
) -> None:
    page = visitor(java_script_enabled=False, locale="en-GB").new_page()
    page.goto(f"{home}/kit_forms")
    page.locator("summary", has_text="Stop").click()
    expect(page.get_by_text("What is saved stays.")).to_be_visible()
    shot(page, "question")
    with page.expect_navigation():
        page.get_by_role("button", name="Stop it").click()
    assert gallery[0].posted == [{"csrf": "a-token"}]
    page.goto(f"{home}/kit_shows")
    expect(page.locator("time").first).to_contain_text("15:06\N{NO-BREAK SPACE}UTC")
    page.goto(f"{home}/kit_job")
    with page.expect_navigation():
        """It looks again by itself."""


def test_a_form_is_sent_once(home: str, page: Page) -> None:
    page.goto(f"{home}/kit_forms")
    # An answer that leaves the browser where it is (RFC 9110 §15.3.5).
    page.route("**/post", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Pull now").click()
    expect(page.get_by_role("button", name="Pulling…")).to_be_disabled()


def test_times_are_the_reader_s(home: str, visitor: Visitor) -> None:
    page = visitor(locale="en-GB", timezone_id="Europe/Paris").new_page()
    page.goto(f"{home}/kit_shows")
    expect(page.locator("time").first).to_contain_text("4 Mar 2026, 16:06")


def test_a_log_goes_on_by_itself(home: str, visitor: Visitor) -> None:
    page = visitor(locale="en-GB").new_page()
    page.goto(f"{home}/kit_job")
    log = page.locator(".log").first
    expect(log.get_by_role("log")).to_contain_text("COMMIT nbhosting/python")
    expect(log.get_by_role("status")).to_have_text("done In 3 s.")
    expect(log.get_by_role("button", name="Cancel")).to_have_count(0)
    assert log.locator("pre").evaluate("e => e.scrollTop + e.clientHeight >= e.scrollHeight - 1")


def test_a_table_is_sorted_and_narrowed(home: str, visitor: Visitor) -> None:
    page = visitor(locale="en-GB").new_page()
    page.goto(f"{home}/kit_shows")
    names = page.locator("#students tbody tr:visible th")
    page.get_by_role("button", name="Name").click()
    expect(names.last).to_have_text("Z")
    expect(names.nth(3)).to_have_text("Grace Hopper")
    page.get_by_role("button", name="Disk").click()
    expect(names.first).to_have_text("Z")
    page.get_by_role("button", name="Disk").click()
    expect(names.first).to_have_text("Ada <Lovelace>")
    page.get_by_role("searchbox").fill("grace")
    expect(names).to_have_text(["Grace Hopper"])
    expect(page.get_by_role("search").get_by_role("status")).to_have_text("Rows shown: 1")


def test_dark_is_remembered(home: str, page: Page) -> None:
    page.goto(f"{home}/kit_shows")
    page.locator(".account > summary").click()
    page.get_by_label("Sombre").check(force=True)
    page.goto(f"{home}/kit_forms")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 27)"


def test_files_are_dropped(home: str, visitor: Visitor) -> None:
    page = visitor(locale="en-GB").new_page()
    page.goto(f"{home}/kit_forms")
    page.locator(".drop").evaluate(
        """zone => { const data = new DataTransfer();
        data.items.add(new File(['abc'], 'a.csv')); data.items.add(new File([new Uint8Array(2 ** 21)], 'b.bin'));
        zone.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})); }"""
    )
    expect(page.locator(".drop-list li")).to_have_text(
        ["a.csv3 byte", "b.bin is too large: 2 MB, and 1 MB is the most."]
    )
    assert page.locator(".drop input").evaluate("e => [e.files.length, e.checkValidity()]") == [2, False]
