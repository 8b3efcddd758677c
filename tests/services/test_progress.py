"""Progress: what is asked of whom, how often, and what a page gets when somebody does not answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path

from nbhostd.core.errors import WorldError
from nbhostd.core.gist import gist
from nbhostd.core.model import Course, Mode
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.core.progress import History, Mark
from nbhostd.services.progress import Progress
from tests.fakes.desk import FakeDesk
from tests.fakes.store import FakeStore

ALICE = WorkspaceId.parse("python/alice")
A, B = NotebookPath("w1/a.md"), NotebookPath("b.ipynb")
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def blob(text: str) -> str:
    return sha1(b"blob %d\0%b" % (len(text), text.encode())).hexdigest()


def cell(source: str, **more: object) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": source, **more}]})


@dataclass
class Histories:
    known: History = field(default_factory=lambda: {A: {blob("a1"), blob("a2")}, B: {blob("b1")}})
    stuck: bool = False
    texts: dict[NotebookPath, list[str]] = field(default_factory=dict)
    mute: bool = False

    async def gists(self, course: CourseName, commit: str, path: NotebookPath) -> frozenset[str]:
        if self.mute:
            await asyncio.Event().wait()
        return frozenset(gist(path.suffix, text.encode()) for text in self.texts.get(path, []))

    async def history(self, course: CourseName, commit: str) -> History:
        if self.stuck:
            await asyncio.Event().wait()
        return self.known


@dataclass
class Openings:
    names: set[str] = field(default_factory=set)

    async def opened(self, workspace: WorkspaceId) -> frozenset[str]:
        return frozenset(self.names)


class Stage:
    def __init__(self, tmp_path: Path) -> None:
        self.desk, self.histories, self.openings, self.store = (
            FakeDesk(tmp_path),
            Histories(),
            Openings(),
            FakeStore(),
        )
        self.progress = Progress(self.store, self.openings, self.desk, self.histories, patience=0.05)
        self.space = tmp_path / "workspaces/1"
        self.course = Course(1, ALICE.course, "", None, "minimal", commit="c1")

    async def move_in(self) -> None:
        await self.store.create_course(ALICE.course, "", None, "minimal", NOW)
        workspace = await self.store.ensure_workspace(ALICE, Mode.CLASSROOM, "a" * 26, NOW)
        self.space = self.desk.state / "workspaces" / str(workspace.number)
        (self.space / "w1").mkdir(parents=True)
        (self.space / A).write_text("a1")
        (self.space / B).write_text("b1")

    async def look(self) -> list[Mark]:
        found = await self.progress.marks(self.course, ALICE, [A, B])
        return [found[A], found[B]]


async def test_who_has_no_workspace_has_touched_nothing(tmp_path: Path) -> None:
    assert await Stage(tmp_path).look() == [Mark.UNTOUCHED, Mark.UNTOUCHED]


async def test_a_fresh_clone_is_untouched_whatever_commit_it_is_at(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    assert await stage.look() == [Mark.UNTOUCHED, Mark.UNTOUCHED]
    (stage.space / A).write_text("a2")
    assert await stage.look() == [Mark.UNTOUCHED, Mark.UNTOUCHED]


async def test_files_are_read_once_and_again_only_when_they_change(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    await stage.look()
    assert sorted(stage.desk.read) == ["a.md", "b.ipynb"]
    stage.desk.read.clear()
    (stage.space / B).write_text("my work")
    assert await stage.look() == [Mark.UNTOUCHED, Mark.CHANGED]
    assert stage.desk.read == ["b.ipynb"]
    stage.desk.read.clear()
    assert await stage.look() == [Mark.UNTOUCHED, Mark.CHANGED]
    assert stage.desk.read == []


async def test_a_file_that_is_gone_is_changed_no_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    (stage.space / B).write_text("my work")
    await stage.look()
    (stage.space / B).unlink()
    stage.openings.names = {"b"}
    assert await stage.look() == [Mark.UNTOUCHED, Mark.OPENED]


async def test_what_jupyter_only_saved_is_opened_and_what_somebody_wrote_is_changed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    stage.histories.texts = {A: ["a1", "a2"], B: [cell("1")]}
    (stage.space / A).write_text("---\njupyter: {kernelspec: {name: python3}}\n---\n\na2\n")
    (stage.space / B).write_text(cell("1", id="x", outputs=["2"]))
    assert await stage.look() == [Mark.OPENED, Mark.OPENED]
    (stage.space / B).write_text(cell("my work"))
    assert await stage.look() == [Mark.OPENED, Mark.CHANGED]
    (stage.space / B).write_text("no notebook at all")
    assert await stage.look() == [Mark.OPENED, Mark.CHANGED]


async def test_only_a_file_that_is_none_of_the_courses_is_parsed_and_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    await stage.look()
    assert stage.desk.parsed == []
    (stage.space / A).write_text("mine")
    await stage.look()
    await stage.look()
    assert stage.desk.parsed == [A]
    (stage.space / A).write_text("mine, too")
    await stage.look()
    assert stage.desk.parsed == [A, A]


async def test_a_history_that_takes_too_long_leaves_what_is_known_of_the_files(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    (stage.space / B).write_text(cell("mine"))
    stage.histories.mute = True
    assert await stage.look() == [Mark.UNTOUCHED, Mark.CHANGED]


async def test_without_the_desk_or_the_history_there_is_what_statistics_know(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.move_in()
    stage.openings.names = {"w1/a.md"}
    (stage.space / B).write_text("my work")
    stage.desk.fail = WorldError("Your files cannot be reached.")
    assert await stage.look() == [Mark.OPENED, Mark.UNTOUCHED]
    stage.histories.stuck = True
    assert await stage.look() == [Mark.OPENED, Mark.UNTOUCHED]
    stage.histories.stuck = False
    assert await stage.look() == [Mark.OPENED, Mark.CHANGED]
