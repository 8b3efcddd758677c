"""A shared page and the choice after a change of format, in Chromium: by keyboard, on a phone, inside a platform's iframe."""

from __future__ import annotations

import base64
import json
import re
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook
from tests.browser.site import ctl, inside, launch_url, workspace_dir
from tests.browser.test_classroom import publish
from tests.browser.test_pages import PHONE, inspect

MYST = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
---

# The new version

```{code-cell} ipython3
print("new")
```
"""


def picture(width: int = 320, height: int = 160) -> str:
    """A PNG of one colour, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x2f\x6f\x62" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return base64.b64encode(png).decode()


def code(source: str, **data: str) -> dict[str, object]:
    kinds = {kind.replace("__", "/"): value for kind, value in data.items()}
    output = {"output_type": "display_data", "metadata": {}, "data": kinds}
    return {
        "cell_type": "code", "id": uuid.uuid4().hex[:8], "metadata": {}, "source": source, "execution_count": 1,
        "outputs": [output],
    }  # fmt: skip


def text(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": uuid.uuid4().hex[:8], "metadata": {}, "source": source}


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})


RICH = notebook(
    text(
        "# Les étoiles\n\nPour $a < b$ : $$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt\\pi}{2}$$\n\n"
        "\\begin{align} f(x) &= \\sum_{n=0}^{N} a_n x^n \\\\ M &= \\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"
        "\\end{align}\n\n"
        "![carré](carre.png)\n\n| mois | pluie |\n|---|---|\n| mai | 62 |\n"
    ),
    code("import matplotlib.pyplot as plt\n\nplt.plot([1, 4, 9])  # une courbe", image__png=picture()),
    code("fig.show()", text__html="<div id='p'></div><script>document.title = 'hijacked'</script>"),
    code("df", text__html="<table><tr><th>mois</th></tr><tr><td>mai</td></tr></table>", text__plain="df"),
    code("print(x)", text__plain="une ligne " * 60),
    text(
        "<script>document.title = 'hijacked'</script><img src=x onerror=\"document.title='hijacked'\" alt=''> fin"
    ),
)


@pytest.fixture
def course() -> Iterator[str]:
    """A course whose repository is on the machine, with one notebook."""
    name = f"share-{uuid.uuid4().hex[:6]}"
    inside("git", "init", "-q", "-b", "main", f"/var/lib/nbhostd-tests/{name}")
    publish(name, "first", {"tp1.ipynb": notebook(text("# The old version"))})
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")
    inside("rm", "-rf", f"/var/lib/nbhostd-tests/{name}")


def give(course: str, student: str, name: str, content: str, how: str = "cat") -> None:
    """Put a file into a student's workspace, as the student's."""
    space = workspace_dir(course, student)
    inside("bash", "-euc", f"{how} >{space}/{name}; chown --reference={space} {space}/{name}", input=content)


@pytest.mark.parametrize("locale", ["fr-FR", "en-GB"])
def test_a_shared_page_shows_everything_and_runs_nothing(
    locale: str, course: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(locale=locale).new_page()
    page.goto(launch_url(course, "tp1", student))
    Notebook(page, page).ready()
    give(course, student, "carre.png", picture(90, 90), "base64 -d")
    give(course, student, "tp1.ipynb", RICH)
    url = page.evaluate(
        """async () => {
          const base = location.pathname.match(/^\\/w\\/[^/]+\\//)[0];
          const answer = await fetch(base + '.nbhostd/api/share', {
            method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{"notebook": "tp1.ipynb"}'});
          return (await answer.json()).url;
        }"""
    )
    reader = visitor(locale=locale).new_page()
    refused: list[str] = []
    reader.on("requestfailed", lambda request: refused.append(request.url))
    answer = reader.goto(url)
    assert answer is not None
    assert answer.status == 200
    expect(reader.get_by_role("heading", name="Les étoiles")).to_be_visible()
    expect(reader).to_have_title("tp1")
    for formula in reader.locator("math").all():
        box = formula.bounding_box()
        assert box is not None and box["width"] > 5 and box["height"] > 5
    plot = reader.locator("img[src^='data:image/png']").last
    expect(plot).to_be_visible()
    shown = {
        "fr-FR": "Le notebook montre ici une figure interactive",
        "en-GB": "An interactive figure is here",
    }
    expect(reader.get_by_text(shown[locale])).to_be_visible()
    expect(reader.get_by_text("fin", exact=False).last).to_be_visible()
    expect(reader).to_have_title("tp1")
    shot(reader, "wide")
    reader.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    shot(reader, "phone")

    # Nothing runs in the page itself, not even axe: the same content without its policy is looked at.
    content = re.sub(r"<meta http-equiv=[^>]*>|<script.*?</script>|<img src=x[^>]*>", "", answer.text())
    copy = visitor(locale=locale, viewport=PHONE).new_page()
    copy.set_content(content)
    inspect(copy)


WORDS = {
    "fr-FR": (
        "Ce notebook a changé de format",
        "Continuer mon travail",
        "Commencer avec la nouvelle version",
    ),
    "en-GB": ("This notebook has a new format", "Go on with my work", "Begin with the new version"),
}


def turned(course: str, student: str, page: Page) -> None:
    """The student has worked on tp1.ipynb, and the course has made it tp1.md."""
    page.goto(launch_url(course, "tp1", student))
    Notebook(page, page).ready()
    page.goto("about:blank")
    give(
        course, student, "tp1.ipynb", notebook(text("# My own words"), code("answer = 42", text__plain="42"))
    )
    inside("rm", f"/var/lib/nbhostd-tests/{course}/tp1.ipynb")
    publish(course, "second", {"tp1.md": MYST})
    ctl("course", "pull", course)


@pytest.mark.parametrize("locale", WORDS)
def test_work_goes_on_in_the_new_format_by_keyboard(
    locale: str, course: str, student: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(locale=locale, color_scheme="dark" if locale == "en-GB" else "light").new_page()
    turned(course, student, page)
    page.goto(launch_url(course, "tp1", student))
    heading, go_on, begin = WORDS[locale]
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    inspect(page)
    shot(page, "wide")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    inspect(page)
    shot(page, "phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=go_on)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=begin)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    opened = Notebook(page, page).ready()
    expect(page).to_have_url(re.compile(r"/notebooks/tp1\.md\?"))
    expect(opened.code_cells.first).to_contain_text("answer = 42")


def test_the_choice_works_in_a_platforms_iframe_without_javascript_of_ours(
    course: str, student: str, visitor: Callable[..., BrowserContext], lms_page: Callable[[str], str],
    shot: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = visitor(viewport={"width": 700, "height": 900}).new_page()
    turned(course, student, page)
    page.route("**/assets/**/behind.js", lambda route: route.abort())
    page.goto(lms_page(launch_url(course, "tp1", student)))
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Commencer avec la nouvelle version").click()
    expect(frame.get_by_role("heading", name="The new version")).to_be_visible()
    shot(page, "iframe")
