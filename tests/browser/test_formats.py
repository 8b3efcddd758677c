"""Every notebook of the sample course, in each of jupytext's formats, opens with one click wherever a student clicks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook
from tests.browser.site import launch_url

# What opens it, its file, and what the last of its outputs holds.
NOTEBOOKS = {
    "ipynb": "week1/1-hello.ipynb",
    "myst": "week1/2-words.md",
    "percent": "week2/1-weather.py",
    "light": "week2/2-primes.py",
    "markdown": "week2/3 spirals.md",
}
BROKEN = "imgs => imgs.filter(img => !img.complete || img.naturalWidth === 0).map(img => img.src)"


def check_runs(notebook: Notebook) -> None:
    """Every cell runs without an error, and every picture is seen."""
    notebook.ready()
    notebook.run_all()
    last = notebook.code_cells.last
    expect(last.locator(".jp-InputArea-prompt")).to_have_text("[" + str(notebook.code_cells.count()) + "]:")
    notebook.ready()
    assert notebook.panel.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
    expect(notebook.panel.locator(".jp-OutputArea-output").first).to_be_visible()
    assert notebook.panel.locator(".jp-RenderedHTMLCommon img").evaluate_all(BROKEN) == []


@pytest.mark.parametrize("kind", NOTEBOOKS)
def test_a_launch_opens_it_as_a_notebook(
    kind: str, sample: str, student: str, page: Page, shot: Callable[[Page, str], None]
) -> None:
    page.goto(launch_url(sample, NOTEBOOKS[kind], student))
    notebook = Notebook(page, page)
    check_runs(notebook)
    shot(page, "ran")


@pytest.fixture
def base(sample: str, student: str, context: BrowserContext, page: Page) -> str:
    """The address of a workspace with all five notebooks in it; `page` shows the first."""
    for path in NOTEBOOKS.values():
        page.goto(launch_url(sample, path, student), wait_until="commit")
    expect(page.locator(".jp-Cell").first).to_be_visible()
    return page.url.partition("notebooks/")[0]


def test_jupyterlab_opens_each_with_one_click(
    base: str, page: Page, shot: Callable[[Page, str], None]
) -> None:
    page.goto(base + "lab")
    files = page.locator(".jp-FileBrowser:visible")
    for kind, path in NOTEBOOKS.items():
        folder, _, name = path.partition("/")
        files.locator(".jp-BreadCrumbs-home").click()
        files.locator(".jp-DirListing-item", has_text=folder).dblclick()
        files.locator(".jp-DirListing-item", has_text=name).dblclick()
        expect(
            page.locator(".lm-TabBar-tab.jp-mod-current", has_text=name.removesuffix(".ipynb"))
        ).to_be_visible()
        check_runs(Notebook(page, page))
        shot(page, kind)


def test_the_notebook_file_browser_opens_each_with_one_click(
    base: str, page: Page, context: BrowserContext, shot: Callable[[Page, str], None]
) -> None:
    for kind, path in NOTEBOOKS.items():
        folder, _, name = path.partition("/")
        page.goto(f"{base}tree/{folder}")
        with context.expect_page() as opening:
            page.locator(".jp-DirListing-item", has_text=name).dblclick()
        notebook = Notebook(opening.value, opening.value)
        check_runs(notebook)
        shot(page, kind)
        opening.value.close()


def test_jupyterlab_opens_from_the_iframe_in_a_tab_of_its_own(
    sample: str, student: str, page: Page, context: BrowserContext, lms_page: Callable[[str], str],
    shot: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page.goto(lms_page(launch_url(sample, NOTEBOOKS["myst"], student)))
    frame = page.frame_locator("iframe")
    Notebook(page, frame).ready()
    with context.expect_page() as opening:
        frame.get_by_role("button", name="JupyterLab").or_(
            frame.get_by_text("JupyterLab", exact=True)
        ).first.click()
    tab = opening.value
    check_runs(Notebook(tab, tab))
    shot(tab, "ran")
