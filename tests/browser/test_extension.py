"""What nbhosting adds in the notebook, as a student meets it: in the platform's iframe, in Notebook and JupyterLab."""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Frame, FrameLocator, Page, Route, expect

from tests.browser.notebook import Notebook, output
from tests.browser.site import ROOT, ctl, eventually, inside, launch_url, put, setting, workspace_dir

LABELLED = "week1/labelled"
KEPT = ["File", "Edit", "Run", "Kernel"]
WORDS = {
    "fr-FR": {
        "reset": "Revenir à l’original…", "do": "Réinitialiser", "cancel": "Annuler", "close": "Fermer",
        "open": "Ouvrir mon ancienne version", "share": "Partager une version statique…", "share-do": "Partager",
        "link": "Lien vers la version statique", "copy": "Copier le lien", "copied": "Copié.", "back": "Retirer le partage",
        "id": "Afficher mon identifiant…", "down": "Descendre la cellule", "keep": "Ne pas l’arrêter",
        "again": "Redémarrer", "stops": "Votre espace de travail s’arrête", "stopped": "a été arrêté",
        "memory": "Votre noyau a manqué de mémoire (1 Go)",
    },
    "en-US": {
        "reset": "Reset to Original…", "do": "Reset", "cancel": "Cancel", "close": "Close",
        "open": "Open my former version", "share": "Share Static Version…", "share-do": "Share",
        "link": "Link to the static version", "copy": "Copy the link", "copied": "Copied.", "back": "Take it back",
        "id": "Show my Id…", "down": "Move the cell down", "keep": "Keep it running",
        "again": "Start it again", "stops": "Your workspace stops", "stopped": "was stopped",
        "memory": "Your kernel ran out of memory (1 GB)",
    },
}  # fmt: skip


def cell(kind: str, source: str) -> dict[str, Any]:
    more: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {
        "cell_type": kind,
        "id": uuid.uuid4().hex[:8],
        "metadata": {},
        "source": source.splitlines(True),
        **more,
    }


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A course of one notebook, with all that its metadata can say."""
    place = tmp_path_factory.mktemp("extension")
    ours = {"title": "Les <b>étoiles</b>", "version": "2.1", "show_up_down_buttons": True}
    document = {
        "cells": [cell("markdown", "# Lire\n"), cell("code", "print('un')"), cell("code", "print('deux')")],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "nbhosting": ours,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (place / "course/week1").mkdir(parents=True)
    (place / f"course/{LABELLED}.ipynb").write_text(json.dumps(document, indent=1) + "\n")
    bundle = place / "extension.bundle"
    subprocess.run((ROOT / "packaging/course-bundle", place / "course", bundle), check=True)
    name = f"ext-{uuid.uuid4().hex[:6]}"
    ctl("course", "create", name, put(bundle), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")


@dataclass
class Seat:
    """A student's notebook in the platform's page."""

    page: Page
    notebook: Notebook
    course: str
    student: str
    words: dict[str, str]

    @property
    def frame(self) -> Frame:
        frame = self.page.frame(name="notebook")
        assert frame is not None
        return frame

    @property
    def within(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def copy(self) -> str:
        """The student's file."""
        return f"{workspace_dir(self.course, self.student)}/{LABELLED}.ipynb"

    @property
    def dialog(self) -> Any:
        return self.within.get_by_role("dialog")

    def banner(self, note: str) -> Any:
        return self.within.locator(f".nbhosting-note[data-note={note}]")

    def menu(self, name: str) -> Any:
        """Open a menu; it."""
        self.within.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{name}$")).click()
        return self.within.get_by_role("menu").last

    def choose(self, word: str) -> None:
        self.menu("File").locator(".lm-Menu-itemLabel", has_text=self.words[word]).click()

    def press(self, word: str) -> None:
        """A button of the open dialog."""
        self.dialog.get_by_role("button", name=self.words[word], exact=True).click()


Sit = Callable[..., Seat]


@pytest.fixture
def sit(
    course: str, student: str, visitor: Callable[..., BrowserContext], lms_page: Callable[[str], str]
) -> Sit:
    """A student comes and opens the notebook; call it with the language, and 'lab' for JupyterLab."""

    def come(locale: str = "en-US", program: str = "notebook") -> Seat:
        page = visitor(locale=locale).new_page()
        page.goto(lms_page(launch_url(course, LABELLED, student)))
        seat = Seat(page, Notebook(page, page.frame_locator("iframe")), course, student, WORDS[locale])
        if program == "lab":
            page.frame_locator("iframe").locator(".jp-Cell").first.wait_for()
            seat.frame.goto(seat.frame.url.partition("?")[0].replace("/notebooks/", "/lab/tree/"))
        seat.notebook.ready()
        return seat

    return come


everywhere = pytest.mark.parametrize(
    ("locale", "program"),
    [("fr-FR", "notebook"), ("en-US", "notebook"), ("fr-FR", "lab"), ("en-US", "lab")],
)


def inspect(seat: Seat, ours: str) -> None:
    """Axe finds nothing to complain about in this part of the frame."""
    seat.frame.evaluate(Axe().axe_script)
    found = seat.frame.evaluate("async part => (await axe.run({include: [part]})).violations", ours)
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


@everywhere
def test_a_title_and_the_menus_that_a_mooc_needs(
    locale: str, program: str, sit: Sit, shot: Callable[[Page, str], None]
) -> None:
    seat = sit(locale, program)
    # The author's text is shown as text.
    expect(seat.within.locator(".nbhosting-title-text")).to_have_text("Les <b>étoiles</b>")
    expect(seat.within.locator(".nbhosting-version")).to_have_text("v2.1")
    if program == "notebook":
        assert seat.frame.title() == "Les <b>étoiles</b> v2.1"
    expect(seat.within.locator(".lm-MenuBar-itemLabel")).to_have_text(KEPT)
    file = seat.menu("File")
    for word in ("reset", "share", "id"):
        expect(file).to_contain_text(seat.words[word])
    for command in ("docmanager:save", "docmanager:download"):
        expect(file.locator(f"[data-command='{command}']")).to_be_visible()
    for command in ("filemenu:shutdown", "filemenu:logout", "notebook:trust", "docmanager:rename"):
        expect(file.locator(f"[data-command='{command}']")).to_have_count(0)
    shot(seat.page, "menu")
    seat.page.keyboard.press("Escape")

    # The author wants buttons that move a cell.
    seat.notebook.code_cells.first.locator(".jp-InputPrompt").click()
    seat.within.get_by_role("button", name=seat.words["down"]).click()
    expect(seat.notebook.code_cells.first).to_contain_text("deux")


@everywhere
def test_a_reset_brings_the_original_and_keeps_kernel_and_work(
    locale: str, program: str, sit: Sit, shot: Callable[[Page, str], None]
) -> None:
    seat = sit(locale, program)
    original = inside("cat", seat.copy)
    seat.notebook.run("marque = 'mine'")
    seat.choose("reset")
    shot(seat.page, "asks")
    seat.press("cancel")
    expect(seat.dialog).to_have_count(0)
    expect(seat.notebook.code_cells.first).to_contain_text("marque")

    seat.choose("reset")
    seat.press("do")
    expect(seat.dialog).to_contain_text("before-reset/week1/labelled-")
    expect(seat.notebook.code_cells.first).to_contain_text("print('un')")
    shot(seat.page, "done")
    assert inside("cat", seat.copy) == original
    kept = inside("bash", "-c", f"cat {workspace_dir(seat.course, seat.student)}/before-reset/week1/*")
    assert "marque = 'mine'" in kept  # what was not saved yet, included
    seat.press("close")
    ran = seat.notebook.run("print(marque)")
    expect(output(ran)).to_contain_text("mine")


def test_the_former_version_opens_from_the_dialog(sit: Sit, shot: Callable[[Page, str], None]) -> None:
    seat = sit("fr-FR")
    seat.notebook.run("marque = 'mine'")
    seat.choose("reset")
    seat.press("do")
    with seat.page.context.expect_page() as opening:
        seat.press("open")
    former = Notebook(opening.value, opening.value)
    expect(former.code_cells.first).to_contain_text("marque")
    shot(opening.value, "former")


def test_a_moocs_text_is_read_and_not_written_and_the_notebook_stays_clean(sit: Sit) -> None:
    seat = sit("en-US", "lab")
    # A kernel's first word about itself is saved by Jupyter.
    eventually(lambda: "language_info" in inside("cat", seat.copy), "it is saved once")
    expect(seat.within.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    before = inside("cat", seat.copy)
    text = seat.notebook.panel.locator(".jp-MarkdownCell").first
    text.dblclick()
    expect(text).to_have_class(re.compile("jp-mod-rendered"))
    seat.page.keyboard.press("Enter")
    expect(seat.notebook.panel.locator(".jp-Notebook")).to_have_class(re.compile("jp-mod-commandMode"))
    expect(text).to_have_class(re.compile("jp-mod-rendered"))
    # JupyterLab marks the tab of what is not saved.
    expect(seat.within.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    assert inside("cat", seat.copy) == before

    # A text cell of the student's own can be written.
    seat.page.keyboard.press("b")
    seat.page.keyboard.press("m")
    seat.page.keyboard.press("Enter")
    seat.page.keyboard.insert_text("my own words")
    expect(seat.notebook.panel.locator(".jp-MarkdownCell .cm-content:visible")).to_have_text("my own words")
    expect(seat.within.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(1)


def test_a_classroom_keeps_its_menus_and_its_text(
    course: str, student: str, page: Page, shot: Callable[[Page, str], None]
) -> None:
    page.goto(launch_url(course, LABELLED, student, "--classroom"))
    notebook = Notebook(page, page).ready()
    expect(page.locator(".nbhosting-version")).to_have_text("v2.1")
    expect(page.locator(".lm-MenuBar-itemLabel", has_text="View")).to_be_visible()
    page.locator(".lm-MenuBar-itemLabel", has_text="File").click()
    expect(page.get_by_role("menu").last).to_contain_text("Afficher mon identifiant…")
    expect(page.locator(".lm-Menu-item[data-command='nbhosting:reset']")).to_be_hidden()
    page.keyboard.press("Escape")
    notebook.panel.locator(".jp-MarkdownCell").first.dblclick()
    expect(notebook.panel.locator(".jp-MarkdownCell .cm-content").first).to_be_visible()
    shot(page, "text")


@pytest.mark.parametrize("locale", WORDS)
def test_a_static_version_is_shared_and_taken_back(
    locale: str, sit: Sit, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:
    seat = sit(locale)
    seat.notebook.run("print('shared', 6 * 7)")
    seat.choose("share")
    seat.press("share-do")
    link = seat.dialog.get_by_label(seat.words["link"])
    expect(link).to_have_value(re.compile(r"/shared/[\w-]{22}\.html$"))
    seat.dialog.get_by_role("button", name=seat.words["copy"]).click()
    expect(seat.dialog.get_by_role("status")).to_have_text(seat.words["copied"])
    shot(seat.page, "link")
    inspect(seat, ".jp-Dialog")

    reader = visitor().new_page()
    answer = reader.goto(link.input_value())
    assert answer is not None
    assert answer.status == 200
    expect(reader.locator("body")).to_contain_text("shared 42")
    seat.press("back")
    expect(seat.dialog).to_have_count(0)
    gone = reader.reload()
    assert gone is not None
    assert gone.status == 404


def test_a_student_sees_the_own_id_by_keyboard(sit: Sit, shot: Callable[[Page, str], None]) -> None:
    seat = sit("fr-FR")
    seat.notebook.code_cells.first.locator(".jp-InputPrompt").click()
    seat.page.keyboard.press("Control+Shift+c")
    seat.page.keyboard.insert_text("identifiant")
    expect(seat.within.locator(".lm-CommandPalette-itemLabel", has_text="identifiant")).to_be_visible()
    seat.page.keyboard.press("Enter")
    expect(seat.dialog).to_contain_text(seat.student)
    expect(seat.dialog).to_contain_text(seat.course)
    shot(seat.page, "id")
    inspect(seat, ".jp-Dialog")
    seat.page.keyboard.press("Escape")
    expect(seat.dialog).to_have_count(0)


@pytest.mark.parametrize("locale", WORDS)
def test_a_stopped_workspace_says_so_and_comes_back(
    locale: str, sit: Sit, shot: Callable[[Page, str], None]
) -> None:
    seat = sit(locale)
    ctl("stop", f"{seat.course}/{seat.student}")
    note = seat.banner("stopped")
    expect(note).to_contain_text(seat.words["stopped"])
    shot(seat.page, "stopped")
    inspect(seat, ".nbhosting-banner")
    with seat.page.expect_event("framenavigated", lambda frame: "/w/" in frame.url):
        note.get_by_role("button", name=seat.words["again"]).click()
    seat.notebook.ready()
    expect(note).to_have_count(0)


@pytest.fixture
def short_idle() -> Iterator[None]:
    with setting("idle", 'check_every = "1s"\nabandoned_after = "40s"\nconnected_after = "40s"'):
        # The round under way would still wait for its old period.
        inside("systemctl", "restart", "nbhostd.service")
        yield
    inside("systemctl", "restart", "nbhostd.service")


@pytest.mark.usefixtures("short_idle")
def test_an_idle_stop_is_announced_and_put_off(sit: Sit, shot: Callable[[Page, str], None]) -> None:
    seat = sit("fr-FR")
    note = seat.banner("stops")
    expect(note).to_contain_text(seat.words["stops"])
    expect(note.locator(".nbhosting-countdown")).to_have_text(re.compile(r"^0:\d\d$"))
    shot(seat.page, "warning")
    inspect(seat, ".nbhosting-banner")
    note.get_by_role("button", name=seat.words["keep"]).press("Enter")
    expect(note).to_have_count(0)
    kept_at = time.monotonic()
    expect(note).to_be_visible()
    expect(seat.banner("stopped")).to_contain_text("personne ne s’en servait")
    assert time.monotonic() - kept_at > 35


def test_want_of_memory_is_told_in_plain_words(sit: Sit, shot: Callable[[Page, str], None]) -> None:
    seat = sit("fr-FR")
    kills = {"count": 0}

    def status(route: Route) -> None:
        body = {
            "course": seat.course, "student": seat.student, "mode": "mooc", "phase": "ready", "stops_in": None,
            "stops_because": "", "memory_limit": 1 << 30, "memory_kills": kills["count"], "ask_again": 1,
        }  # fmt: skip
        route.fulfill(json=body)

    # The computer that tests run on may enforce no limit: what the kernel counts is told by us.
    seat.page.route("**/.nbhostd/api/status", status)
    seat.notebook.run("import os")
    with seat.page.expect_request("**/.nbhostd/api/status"):
        seat.within.locator("body").evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    kills["count"] = 1
    seat.notebook.run("os.kill(os.getpid(), 9)", cell=1)
    expect(seat.banner("memory")).to_contain_text(seat.words["memory"])
    shot(seat.page, "memory")
    inspect(seat, ".nbhosting-banner")


def test_an_author_sees_nothing_of_ours_fail(sit: Sit) -> None:
    """No complaint of the browser names one of our files."""
    heard: list[str] = []
    seat = sit("en-US")
    seat.page.on("console", lambda message: heard.append(f"{message.text} {message.location.get('url')}"))
    seat.page.on("pageerror", lambda error: heard.append(error.stack or ""))
    seat.frame.goto(seat.frame.url)
    seat.notebook.ready()
    expect(seat.within.locator(".nbhosting-version")).to_have_text("v2.1")
    assert [line for line in heard if "nbhosting" in line or ".nbhostd" in line] == []


def test_it_is_saved_every_twenty_seconds(sit: Sit) -> None:
    seat = sit("en-US")
    seat.notebook.code_cells.first.locator(".cm-content").click()
    seat.page.keyboard.insert_text("# typed")
    eventually(lambda: "# typed" in inside("cat", seat.copy), "it is saved by itself", timeout=30)
