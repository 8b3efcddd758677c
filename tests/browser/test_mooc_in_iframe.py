"""The LMS's page on one site, nbhostd on another, third-party cookies blocked as Chromium does by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.notebook import Notebook, output
from tests.browser.site import eventually, inside, knock, launch_url, workspace_dir

TREE = "/var/lib/nbhostd/courses/{}/public/current"


def first_notebook(course: str) -> str:
    """A md:myst notebook of the real course that has a code cell."""
    tree = TREE.format(course)
    found = inside("grep", "-rlE", r"^```\{code-cell\}", f"{tree}/w1", "--include=*.md").split()
    return sorted(found)[0].removeprefix(tree + "/").removesuffix(".md")


def test_a_real_notebook_runs_saves_and_resets_in_an_iframe(
    mooc: str,
    student: str,
    page: Page,
    lms_page: Callable[[str], str],
    shot: Callable[[Page, str], None],
) -> None:
    name = first_notebook(mooc)
    page.goto(lms_page(launch_url(mooc, name, student)))
    notebook = Notebook(page, page.frame_locator("iframe")).ready()
    shot(page, "opened")

    original = inside("cat", f"{TREE.format(mooc)}/{name}.md")
    copy = f"{workspace_dir(mooc, student)}/{name}.md"
    assert inside("cat", copy) == original

    cell = notebook.run("print('marque', 6 * 7)")
    expect(output(cell)).to_contain_text("marque 42")
    shot(page, "ran")
    notebook.save()
    eventually(lambda: "print('marque', 6 * 7)" in inside("cat", copy), f"{copy} is saved")
    uid, directory_uid = inside("stat", "-c", "%u", copy, workspace_dir(mooc, student)).split()
    assert uid == directory_uid
    assert int(uid) > 100_000

    page.goto(lms_page(launch_url(mooc, name, student, "--forcecopy")))
    notebook.ready()
    assert inside("cat", copy) == original
    expect(notebook.panel).not_to_contain_text("marque")
    shot(page, "reset")


def test_the_cookie_is_kept_in_the_iframe_and_the_bare_address_opens_nothing(
    mooc: str,
    student: str,
    page: Page,
    context: BrowserContext,
    visitor: Callable[..., BrowserContext],
    lms_page: Callable[[str], str],
    shot: Callable[[Page, str], None],
) -> None:
    lms = lms_page(launch_url(mooc, first_notebook(mooc), student))
    page.goto(lms)
    Notebook(page, page.frame_locator("iframe")).ready()
    frame = page.frame(name="notebook")
    assert frame is not None
    host = frame.url.split("/")[2].partition(":")[0]

    ours = [cookie for cookie in context.cookies() if cookie["name"].startswith("nbh")]
    assert [cookie["domain"] for cookie in ours] == [host]
    assert ours[0].get("partitionKey") == "http://lms.localhost"
    assert (ours[0].get("sameSite"), ours[0]["secure"], ours[0]["httpOnly"]) == ("None", True, True)

    assert knock(frame.url) == 403
    stranger = visitor().new_page()
    answer = stranger.goto(frame.url)
    assert answer is not None
    assert answer.status == 403
    expect(stranger.get_by_role("heading", level=1)).to_be_visible()
    shot(stranger, "stranger")
    page.reload()  # the launch itself was for once
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_text(
        "Ce notebook ne peut pas être ouvert d’ici"
    )
    shot(page, "used-link")


def test_a_page_of_a_stranger_may_not_embed(
    mooc: str, student: str, page: Page, lms_page: Callable[[str], str]
) -> None:
    url = lms_page(launch_url(mooc, first_notebook(mooc), student)).replace("lms.localhost", "evil.localhost")
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(url)
    frame = page.frame(name="notebook")
    assert frame is not None
    assert frame.url == "chrome-error://chromewebdata/"
