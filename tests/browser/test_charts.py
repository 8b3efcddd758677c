"""The charts of the statistics, as they are drawn: in the page's language, each with a table beside it. Without the machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright

from nbhostd.core.names import WorkspaceId
from tests.browser.conftest import SHOTS
from tests.browser.house import chromium_at, house_in_a_thread
from tests.house_trial import HouseTrial
from tests.web.site_trial import PASSWORD, PUBLIC

WORDS = """
(graph) => {
  const chart = echarts.getInstanceByDom(document.querySelector(`[data-graph="${graph}"]`));
  return chart.getZr().storage.getDisplayList(true).map((shape) => shape.style && shape.style.text).filter(Boolean);
}
"""
DRAWN = """
(graph) => {
  const place = document.querySelector(`[data-graph="${graph}"]`);
  const chart = window.echarts && echarts.getInstanceByDom(place);
  return chart && chart.getZr().storage.getDisplayList(true).length > 3;
}
"""


async def _half_a_year(trial: HouseTrial) -> None:
    start = datetime(2026, 1, 10, 9, tzinfo=UTC)
    for day in range(0, 180, 3):
        moment = start + timedelta(days=day)
        for student in range(day % 7 + 1):
            workspace = WorkspaceId.parse(f"python/{student:028d}.s")
            trial.house._ground.statistics.record(moment, workspace, "open", f"w{day // 30}/w-s{day % 5}.md")
    await trial.house._ground.statistics.database.write(lambda db: None)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, playwright: Playwright) -> Iterator[Browser]:
    with (
        house_in_a_thread(tmp_path_factory.mktemp("house"), _half_a_year) as port,
        chromium_at(port, playwright) as chromium,
    ):
        yield chromium


def _teacher(browser: Browser, locale: str) -> Page:
    page = browser.new_context(locale=locale, viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{PUBLIC}/login")
    page.locator("#name").fill("teacher")
    page.locator("#password").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url("**/courses")
    page.goto(f"{PUBLIC}/teach/python/statistics?zone=Europe/Paris")
    return page


@pytest.mark.parametrize(
    ("locale", "wanted", "others"),
    [
        ("fr-FR", {"févr.", "avr.", "juin"}, {"Feb", "Apr", "Jun"}),
        ("en-GB", {"Feb", "Apr", "Jun"}, {"févr.", "avr.", "juin"}),
    ],
)
def test_months_are_named_in_the_pages_language(
    browser: Browser, locale: str, wanted: set[str], others: set[str]
) -> None:
    page = _teacher(browser, locale)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for graph in ("students-by-day", "notebooks-by-day"):
        page.locator(f'[data-graph="{graph}"]').scroll_into_view_if_needed()
        page.wait_for_function(DRAWN, arg=graph)
        words = set(page.evaluate(WORDS, graph))
        assert wanted <= words, words
        assert not others & words
    assert errors == []


def test_the_tooltip_of_a_day_is_in_the_pages_language(browser: Browser) -> None:
    page = _teacher(browser, "fr-FR")
    chart = page.locator('[data-graph="students-by-day"]')
    chart.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, arg="students-by-day")
    chart.hover()
    page.wait_for_function(
        f"() => ({WORDS})('students-by-day').some((text) => / (avr\\.|mars) 2026/.test(text))"
    )


def test_every_chart_has_its_table(browser: Browser) -> None:
    page = _teacher(browser, "fr-FR")
    for summary in page.locator(".graph details summary").all():
        summary.click()
    graphs = page.locator(".graph")
    assert graphs.count() == 5
    for number in range(graphs.count()):
        table = graphs.nth(number).locator("table")
        assert table.locator("tbody tr").count() > 0
        assert table.locator("caption").inner_text()
    animation = page.locator("#table-animation")
    assert animation.locator("thead th").count() == 9
    assert animation.locator("thead th").last.inner_text().startswith("Jusqu’au ")
    last, all = (page.locator(f"#table-{name} tbody tr td:nth-child({column})").all_inner_texts()
                 for name, column in (("animation", 9), ("notebooks", 2)))  # fmt: skip
    assert last == all
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [rule["id"] for rule in found] == []
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(".graph").nth(1).screenshot(path=SHOTS / "statistics-animation.png")
