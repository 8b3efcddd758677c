"""Sharing: the address stays, a failure leaves the page before it, and what is gone is gone."""

from __future__ import annotations

import asyncio

import pytest

from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.model import Share, ToolOutcome, ToolTask
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.services import shares
from nbhostd.services.removal import Removal
from nbhostd.services.rendering import Rendering
from nbhostd.services.shares import Shares
from tests.fakes.shares import FakePages, FakeShares
from tests.fakes.toolbox import FakeToolbox
from tests.services.cast import Cast

ALICE, BOB = WorkspaceId.parse("python/alice"), WorkspaceId.parse("python/bob")
NOTEBOOK = NotebookPath.parse("w1/a.md")


class Scene(Cast):
    def __init__(self) -> None:
        super().__init__()
        self.outcome = ToolOutcome(0, b"<p>first</p>")
        self.toolbox = FakeToolbox({"render": lambda task: self.outcome})
        self.ledger, self.pages = FakeShares(self.store), FakePages()
        rendering = Rendering(self.workspaces, self.courses, self.toolbox)
        self.shares = Shares(self.workspaces, self.ledger, self.pages, rendering)
        self.removal.on_delete(self.shares.forget)

    async def share(self, id: WorkspaceId = ALICE, notebook: str = NOTEBOOK) -> Share:
        return await self.shares.share(id, NotebookPath.parse(notebook))

    def page(self, share: Share) -> bytes:
        return self.pages.pages[share.token]


@pytest.fixture
async def scene() -> Scene:
    this = Scene()
    await this.add_course("python")
    await this.open("python/alice")
    await this.open("python/bob")
    await this.settle()
    return this


async def test_a_notebook_is_rendered_as_its_student_without_network_of_the_server(scene: Scene) -> None:
    share = await scene.shares.share(ALICE, NOTEBOOK, "fr")
    workspace = await scene.store.workspace(ALICE)
    assert workspace is not None
    (task,) = scene.toolbox.ran
    assert task == ToolTask(
        "render", CourseName("python"), "sha256:1", workspace.number, workspace.uid,
        request={"notebook": NOTEBOOK, "course": "python", "language": "fr", "date": "2026-11-23"},
        timeout=120, hurried=True,
    )  # fmt: skip
    assert scene.page(share) == b"<p>first</p>"
    assert scene.events.seen[-1] == ("python/alice", "share")
    assert len(share.token) == 22
    assert await scene.shares.share_of(ALICE, NOTEBOOK) == share
    assert await scene.shares.of(ALICE) == [share]
    assert await scene.shares.of(BOB) == []


async def test_sharing_again_replaces_the_page_at_its_address(scene: Scene) -> None:
    first = await scene.share()
    scene.outcome = ToolOutcome(0, b"<p>second</p>")
    scene.clock.later(minutes=5)
    second = await scene.share()
    assert second.token == first.token
    assert second.shared_at > first.shared_at
    assert scene.page(second) == b"<p>second</p>"


async def test_addresses_are_not_shared_between_students_and_notebooks(scene: Scene) -> None:
    tokens = {(await scene.share(id, notebook)).token for id in (ALICE, BOB) for notebook in ("a.md", "b.py")}
    assert len(tokens) == 4


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (ToolOutcome(3, b"", "there is no notebook"), "nothing-to-share"),
        (ToolOutcome(4, b"<p>half", "not a notebook: /home/jovyan/secret"), "unreadable-notebook"),
        (ToolOutcome(5, b""), "too-large-to-share"),
        (ToolOutcome(0, b"x" * ((64 << 20) + 1)), "too-large-to-share"),
        (ToolOutcome(1, b"", "Traceback"), "not-rendered"),
        (ToolOutcome(0, b""), "not-rendered"),
    ],
)
async def test_a_failure_says_why_and_leaves_the_page_before_it(
    scene: Scene, outcome: ToolOutcome, reason: str
) -> None:
    first = await scene.share()
    scene.outcome = outcome
    with pytest.raises(Refused) as refusal:
        await scene.share()
    assert refusal.value.reason == reason
    assert "jovyan" not in str(refusal.value)
    assert scene.page(first) == b"<p>first</p>"
    assert await scene.shares.share_of(ALICE, NOTEBOOK) == first


async def test_a_failed_first_share_leaves_nothing(scene: Scene) -> None:
    scene.toolbox.tools.clear()
    with pytest.raises(WorldError):
        await scene.share()
    assert (await scene.shares.all(), scene.pages.pages) == ([], {})


async def test_what_is_no_notebook_is_not_even_tried(scene: Scene) -> None:
    for id, notebook in ((ALICE, "notes.txt"), (WorkspaceId.parse("python/nobody"), "a.md")):
        with pytest.raises(Refused):
            await scene.share(id, notebook)
    assert scene.toolbox.ran == []


async def test_what_is_taken_back_is_gone_and_comes_back_elsewhere(scene: Scene) -> None:
    first = await scene.share()
    assert await scene.shares.unshare(ALICE, NOTEBOOK)
    assert not await scene.shares.unshare(ALICE, NOTEBOOK)
    assert scene.pages.pages == {}
    with pytest.raises(Refused) as refusal:
        await scene.shares.find(first.token)
    assert refusal.value.status == 404
    assert (await scene.share()).token != first.token


async def test_pages_go_with_their_workspace(scene: Scene) -> None:
    await scene.share(BOB)
    kept = await scene.share(ALICE)
    await scene.removal.delete(BOB)
    assert list(scene.pages.pages) == [kept.token]
    await scene.removal.delete_of_course(CourseName("python"))
    assert scene.pages.pages == {}


async def test_a_page_that_is_ready_when_its_workspace_is_gone_is_not_kept(scene: Scene) -> None:
    removal: Removal = scene.removal
    scene.shares._rendering._toolbox = _DeletesFirst(removal)
    with pytest.raises(Refused):
        await scene.share()
    await scene.open("python/alice")
    with pytest.raises(Refused):
        await scene.share()
    assert scene.pages.pages == {}


class _DeletesFirst:
    """While the page is made, the workspace is deleted, and perhaps made anew."""

    def __init__(self, removal: Removal) -> None:
        self._removal = removal

    async def run(self, task: ToolTask) -> ToolOutcome:
        await self._removal.delete(ALICE)
        return ToolOutcome(0, b"<p>late</p>")


class _Gate:
    """A toolbox whose runs end when told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.running = 0
        self.most = 0

    async def run(self, task: ToolTask) -> ToolOutcome:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        return ToolOutcome(0, b"<p></p>")


async def test_one_at_a_time_for_a_student_and_two_for_all(scene: Scene) -> None:
    gate = scene.shares._rendering._toolbox = _Gate()
    students = [f"python/s{number}" for number in range(60)]
    for student in students:
        await scene.open(student)
    answers: list[object] = []
    refused = asyncio.Event()

    async def try_to(student: str) -> None:
        try:
            answers.append(await scene.share(WorkspaceId.parse(student)))
        except NbhostdError as error:
            answers.append(error)
        if len(answers) == 20:
            refused.set()

    async with asyncio.TaskGroup() as group:
        for student in students:
            group.create_task(try_to(student))
        await asyncio.wait_for(refused.wait(), 10)
        with pytest.raises(NotNow):
            await scene.share(WorkspaceId.parse(students[0]))
        gate.open.set()
    assert gate.most == 2
    assert sum(isinstance(answer, Share) for answer in answers) == 40
    assert sum(isinstance(answer, NotNow) for answer in answers) == 20
    await scene.share(WorkspaceId.parse(students[0]))


async def test_a_student_does_not_fill_the_disk_with_pages(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "_MOST_PAGES", 2)
    first = await scene.share(notebook="a.md")
    await scene.share(notebook="b.md")
    with pytest.raises(Refused) as refused:
        await scene.share(notebook="c.md")
    assert (refused.value.status, refused.value.reason) == (409, "too-many-shares")
    assert await scene.share(notebook="a.md") == first  # again is not more
    await scene.share(BOB, "c.md")
    await scene.shares.unshare(ALICE, NotebookPath.parse("b.md"))
    await scene.share(notebook="c.md")


async def test_stray_pages_are_swept(scene: Scene) -> None:
    share = await scene.share()
    scene.pages.pages["stray"] = b""
    await scene.shares.sweep()
    assert list(scene.pages.pages) == [share.token]
