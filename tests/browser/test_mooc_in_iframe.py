"""The LMS's page on one site, nbhostd on another, third-party cookies blocked as Chromium does by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, FrameLocator, Page, expect

from tests.browser.site import ctl, inside, workspace_dir


def launch_url(course: str, notebook: str, student: str, *options: str) -> str:
    return ctl("launch-url", course, notebook, student, *options).strip()


def notebook_in(page: Page) -> FrameLocator:
    frame = page.frame_locator("iframe")
    expect(frame.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    return frame


def wait_until_saved(page: Page, path: str, text: str) -> None:
    """The file itself says when it was saved."""
    for _ in range(60):
        if text in inside("cat", path):
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{path} was not saved")


def first_notebook(course: str) -> str:
    """A md:myst notebook of the real course that has a code cell."""
    tree = f"/var/lib/nbhostd/courses/{course}/public/current"
    found = inside("grep", "-rlE", r"^```\{code-cell\}", f"{tree}/w1", "--include=*.md").split()
    return sorted(found)[0].removeprefix(tree + "/").removesuffix(".md")


def test_a_real_notebook_runs_saves_and_resets_in_an_iframe(
    mooc: str,
    student: str,
    page: Page,
    context: BrowserContext,
    lms_page: Callable[[str], str],
    shot: Callable[[str], None],
) -> None:
    notebook = first_notebook(mooc)
    page.goto(lms_page(launch_url(mooc, notebook, student)))
    frame = notebook_in(page)
    shot("opened")

    original = inside("cat", f"/var/lib/nbhostd/courses/{mooc}/public/current/{notebook}.md")
    copy = f"{workspace_dir(mooc, student)}/{notebook}.md"
    assert inside("cat", copy) == original

    code = frame.locator(".jp-CodeCell").first
    code.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("print('marque', 6 * 7)")
    page.keyboard.press("Shift+Enter")
    expect(code.locator(".jp-OutputArea-output").first).to_contain_text("marque 42")
    shot("ran")
    page.keyboard.press("Control+s")
    wait_until_saved(page, copy, "print('marque', 6 * 7)")
    uid, directory_uid = inside("stat", "-c", "%u", copy, workspace_dir(mooc, student)).split()
    assert uid == directory_uid
    assert int(uid) > 100_000

    page.goto(lms_page(launch_url(mooc, notebook, student, "--forcecopy")))
    notebook_in(page)
    assert inside("cat", copy) == original
    shot("reset")

    cookies = [cookie for cookie in context.cookies() if cookie["name"].startswith("nbh")]
    assert all(cookie.get("sameSite") == "None" for cookie in cookies)


def test_a_page_of_a_stranger_may_not_embed(
    mooc: str, student: str, page: Page, lms_page: Callable[[str], str]
) -> None:
    url = lms_page(launch_url(mooc, first_notebook(mooc), student)).replace("lms.localhost", "evil.localhost")
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(url)
    page.wait_for_timeout(4000)
    assert page.frame_locator("iframe").locator(".jp-Notebook").count() == 0
    assert any("frame-ancestors" in message for message in messages), messages
