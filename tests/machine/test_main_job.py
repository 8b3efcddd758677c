"""From a course's git repository to a student's running notebook, on the installed package."""

from __future__ import annotations

import asyncio
import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.machine.conftest import NOTEBOOK
from tests.machine.site import (
    Browser,
    commit,
    ctl,
    ctl_json,
    journal,
    launch_url,
    number_of,
    signed_elsewhere,
    user_systemctl,
    workspace_dir,
)


async def test_a_launch_ends_in_jupyter_with_a_private_copy(
    course: str, student: str, browser: Browser
) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    assert page.status == 200
    assert "notebooks/w1/intro.md" in page.url
    assert ".ws.localhost" in page.url
    copy = workspace_dir(course, student) / "w1/intro.md"
    assert copy.read_text() == NOTEBOOK
    owner = copy.stat().st_uid
    assert owner >= 100_000
    top = os.stat(workspace_dir(course, student))
    assert (top.st_uid, stat.S_IMODE(top.st_mode)) == (owner, 0o700)


async def test_a_cell_runs_and_a_save_is_the_students(course: str, student: str, browser: Browser) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    assert await page.run_code("import helper; print(helper.ANSWER)") == "42\n"
    assert await page.run_code("open('/home/jovyan/work/w1/data/numbers.csv').read()") == r"'1,2,3\n'"
    model = await page.api("api/contents/w1/intro.md?content=1&type=notebook")
    model["content"]["cells"][-1]["source"] = "print('edited')"
    await page.api(
        "api/contents/w1/intro.md", "PUT", {"type": "notebook", "format": "json", "content": model["content"]}
    )
    saved = workspace_dir(course, student) / "w1/intro.md"
    assert "print('edited')" in saved.read_text()
    assert saved.stat().st_uid == workspace_dir(course, student).stat().st_uid

    again = await browser.open(launch_url(course, "w1/intro", student))
    assert again.status == 200
    assert "print('edited')" in saved.read_text()
    await browser.open(launch_url(course, "w1/intro", student, "--forcecopy"))
    assert saved.read_text() == NOTEBOOK


async def test_dots_spaces_and_accents_are_found(course: str, student: str, browser: Browser) -> None:
    for notebook in ("w1/1.2-suite", "w1/un nom à espaces", "w2/plain"):
        page = await browser.open(launch_url(course, notebook, student))
        assert page.status == 200, (notebook, page.text)


async def test_a_launch_works_once_and_only_as_signed(course: str, student: str, browser: Browser) -> None:
    url = launch_url(course, "w1/intro", student)
    assert (await browser.open(url)).status == 200
    assert (await browser.get(url)).status == 403
    other = launch_url(course, "w1/intro", student).replace(student, "someoneelse")
    assert (await browser.get(other)).status == 403
    assert (await browser.get(url.partition("?")[0])).status == 403
    unsigned = await browser.get(url.partition("?")[0], headers={"Referer": "https://lms.localhost/"})
    assert unsigned.status == 403
    for internals in ("/var/lib", "podman", "Traceback", "nbhostd.toml"):
        assert internals not in unsigned.text


async def test_unknown_things_are_clear_pages(course: str, student: str, browser: Browser) -> None:
    for name, notebook in ((course, "w9/nothing"), ("no-such-course", "w1/intro")):
        page = await browser.open(signed_elsewhere(name, notebook, student))
        assert page.status == 404
        assert "<html" in page.text
    assert student not in {row["student"] for row in ctl_json("status")["workspaces"]}


async def test_without_cookies_it_works_and_with_them_a_leaked_url_is_dead(
    course: str, student: str, browser: Browser, new_browser: Callable[..., Browser]
) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    assert (await browser.get(page.base + "api/contents")).status == 200
    assert (await new_browser(cookies=False).get(page.base + "api/contents")).status == 403

    bare = new_browser(cookies=False)
    mine = await bare.open(launch_url(course, "w1/intro", f"{student}.bare"))
    assert mine.status == 200
    assert await mine.run_code("print(1 + 1)") == "2\n"


async def test_one_container_for_several_notebooks_and_tabs(
    course: str, student: str, browser: Browser
) -> None:
    urls = [launch_url(course, notebook, student) for notebook in ("w1/intro", "w1/1.2-suite", "w2/plain")]
    pages = await asyncio.gather(*(browser.open(url) for url in urls))
    assert len({page.base for page in pages}) == 1
    assert (
        next(row["phase"] for row in ctl_json("status")["workspaces"] if row["student"] == student) == "ready"
    )


async def test_a_class_of_twelve_at_once_without_one_error(
    course: str, new_browser: Callable[[], Browser]
) -> None:
    group = uuid.uuid4().hex[:6]
    urls = [launch_url(course, "w1/intro", f"class-{group}-{number}") for number in range(12)]
    pages = await asyncio.gather(*(new_browser().open(url) for url in urls))
    assert [page.status for page in pages] == [200] * 12
    assert len({page.base for page in pages}) == 12
    for number in range(12):
        ctl("stop", f"{course}/class-{group}-{number}")


async def test_a_stopped_workspace_wakes_by_a_visit_not_by_a_poll(
    course: str, student: str, browser: Browser
) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    number = number_of(course, student)
    ctl("stop", f"{course}/{student}")
    poll = await browser.get(page.base + "api/kernels", headers={"Accept": "*/*", "Sec-Fetch-Mode": "cors"})
    assert poll.status == 410
    assert user_systemctl("is-active", f"nbh-{number}.service", check=False).strip() == "inactive"
    assert user_systemctl("is-active", f"nbh-{number}.socket").strip() == "active"
    woken = await browser.open(page.base + "tree")
    assert woken.status == 200
    assert woken.base != page.base
    assert woken.url.startswith(woken.base + "tree")


async def test_the_journal_speaks_of_the_student(course: str, student: str, browser: Browser) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    await browser.get(page.base + "api/contents/what-nobody-has")
    async with asyncio.timeout(30):  # the journal writes when it has time
        while "what-nobody-has" not in journal("-t", f"nbh/{course}/{student}"):
            await asyncio.sleep(0.2)
    ours = journal("-u", "nbhostd.service")
    assert f"{course}/{student}: open w1/intro.md" in ours
    assert "Traceback" not in ours


async def test_a_pull_reaches_the_next_reset_and_nobodys_work(
    course: str, student: str, browser: Browser, repositories: Path
) -> None:
    await browser.open(launch_url(course, "w1/intro", student))
    commit(
        repositories / course,
        {"w1/intro.md": NOTEBOOK.replace("hello", "hello again"), "w3/new.md": NOTEBOOK},
        "more",
    )
    ctl("course", "pull", course)
    copy = workspace_dir(course, student) / "w1/intro.md"
    await browser.open(launch_url(course, "w1/intro", student))
    assert copy.read_text() == NOTEBOOK
    await browser.open(launch_url(course, "w1/intro", student, "--forcecopy"))
    assert "hello again" in copy.read_text()
    assert (await browser.open(launch_url(course, "w3/new", student))).status == 200
    commit(repositories / course, {"w1/intro.md": NOTEBOOK, "w3/new.md": None}, "back")
    ctl("course", "pull", course)
