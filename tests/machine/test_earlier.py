"""A course that turns n.ipynb into n.md, and back, on the installed site: nobody's work is orphaned."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine.site import Browser, Opened, commit, ctl, launch_url, make_repository, workspace_dir
from tests.machine.test_shares import a_notebook, code, save, text

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
nbhosting:
  title: The new title
---
"""
NEW = HEADER + '\n# New\n\n```{code-cell} ipython3\nprint("new")\n```\n'
OLD = json.dumps(a_notebook(text("# Old"), code("1 + 1", **{"text/plain": "2"})))
MINE = a_notebook(text("# Mine"), code("6 * 7", **{"text/plain": "42"}))


class Course:
    """A course of this test's own, whose notebook w1/n changes its format."""

    def __init__(self, name: str, repository: Path) -> None:
        self.name = name
        self.repository = repository

    def turn(self, **files: str | None) -> None:
        """Commit `ipynb` and `md`, None for a file that goes, and pull."""
        commit(self.repository, {f"w1/n.{suffix}": content for suffix, content in files.items()}, "turned")
        ctl("course", "pull", self.name)

    def space(self, student: str) -> Path:
        return workspace_dir(self.name, student) / "w1"


@pytest.fixture
def turning(repositories: Path) -> Iterator[Course]:
    name = f"turn-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, {"w1/n.ipynb": OLD, "media/logo.svg": "<svg/>"})
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield Course(name, repositories / name)
    ctl("course", "delete", name, "--with-workspaces", "--yes")


async def choose(browser: Browser, page: Opened, choice: str) -> Opened:
    async with browser.session.post(
        page.url, data={"choice": choice}, headers={"Accept": "text/html"}
    ) as answer:
        url, status, content = str(answer.url), answer.status, await answer.text()
    return await browser.open(url) if "/visit/" in url else Opened(browser.session, url, status, content)


async def worked(turning: Course, browser: Browser, student: str) -> bytes:
    """A student who has worked on w1/n.ipynb; the file as it is then."""
    page = await browser.open(launch_url(turning.name, "w1/n", student))
    assert "notebooks/w1/n.ipynb" in page.url
    await save(page, "w1/n.ipynb", MINE)
    return (turning.space(student) / "n.ipynb").read_bytes()


async def test_work_goes_on_in_the_new_format(
    turning: Course, student: str, new_browser: Callable[[], Browser]
) -> None:
    browser, other = new_browser(), new_browser()
    mine = await worked(turning, browser, student)
    await worked(turning, other, f"{student}b")
    turning.turn(ipynb=None, md=NEW)

    asked = await browser.open(launch_url(turning.name, "w1/n", student))
    assert (asked.status, "/earlier/" in asked.url, "n.ipynb</code>" in asked.text) == (200, True, True)
    assert not (turning.space(student) / "n.md").exists()
    page = await choose(browser, asked, "convert")
    assert (page.status, "notebooks/w1/n.md" in page.url) == (200, True), page.url
    converted = turning.space(student) / "n.md"
    assert converted.read_text() == HEADER + "\n# Mine\n\n```{code-cell} ipython3\n6 * 7\n```\n"
    assert (turning.space(student) / "n.ipynb").read_bytes() == mine
    assert converted.stat().st_uid == turning.space(student).stat().st_uid
    model = await page.api("api/contents/w1/n.md?content=1&type=notebook")
    assert [cell["source"] for cell in model["content"]["cells"]] == ["# Mine", "6 * 7"]
    assert model["content"]["metadata"]["nbhosting"]["title"] == "The new title"
    again = await browser.open(launch_url(turning.name, "w1/n", student))
    assert "notebooks/w1/n.md" in again.url

    asked = await other.open(launch_url(turning.name, "w1/n", f"{student}b"))
    page = await choose(other, asked, "new")
    assert "notebooks/w1/n.md" in page.url
    assert (turning.space(f"{student}b") / "n.md").read_text() == NEW
    assert json.loads((turning.space(f"{student}b") / "n.ipynb").read_text())["cells"][0]["source"] == [
        "# Mine"
    ]

    turning.turn(ipynb=OLD, md=None)
    (turning.space(student) / "n.ipynb").unlink()
    asked = await browser.open(launch_url(turning.name, "w1/n", student))
    assert "n.md</code>" in asked.text
    page = await choose(browser, asked, "convert")
    assert "notebooks/w1/n.ipynb" in page.url
    back = json.loads((turning.space(student) / "n.ipynb").read_text())
    assert ["".join(cell["source"]) for cell in back["cells"]] == ["# Mine", "6 * 7"]


async def test_a_reset_and_work_that_cannot_be_read(
    turning: Course, student: str, new_browser: Callable[[], Browser]
) -> None:
    browser = new_browser()
    await worked(turning, browser, student)
    turning.turn(ipynb=None, md=NEW)
    broken = turning.space(student) / "n.ipynb"
    owner = broken.stat()
    broken.write_text('{"cells": ')
    os.chown(broken, owner.st_uid, owner.st_gid)
    asked = await browser.open(launch_url(turning.name, "w1/n", student))
    sorry = await choose(browser, asked, "convert")
    assert (sorry.status, "could not be taken over" in sorry.text) == (409, True)
    assert "jovyan" not in sorry.text
    assert broken.read_text() == '{"cells": '
    assert not (turning.space(student) / "n.md").exists()

    page = await browser.open(launch_url(turning.name, "w1/n", student, "--forcecopy"))
    assert "notebooks/w1/n.md" in page.url
    assert (turning.space(student) / "n.md").read_text() == NEW
    assert broken.read_text() == '{"cells": '
