"""A student of a class with clones, in Chromium: the page of a notebook that the clone lacks, by keyboard, in two languages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook
from tests.browser.site import ctl, inside, launch_url
from tests.browser.test_pages import PHONE, inspect

PERCENT = "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n#     display_name: Python 3\n# ---\n\n# %%\nanswer = {}\n"
GIT = "git -C {0} -c user.name=T -c user.email=t@localhost"


def publish(course: str, message: str, files: dict[str, str]) -> None:
    """One more commit of the course's repository on the machine."""
    repository = f"/var/lib/nbhostd-tests/{course}"
    for name, content in files.items():
        path = f"{repository}/{name}"
        inside("bash", "-euc", f'mkdir -p "$(dirname {path})"; cat >{path}', input=content)
    git = GIT.format(repository)
    inside("bash", "-euc", f"{git} add -A; {git} commit -q -m '{message}'; chmod -R a+rX {repository}")


@pytest.fixture
def course() -> Iterator[str]:
    """A course whose repository is on the machine, with one notebook."""
    name = f"class-{uuid.uuid4().hex[:6]}"
    inside("git", "init", "-q", "-b", "main", f"/var/lib/nbhostd-tests/{name}")
    publish(name, "first", {"tp1.py": PERCENT.format(1)})
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")
    inside("rm", "-rf", f"/var/lib/nbhostd-tests/{name}")


def classroom(course: str, notebook: str, student: str) -> str:
    return launch_url(course, notebook, student, "--classroom")


WORDS = {
    "fr-FR": (
        "Votre copie n’a pas encore ce notebook",
        "Mettre à jour, puis ouvrir le notebook",
        "mêmes endroits",
    ),
    "en-GB": ("Your copy does not have this notebook yet", "Pull, then open the notebook", "the same places"),
}


@pytest.mark.parametrize("locale", WORDS)
def test_a_late_notebook_is_pulled_by_keyboard(
    locale: str, course: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(locale=locale).new_page()
    page.goto(classroom(course, "tp1", student))
    Notebook(page, page).ready()
    publish(course, "second", {"tp2.py": PERCENT.format(2)})
    ctl("course", "pull", course)
    page.goto(classroom(course, "tp2", student))
    heading, button, _ = WORDS[locale]
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    inspect(page)
    shot(page, "wide")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    inspect(page)
    shot(page, "phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=button)).to_be_focused()
    page.keyboard.press("Enter")
    notebook = Notebook(page, page).ready()
    expect(page).to_have_url(re.compile(r"/notebooks/tp2\.py\?"))
    expect(notebook.code_cells.first).to_contain_text("answer = 2")


@pytest.mark.parametrize("locale", WORDS)
def test_a_conflict_names_the_files_and_jupyter_opens_as_it_is(
    locale: str, course: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(locale=locale, color_scheme="dark").new_page()
    page.goto(classroom(course, "tp1", student))
    notebook = Notebook(page, page).ready()
    notebook.run(
        "open('tp1.py', 'w').write('# %%\\nanswer = 10\\n'); import os; os.system('git commit -qam mine')"
    )
    expect(notebook.panel.locator(".jp-OutputArea-output").first).to_be_visible()
    publish(course, "second", {"tp1.py": PERCENT.format(3), "tp2.py": PERCENT.format(2)})
    ctl("course", "pull", course)
    page.goto(classroom(course, "tp2", student))
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text(WORDS[locale][2])
    expect(page.get_by_role("listitem")).to_have_text("tp1.py")
    inspect(page)
    shot(page, "conflict")
    page.get_by_role("link", name=re.compile("Jupyter")).click()
    expect(page).to_have_url(re.compile(r"/lab\b"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible()


def test_the_page_works_without_javascript_and_in_another_sites_page(
    course: str, student: str, visitor: Callable[..., BrowserContext], lms_page: Callable[[str], str]
) -> None:
    visitor().new_page().goto(classroom(course, "tp1", student))
    publish(course, "second", {"tp2.py": PERCENT.format(2)})
    ctl("course", "pull", course)
    plain = visitor(java_script_enabled=False).new_page()
    plain.goto(classroom(course, "tp2", student))
    expect(plain.get_by_role("button")).to_be_visible()
    page = visitor().new_page()
    page.goto(lms_page(classroom(course, "tp2", student)))
    frame = page.frame_locator("iframe")
    frame.get_by_role("button").click()
    Notebook(page, frame).ready()


def test_the_git_panel_of_jupyterlab_pulls(
    course: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:
    page = visitor(locale="en-GB").new_page()
    page.goto(launch_url(course, "lab", student, "--page"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible()
    publish(course, "second", {"tp2.py": PERCENT.format(2)})
    ctl("course", "pull", course)
    page.locator(".lm-TabBar-tab[title='Git'], .lm-TabBar-tab[data-id='jp-git-sessions']").first.click()
    panel = page.locator("#jp-git-sessions")
    expect(panel).to_contain_text("main")
    shot(page, "panel")
    panel.get_by_title(re.compile("Pull latest changes")).click()
    expect(
        page.locator(".jp-DirListing-itemText", has_text="tp2.py")
        .or_(page.get_by_text("Successfully pulled"))
        .first
    ).to_be_attached()
    shot(page, "pulled")
