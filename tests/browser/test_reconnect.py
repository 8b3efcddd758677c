"""A page that stays open while the daemon dies, or while its workspace is put to sleep."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.notebook import Notebook, output
from tests.browser.site import ctl, eventually, inside, launch_url, phase, workspace_dir

NOTEBOOK = "week1/1-hello"


@pytest.fixture
def opened(sample: str, student: str, page: Page, lms_page: Callable[[str], str]) -> Notebook:
    page.goto(lms_page(launch_url(sample, NOTEBOOK, student)))
    return Notebook(page, page.frame_locator("iframe")).ready()


def frame_of(page: Page) -> Frame:
    frame = page.frame(name="notebook")
    assert frame is not None
    return frame


def main_process() -> str:
    return inside("systemctl", "show", "--property=MainPID", "--value", "nbhostd.service").strip()


def test_a_page_reconnects_after_the_daemon_was_killed(
    opened: Notebook, sample: str, student: str, page: Page, shot: Callable[[Page, str], None]
) -> None:
    frame_of(page).evaluate("window.neverReloaded = true")
    cell = opened.run(
        "import os, time\nprint('begun in', os.getpid())\nwhile not os.path.exists('../go'):\n    time.sleep(.2)\n"
        "print('ended in', os.getpid())"
    )
    expect(output(cell)).to_contain_text("begun in")
    kernel = output(cell).inner_text().split()[2]
    before = main_process()
    inside("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "nbhostd.service")
    eventually(lambda: main_process() not in (before, "0"), "the daemon is there again")

    # The cell ran on all the while; it ends now, and the page that lost its connection hears of it.
    inside("touch", f"{workspace_dir(sample, student)}/go")
    expect(output(cell)).to_contain_text(f"ended in {kernel}")
    opened.ready()
    shot(page, "reconnected")
    again = opened.run("print('again in', os.getpid())", cell=1)
    expect(output(again)).to_contain_text(f"again in {kernel}")
    assert frame_of(page).evaluate("window.neverReloaded") is True
    assert phase(sample, student) == "ready"


def test_a_forgotten_page_does_not_wake_its_workspace_and_a_reload_does(
    opened: Notebook, sample: str, student: str, page: Page, shot: Callable[[Page, str], None]
) -> None:
    with page.expect_response(lambda answer: answer.status == 410 and "/api/" in answer.url) as poll:
        ctl("stop", f"{sample}/{student}")
    assert "application/json" in poll.value.headers["content-type"]
    assert phase(sample, student) == "asleep"
    shot(page, "asleep")

    with page.expect_event("framenavigated", lambda frame: "/w/" in frame.url):
        frame_of(page).evaluate("setTimeout(() => location.reload())")
    opened.ready()
    expect(output(opened.run("print('awake', 6 * 7)"))).to_contain_text("awake 42")
    assert phase(sample, student) == "ready"
    shot(page, "awake")
