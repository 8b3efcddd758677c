"""Stories of classrooms: clones made, looked at and pulled, told with fakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from nbhostd.core.clonetool import PullOptions, Reset
from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.model import JobState, Mode, Phase, ToolOutcome, ToolTask, Visit
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.services.jobbook import Cancelled, JobBook
from nbhostd.services.pulling import KIND, Pulling, PullStudentsReport, Wanted
from tests.services.cast import Cast
from tests.services.test_courses import Log

PYTHON = CourseName("python")
ALICE = WorkspaceId.parse("python/alice")


@dataclass
class Git:
    """The clone tool, as far as services see it: what it is asked, and what it answers."""

    cast: Cast
    brings: tuple[str, ...] = ("w1/a.md", "w1/b.ipynb")
    """What a clone has from its beginning."""
    pulls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Answers of pulls, by student; else fast-forwarded."""
    pulled: Callable[[str], None] = lambda student: None

    def __call__(self, task: ToolTask) -> ToolOutcome:
        student = task.request["user"]["name"]  # type: ignore[index]
        if task.request["do"] == "adopt":
            before = (task.workspace, ".git/HEAD") in self.cast.desk.files
            self._write(task.workspace, ".git/HEAD", *self.brings)
            return _said(outcome="present" if before else "cloned", after="a" * 40)
        self.pulled(str(student))
        answer = self.pulls.get(str(student), {"outcome": "fast-forwarded"})
        if answer["outcome"] == "no-clone" and (task.workspace, ".git/HEAD") in self.cast.desk.files:
            answer = {"outcome": "up-to-date"}
        if answer["outcome"] == "fast-forwarded":
            self._write(task.workspace, *self.cast.courses.notebooks)
        return _said(**answer)

    def _write(self, workspace: int, *paths: str) -> None:
        self.cast.desk.files |= {(workspace, path): 1 for path in paths}


def _said(**answer: Any) -> ToolOutcome:
    return ToolOutcome(0, json.dumps(answer).encode())


class Room(Cast):
    """A class whose course has a notebook more than its clones."""

    def __init__(self) -> None:
        super().__init__()
        self.courses.notebooks = frozenset({"w1/a.md", "w1/b.ipynb", "w9/new.md"})
        self.git, self.log = Git(self), Log()
        self.toolbox.tools["clone"] = self.git
        self.lines: list[str] = []
        self.course_pulls: list[str] = []
        self.book = JobBook(self.store, self.log, self.clock)
        self.pulling = Pulling(
            self.store, self, self.workspaces, self.clones, self.classroom, self.book  # type: ignore[arg-type]
        )  # fmt: skip

    # As Courses
    async def get(self, name: CourseName) -> Any:
        return await self.courses.get(name)

    async def pull(self, name: CourseName, on_line: Callable[[str], None]) -> None:
        self.course_pulls.append(name)

    # What tests do
    async def visit(self, workspace: str, notebook: str | None = "w1/a.md", page: str = "") -> Any:
        path = NotebookPath.parse(notebook) if notebook else None
        return await self.workspaces.open(
            Visit(WorkspaceId.parse(workspace), path, Mode.CLASSROOM, page=page)
        )

    async def join(self, *students: str) -> None:
        for student in students:
            await self.visit(f"python/{student}")
        self.toolbox.ran.clear()

    async def pull_students(self, **wanted: Any) -> PullStudentsReport:
        return await self.pulling.pull_students(PYTHON, Wanted(**wanted), self.lines.append)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.add_course("python")
    yield room
    await room.tasks.close()


def asked(room: Room) -> list[str]:
    return [str(task.request["do"]) for task in room.toolbox.ran]


async def test_the_first_visit_clones_and_later_ones_only_look(room: Room) -> None:
    opening = await room.visit("python/alice")
    assert (opening.notebook, opening.prepared.behind, opening.notebook_url) == (
        "w1/a.md", False, "notebooks/w1/a.md",
    )  # fmt: skip
    assert asked(room) == ["adopt"]
    (task,) = room.toolbox.ran
    assert (task.workspace, task.uid, task.image, task.hurried) == (1, 100_000, "sha256:1", True)
    assert task.request["user"] == {"name": "alice", "email": "alice@nb.example.org"}
    await room.visit("python/alice", "w1/b.ipynb")
    assert asked(room) == ["adopt"]
    known = await room.store.workspace(ALICE)
    assert known is not None
    assert known.mode is Mode.CLASSROOM


async def test_a_clone_begins_with_the_mirror_in_its_container(room: Room) -> None:
    await room.visit("python/alice")
    await room.workspaces.wait(ALICE, 5)
    entry = room.workspaces.entries.by_id(ALICE)
    assert entry is not None
    course = await room.courses.get(PYTHON)
    spec = room.starter.describe(entry.workspace, course, "sha256:1")
    assert entry.workspace.armed_spec == spec.digest
    assert "/srv/course.git" in str(spec.service)


async def test_a_clone_whose_git_is_gone_is_made_anew(room: Room) -> None:
    await room.join("alice")
    del room.desk.files[1, ".git/HEAD"]
    await room.visit("python/alice")
    assert asked(room) == ["adopt"]


async def test_a_workspace_that_began_as_a_mooc_is_adopted_even_with_a_repository_in_it(room: Room) -> None:
    await room.open("python/alice")
    room.desk.files[1, ".git/HEAD"] = 1
    await room.visit("python/alice")
    await room.visit("python/alice")
    assert asked(room) == ["adopt"]


async def test_a_notebook_that_only_the_course_has_is_said_to_be_behind(room: Room) -> None:
    assert (await room.visit("python/alice", "w9/new.md")).prepared.behind
    assert not (await room.visit("python/alice", "w1/a.md")).prepared.behind
    assert (await room.pulling.pull_own(ALICE)).outcome == "fast-forwarded"
    assert room.events.seen[-1] == ("python/alice", "pull")
    assert not (await room.visit("python/alice", "w9/new.md")).prepared.behind
    assert room.toolbox.ran[-1].hurried


async def test_a_notebook_of_the_students_own_opens(room: Room) -> None:
    await room.join("alice")
    room.desk.files[1, "mine.md"] = 1
    assert not (await room.visit("python/alice", "mine.md")).prepared.behind
    with pytest.raises(Refused) as refused:
        await room.visit("python/alice", "nobodys.md")
    assert refused.value.reason == "no-such-notebook"


async def test_a_page_of_jupyter_clones_too(room: Room) -> None:
    opening = await room.visit("python/alice", None, page="lab/tree/w1")
    assert (opening.notebook, opening.notebook_url, asked(room)) == (None, "lab/tree/w1", ["adopt"])
    assert (await room.workspaces.wait(ALICE, 5)).phase is Phase.READY


async def test_ten_first_visits_at_once_make_one_clone(room: Room) -> None:
    await asyncio.gather(*(room.visit("python/alice") for _ in range(10)))
    assert asked(room) == ["adopt"]


@pytest.mark.parametrize(
    ("outcome", "error", "said"),
    [
        (ToolOutcome(1, b"", "fatal: broken"), WorldError, "could not be worked on"),
        (ToolOutcome(1, b"", "clone: No space left on device"), WorldError, "no space left for your files"),
        (ToolOutcome(0, b"rubbish"), WorldError, "could not be worked on"),
        (_said(outcome="locked"), NotNow, "still at work"),
        (_said(outcome="conflict"), WorldError, "could not be worked on"),
    ],
)
async def test_a_clone_that_cannot_be_made_is_no_classroom(
    room: Room, outcome: ToolOutcome, error: type[Exception], said: str
) -> None:
    room.toolbox.tools["clone"] = lambda task: outcome
    with pytest.raises(error, match=said):
        await room.visit("python/alice")
    known = await room.store.workspace(ALICE)
    assert known is not None
    assert known.mode is Mode.MOOC
    assert room.systemd.units == {}


async def test_without_its_image_a_course_is_not_cloned(room: Room) -> None:
    room.images.digests.clear()
    with pytest.raises(WorldError, match="image of this course is not on this server"):
        await room.visit("python/alice")
    assert room.toolbox.ran == []


async def test_a_pull_is_for_clones(room: Room) -> None:
    await room.open("python/alice")
    for id in (ALICE, WorkspaceId.parse("python/nobody")):
        with pytest.raises(Refused) as refused:
            await room.pulling.pull_own(id)
        assert (refused.value.status, refused.value.reason) == (409, "not-a-clone")


async def test_a_deleted_notebook_is_brought_back(room: Room) -> None:
    await room.join("alice")
    del room.desk.files[1, "w1/a.md"]
    assert (await room.visit("python/alice")).prepared.behind
    await room.pulling.restore(ALICE, NotebookPath.parse("w1/a.md"))
    assert not (await room.visit("python/alice")).prepared.behind


# pull-students


async def test_everybody_is_pulled_for_and_each_has_a_result(room: Room) -> None:
    await room.join("carol", "alice", "bob")
    await room.open("python/mooc-only")
    room.git.pulls = {
        "bob": {"outcome": "conflict", "conflicts": ["w1/a.md"], "kept": ["refs/nbhosting/before/x"]},
        "carol": {"outcome": "no-clone"},
    }
    del room.desk.files[1, ".git/HEAD"]  # carol's
    report = await room.pull_students()
    assert [(one.student, one.answer.outcome) for one in report.students] == [
        ("alice", "fast-forwarded"), ("bob", "conflict"), ("carol", "up-to-date"),
    ]  # fmt: skip
    assert report.summary == "3 students: 1 fast-forwarded, 1 conflict, 1 up-to-date"
    assert [task.hurried for task in room.toolbox.ran] == [False] * 5
    job = await room.store.job(report.job)
    assert job is not None
    assert (job.kind, job.subject, job.state, job.message) == (
        KIND,
        "python",
        JobState.SUCCEEDED,
        report.summary,
    )
    log = room.log.lines[report.job]
    assert log == room.lines
    assert log[0] == "python at nothing (autopull is off: not pulled)"
    assert "1/3 alice: fast-forwarded" in log
    assert any(
        "bob: CONFLICT, nothing merged; in w1/a.md; kept: refs/nbhosting/before/x" in line for line in log
    )


async def test_one_students_trouble_stops_no_other(room: Room) -> None:
    await room.join("alice", "bob", "carol")

    def trouble(student: str) -> None:
        if student == "alice":
            raise WorldError("This took too long.")

    room.git.pulled = trouble
    report = await room.pull_students()
    assert report.counts == {"fast-forwarded": 2, "failed": 1}
    assert "1/3 alice: FAILED: This took too long." in room.lines


async def test_servers_that_run_are_left_alone(room: Room) -> None:
    await room.join("alice")
    await room.workspaces.wait(ALICE, 5)
    before, calls = room.workspaces.place(ALICE), list(room.systemd.calls)
    await room.pull_students()
    assert room.workspaces.place(ALICE) == before
    assert room.systemd.calls == calls


async def test_students_are_chosen_by_name_or_pattern(room: Room) -> None:
    await room.join("alice", "alix", "bob")
    assert [one.student for one in (await room.pull_students(students=("ali*",))).students] == [
        "alice",
        "alix",
    ]
    assert [one.student for one in (await room.pull_students(students=("ali", "bob")[1:])).students] == [
        "bob"
    ]
    for word in ("ali", "x*"):
        with pytest.raises(Refused, match="No student with a clone") as refused:
            await room.pull_students(students=("bob", word))
        assert refused.value.status == 404
    assert len(await room.store.jobs()) == 2


async def test_options_reach_the_tool(room: Room) -> None:
    await room.join("alice")
    room.git.pulls = {"alice": {"outcome": "behind", "would": "conflict"}}
    report = await room.pull_students(options=PullOptions(Reset.IF_NEEDED, resync=False, dry_run=True))
    request = room.toolbox.ran[0].request
    assert (request["reset"], request["resync"], request["dry_run"]) == ("if-needed", False, True)
    assert report.summary == "dry run: 1 students: 1 conflict"
    assert room.course_pulls == []


async def test_a_dry_run_makes_no_clone(room: Room) -> None:
    await room.join("alice")
    del room.desk.files[1, ".git/HEAD"]
    room.git.pulls = {"alice": {"outcome": "no-clone"}}
    report = await room.pull_students(options=PullOptions(dry_run=True))
    assert (report.counts, asked(room)) == ({"no-clone": 1}, ["pull"])


@pytest.mark.parametrize(
    ("changes", "wanted", "pulled", "said"),
    [
        ({"autopull": True}, {}, ["python"], "python at nothing"),
        ({"autopull": True}, {"skip_course": True}, [], "python at nothing (not pulled)"),
        ({"autopull": True, "archived": True}, {}, [], "python at nothing (archived: not pulled)"),
        ({}, {}, [], "python at nothing (autopull is off: not pulled)"),
    ],
)
async def test_a_course_that_pulls_by_itself_is_pulled_first(
    room: Room, changes: dict[str, Any], wanted: dict[str, Any], pulled: list[str], said: str
) -> None:
    await room.store.update_course(replace(await room.courses.get(PYTHON), **changes))
    report = await room.pull_students(**wanted)
    assert (room.course_pulls, room.lines) == (pulled, [said])
    assert (report.students, report.summary) == ((), "no student has a clone of this course")


async def test_it_can_be_cancelled(room: Room) -> None:
    await room.join(*(f"s{n:02}" for n in range(10)))

    def cancel(student: str) -> None:
        assert room.book.cancel(max(room.log.lines))
        assert not room.book.cancel(999)

    room.git.pulled = cancel
    with pytest.raises(Cancelled):
        await room.pull_students()
    (job,) = await room.store.jobs()
    # Whoever was begun is finished.
    assert (job.state, job.message) == (JobState.CANCELLED, "It was cancelled after 1 of 10 students.")
    assert not room.book.cancel(job.number)


async def test_two_at_once_are_one_and_a_refusal(room: Room) -> None:
    await room.join("alice")
    first, second = await asyncio.gather(room.pull_students(), room.pull_students(), return_exceptions=True)
    assert isinstance(first, PullStudentsReport)
    assert isinstance(second, Refused)
    assert second.status == 409


async def test_a_student_who_is_in_it_is_waited_for(room: Room) -> None:
    await room.join("alice")
    async with room.workspaces.locked(ALICE):
        pulling = asyncio.ensure_future(room.pull_students())
        for _ in range(20):
            await asyncio.sleep(0)
        assert room.toolbox.ran == []
    assert (await pulling).counts == {"fast-forwarded": 1}


async def test_a_workspace_that_was_deleted_meanwhile_is_told(room: Room) -> None:
    await room.join("alice")
    async with room.workspaces.locked(ALICE):
        pulling = asyncio.ensure_future(room.pull_students())
        for _ in range(20):
            await asyncio.sleep(0)
        await room.store.delete_workspace(1)
    assert (await pulling).counts == {"failed": 1}
    assert room.toolbox.ran == []


async def test_a_moocs_address_copies_nothing_into_a_clone(room: Room) -> None:
    await room.join("alice")
    before = dict(room.desk.files)
    for notebook, behind in (("w1/a.md", False), ("w9/new.md", True)):
        visit = Visit(ALICE, NotebookPath(notebook), Mode.MOOC, forcecopy=True)
        opening = await room.workspaces.open(visit)
        assert (opening.prepared.copied, opening.prepared.behind) == (False, behind)
    assert room.desk.files == before
