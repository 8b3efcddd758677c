"""Static versions on the installed site: really rendered, as the student, beside a kernel that notices nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.machine.site import (
    STATE,
    Browser,
    Opened,
    ctl,
    ctl_json,
    launch_url,
    public_url,
    run,
    workspace_dir,
)

NOTEBOOK = "w1/mine é.ipynb"


def a_notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "t1", "metadata": {}, "source": source}


def code(source: str, **data: str) -> dict[str, Any]:
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}
    return {
        "cell_type": "code", "id": "c1", "metadata": {}, "source": source, "execution_count": 1,
        "outputs": [output],
    }  # fmt: skip


RICH = a_notebook(
    text("# Mine\n\nAs $a < b$, so\n\n$$\\int_0^1 x\\,dx$$\n\n![logo](media/logo.svg)"),
    code("6 * 7", **{"text/plain": "42"}),
    code("fig", **{"text/html": "<div></div><script>draw()</script>", "text/plain": "Figure()"}),
)


async def save(page: Opened, notebook: str, content: dict[str, Any]) -> None:
    await page.api(
        f"api/contents/{notebook}", "PUT", {"type": "notebook", "format": "json", "content": content}
    )


async def ask(page: Opened, method: str, notebook: str) -> tuple[int, dict[str, Any]]:
    url = f"{page.base}.nbhostd/api/share"
    headers, named = {**page.headers(), "Accept": "application/json"}, {"notebook": notebook}
    params, body = (named, None) if method == "GET" else (None, named)
    async with page.browser.request(method, url, headers=headers, params=params, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_notebook_is_shared_beside_its_running_kernel(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    page = await new_browser().open(launch_url(course, "w1/intro", student))
    kernel = await page.start_kernel()
    await page.run_code("x = 41", kernel)
    await save(page, NOTEBOOK, RICH)
    assert await ask(page, "GET", NOTEBOOK) == (200, {"url": None, "shared_at": None})
    status, shared = await ask(page, "POST", NOTEBOOK)
    assert status == 200, shared
    assert re.fullmatch(re.escape(public_url()) + r"/shared/[\w-]{22}\.html", shared["url"])

    read = await new_browser().get(shared["url"])
    assert read.status == 200
    for said in (
        '<h1 id="Mine">Mine</h1>', "<math", "<mo>&lt;</mo>", "data:image/svg+xml;base64,", "<pre>42</pre>",
        "An interactive figure is here", course,
    ):  # fmt: skip
        assert said in read.text, said
    for unsaid in ("<script", student, "cdn", "/srv/course", "/home/jovyan"):
        assert unsaid not in read.text, unsaid
    assert await page.run_code("print(x + 1)", kernel) == "42\n"

    (file,) = (STATE / "shares").glob(f"{shared['url'][-27:-5]}.html")
    assert (stat.S_IMODE(file.stat().st_mode), file.owner()) == (0o600, "nbhostd")


async def test_sharing_again_replaces_and_taking_back_removes(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    reader = new_browser()
    page = await new_browser().open(launch_url(course, "w1/intro", student))
    await save(page, "mine.ipynb", a_notebook(text("first")))
    _, first = await ask(page, "POST", "mine.ipynb")
    await save(page, "mine.ipynb", a_notebook(text("second")))
    _, second = await ask(page, "POST", "mine.ipynb")
    assert second["url"] == first["url"]
    read = await reader.get(first["url"])
    assert ("second" in read.text, "first" in read.text) == (True, False)

    assert await ask(page, "DELETE", "mine.ipynb") == (200, {"url": None, "shared_at": None})
    gone = await reader.get(first["url"])
    assert (gone.status, "taken back" in gone.text) == (404, True)
    status, third = await ask(page, "POST", "mine.ipynb")
    assert (status, third.get("url") == first["url"]) == (200, False), third
    assert "second" in (await reader.get(third["url"])).text
    assert (await reader.get(first["url"])).status == 404

    ctl("share", "remove", third["url"])
    assert (await reader.get(third["url"])).status == 404
    assert ctl("share", "remove", third["url"], check=False).returncode == 3


async def test_the_courses_own_formats_are_shared_too(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    page = await new_browser().open(launch_url(course, "w1/intro", student))
    await new_browser().open(launch_url(course, "w2/plain", student))
    for notebook, said in (("w1/intro.md", "hello from the course"), ("w2/plain.py", "percent")):
        status, shared = await ask(page, "POST", notebook)
        assert status == 200, shared
        assert said in (await new_browser().get(shared["url"])).text


async def test_what_cannot_be_shared_is_told_and_leaves_the_page_before_it(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    page = await new_browser().open(launch_url(course, "w1/intro", student))
    await save(page, "mine.ipynb", a_notebook(text("good")))
    _, shared = await ask(page, "POST", "mine.ipynb")
    space = workspace_dir(course, student)
    owner = space.stat()

    def plant(name: str, content: str) -> None:
        (space / name).unlink(missing_ok=True)
        (space / name).write_text(content)
        os.chown(space / name, owner.st_uid, owner.st_gid)

    plant("mine.ipynb", '{"cells": [')
    assert (await ask(page, "POST", "mine.ipynb"))[1]["reason"] == "unreadable-notebook"
    plant("mine.ipynb", json.dumps(a_notebook(code("x", **{"text/plain": "y" * (70 << 20)}))))
    assert (await ask(page, "POST", "mine.ipynb"))[1]["reason"] == "too-large-to-share"
    os.mkfifo(space / "pipe.ipynb")
    os.chown(space / "pipe.ipynb", owner.st_uid, owner.st_gid)
    (space / "shadow.md").symlink_to("/etc/shadow")
    for notebook, reason in (
        ("pipe.ipynb", "nothing-to-share"), ("shadow.md", "nothing-to-share"), ("absent.md", "nothing-to-share"),
        ("data.csv", "unreadable-notebook"), ("../1/x.md", "bad-notebook-path"),
    ):  # fmt: skip
        status, told = await ask(page, "POST", notebook)
        assert (status >= 400, told["reason"]) == (True, reason)
        assert "jovyan" not in str(told)
    assert "good" in (await new_browser().get(shared["url"])).text
    plant(
        "mine.ipynb",
        json.dumps(a_notebook(text("[x](javascript:alert(1)) ![z](/dev/zero.png) <svg onload=alert(1)>"))),
    )
    assert (await ask(page, "POST", "mine.ipynb"))[0] == 200


async def test_students_share_at_once_and_each_one_notebook_at_a_time(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    students = [f"{student}x{number}" for number in range(5)]
    for one in students:
        await new_browser().open(launch_url(course, "w1/intro", one))
        run("nbhostctl", "stop", f"{course}/{one}")
    made = await asyncio.gather(
        *(asyncio.to_thread(ctl, "share", "create", f"{course}/{one}", "w1/intro.md") for one in students)
    )
    assert len({one.stdout for one in made}) == 5
    twice = await asyncio.gather(
        *(
            asyncio.to_thread(ctl, "share", "create", f"{course}/{students[0]}", "w1/intro.md", check=False)
            for _ in range(3)
        )
    )
    assert sorted(one.returncode for one in twice) in ([0, 1, 1], [0, 0, 1])
    assert any("being shared just now" in one.stderr for one in twice)
    listed = ctl_json("share", "list", course)
    assert {one["student"] for one in listed} >= set(students)

    token = ctl_json("share", "list", f"{course}/{students[1]}")[0]["token"]
    assert Path(STATE / "shares" / f"{token}.html").exists()
    ctl("workspace", "delete", f"{course}/{students[1]}", "--yes")
    assert not Path(STATE / "shares" / f"{token}.html").exists()
    assert ctl_json("share", "list", f"{course}/{students[1]}") == []
