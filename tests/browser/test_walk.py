"""Every page of the site, as each role finds it by its links: whole, readable and usable for everybody. Without the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

from tests.browser.conftest import SHOTS
from tests.browser.house import chromium_at, house_in_a_thread
from tests.web.site_trial import PASSWORD, PUBLIC, ROLES

STARTS = (
    "/",
    "/login",
    "/forgotten",
    "/courses",
    "/account",
    "/teach",
    "/teach/python",
    "/teach/python/students",
    "/teach/python/dropareas",
    "/teach/python/jobs",
    "/teach/python/statistics",
    "/admin",
    "/nowhere",
)
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
_ELSEWHERE = re.compile(
    r"^/(api|assets|w|ipython\w+|notebook\w+|builds|shared|metrics)\b|\.(csv|json|jsonl|zip)$|^/openid"
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The whole house, in a thread of its own."""
    with house_in_a_thread(tmp_path_factory.mktemp("house")) as port:
        yield port


@pytest.fixture(scope="module")
def browser(port: int, playwright: Playwright) -> Iterator[Browser]:
    """Chromium, which finds the site's public address here."""
    with chromium_at(port, playwright) as browser:
        yield browser


def _come(browser: Browser, role: str, locale: str) -> BrowserContext:
    context = browser.new_context(locale=locale, viewport=WIDE, color_scheme="light", reduced_motion="reduce")  # type: ignore[arg-type]
    if role != "nobody":
        page = context.new_page()
        page.goto(f"{PUBLIC}/login")
        page.locator("#name").fill(role)
        page.locator("#password").fill(PASSWORD)
        page.locator("main form button").first.click()
        page.wait_for_url("**/courses")
        page.close()
    return context


def _kind(path: str) -> str:
    """Pages of one kind: what differs in a name, a number or a query only."""
    path = re.sub(
        r"/(teach|people|groups|courses|students|notebooks|public|dropareas)/[^/]+", r"/\1/NAME", path
    )
    return re.sub(r"\d+", "N", path)


def _complaints(page: Page, where: str) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{where}: {rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in found]


def _shoot(page: Page, role: str, path: str, language: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(
        path=SHOTS / f"walk-{role}-{path.strip('/').replace('/', '_') or 'home'}-{language}.png",
        full_page=True,
    )


def _look(page: Page, role: str, path: str, language: str) -> list[str]:
    """What is wrong with a page."""
    said = []
    if page.locator("html").get_attribute("lang") != language:
        said.append(f"{path}: not in {language}")
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        if not page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
            said.append(f"{path}: wider than {size['width']}")
    said += _complaints(page, f"{path} ({language})")
    _shoot(page, role, path, language)
    return said


# Each role once: test_site_pages.py looks at the pages themselves in both languages, sizes and colours, on the real site.
@pytest.mark.parametrize(
    ("role", "locale", "language"),
    [
        (role, *(("fr-FR", "fr") if place % 2 == 0 else ("en-GB", "en")))
        for place, role in enumerate(role for role in ROLES if role != "staff")
    ],
    ids=[role for role in ROLES if role != "staff"],
)
def test_every_page_that_is_found(role: str, locale: str, language: str, browser: Browser) -> None:
    context = _come(browser, role, locale)
    page = context.new_page()
    said: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on(
        "console", lambda message: errors.append(f"{page.url}: {message.text}") if _is_ours(message) else None
    )
    ahead, seen = list(STARTS), set()
    while ahead:
        path = ahead.pop(0)
        if _kind(path) in seen or _ELSEWHERE.search(path):
            continue
        seen.add(_kind(path))
        before = len(errors)
        answer = page.goto(PUBLIC + path)
        page.wait_for_load_state("load")
        assert answer is not None
        if answer.status >= 400:
            del errors[before:]  # Chromium says that, too
        if urlsplit(page.url).path != path.partition("?")[0] and _kind(urlsplit(page.url).path) in seen:
            continue
        seen.add(_kind(urlsplit(page.url).path))
        said += _look(page, role, path, language)
        ahead += _links(page)
    context.close()
    assert said == []
    assert errors == []


def _is_ours(message: ConsoleMessage) -> bool:
    """An error of a page; what asks the outside world, a frame or a number that is refreshed, gets 502 in this house."""
    return message.type == "error" and "status of 502" not in message.text


def _links(page: Page) -> list[str]:
    hrefs: list[str] = page.eval_on_selector_all(
        "a[href]:not([download])", "all => all.map(each => each.href)"
    )
    return [
        parts.path
        for href in hrefs
        if (parts := urlsplit(href)).netloc == urlsplit(PUBLIC).netloc and parts.path
    ]
