"""Looks: a page for a few minutes, made as the student; it says why there is none, and leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.model import Phase, ToolOutcome, ToolTask
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.services.looks import LIFETIME, Look, Looks
from nbhostd.services.rendering import Rendering
from tests.fakes.shares import FakePages
from tests.services.cast import Cast

ALICE = WorkspaceId.parse("python/alice")
NOTEBOOK = NotebookPath("w1/a.md")


class Gate:
    """A toolbox whose runs end when told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.outcome = ToolOutcome(0, b"<p>page</p>")
        self.ran: list[ToolTask] = []
        self.open.set()

    async def run(self, task: ToolTask) -> ToolOutcome:
        self.ran.append(task)
        await self.open.wait()
        return self.outcome


class Scene(Cast):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.pages = Gate(), FakePages()
        self.looks = Looks(
            self.store, Rendering(self.workspaces, self.courses, self.gate), self.pages, self.clock,
            lambda count: next(self._bytes)[:count], self.tasks,
        )  # fmt: skip
        self.removal.on_delete(self.looks.forget)

    async def look(self, by: str = "teacher") -> Look:
        look = await self.looks.begin(ALICE, NOTEBOOK, by=by, language="fr")
        await self.looks.wait(look, 5)
        return look


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.add_course("python")
    await scene.open("python/alice")
    await scene.settle()
    yield scene
    scene.gate.open.set()
    await scene.settle()
    await scene.tasks.close()


async def test_it_is_made_as_the_student_while_the_workspace_sleeps(scene: Scene) -> None:
    await scene.workspaces.stop(ALICE, "test")
    look = await scene.look()
    workspace = await scene.store.workspace(ALICE)
    assert workspace is not None
    (task,) = scene.gate.ran
    assert (task.tool, task.uid, task.workspace) == ("render", workspace.uid, workspace.number)
    assert (task.request["notebook"], task.request["language"]) == (NOTEBOOK, "fr")
    assert scene.pages.pages == {look.token: b"<p>page</p>"}
    assert (len(look.token), look.ready, look.id) == (22, True, ALICE)
    assert scene.workspaces.place(ALICE).phase is Phase.ASLEEP


async def test_it_is_over_after_a_while_and_the_page_is_gone(scene: Scene) -> None:
    look = await scene.look()
    assert scene.looks.find(look.token) is look
    scene.clock.moment += LIFETIME - timedelta(seconds=1)
    assert scene.looks.find(look.token) is look
    scene.clock.moment += timedelta(seconds=1)
    with pytest.raises(Refused) as caught:
        scene.looks.find(look.token)
    assert (caught.value.status, caught.value.reason) == (410, "look-over")
    await scene.looks.expire()
    assert scene.pages.pages == {}


async def test_it_goes_with_the_workspace_and_with_the_daemon(scene: Scene) -> None:
    await scene.look()
    await scene.removal.delete(ALICE)
    assert scene.pages.pages == {}
    scene.pages.pages["of an earlier life"] = b"x"
    await scene.looks.sweep()
    assert scene.pages.pages == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [(3, "nothing-to-look-at"), (4, "not-lookable"), (5, "too-large-to-look-at"), (1, "not-lookable")],
)
async def test_why_there_is_no_page(scene: Scene, status: int, reason: str) -> None:
    scene.gate.outcome = ToolOutcome(status, b"half a page", "/home/jovyan/work/secret")
    with pytest.raises(Refused) as caught:
        await scene.look()
    assert caught.value.reason == reason
    assert "secret" not in caught.value.message
    assert scene.pages.pages == {}


async def test_a_slow_one_is_waited_for_and_one_that_is_over_meanwhile_leaves_no_page(scene: Scene) -> None:
    scene.gate.open.clear()
    look = await scene.looks.begin(ALICE, NOTEBOOK, by="teacher")
    assert await scene.looks.wait(look, 0.01) is False
    scene.clock.moment += LIFETIME
    await scene.looks.expire()
    scene.gate.open.set()
    assert await scene.looks.wait(look, 5) is False
    assert scene.pages.pages == {}


async def test_the_latest_five_of_a_teacher_are_kept(scene: Scene) -> None:
    other = await scene.look("colleague")
    looks = [await scene.look() for _ in range(7)]
    assert set(scene.pages.pages) == {other.token, *(look.token for look in looks[2:])}


async def test_too_many_at_once_are_told_to_come_back(scene: Scene) -> None:
    scene.gate.open.clear()
    for number in range(20):
        await scene.looks.begin(ALICE, NOTEBOOK, by=f"teacher{number}")
    with pytest.raises(NotNow):
        await scene.looks.begin(ALICE, NOTEBOOK, by="one more")


async def test_nobodys_workspace_is_looked_at(scene: Scene) -> None:
    with pytest.raises(Refused) as caught:
        await scene.looks.begin(WorkspaceId.parse("python/nobody"), NOTEBOOK, by="teacher")
    assert (caught.value.status, caught.value.reason) == (404, "no-workspace")
