"""Stories of students as their teacher sees them: listed, measured, stopped; and the staff's files renewed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import JobState, JupyterStatus, Phase, Run
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.students import Activity, Listing, Measurement, OwnFile
from nbhostd.services.census import Census
from nbhostd.services.jobbook import Cancelled, JobBook
from nbhostd.services.roll import Roll
from nbhostd.services.students import Students
from nbhostd.services.usage import Usage
from tests.fakes.git import FakeGit
from tests.fakes.roll import FakePeople
from tests.fakes.students import FakeActivities, FakeMeasurements
from tests.services.cast import NOON, Cast, Desk
from tests.services.test_courses import Log

COURSE = CourseName("python")
FREE, BUSY = JupyterStatus(1, 0, 0, NOON), JupyterStatus(1, 1, 0, NOON)


@dataclass
class SizedDesk(Desk):
    """Every workspace has as many bytes as its number says; `closed` ones cannot be reached."""

    closed: set[int] = field(default_factory=set)

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        if workspace in self.closed:
            raise WorldError("Your files cannot be reached.")
        return workspace << 20, workspace


class Past:
    async def last_visits(self) -> dict[WorkspaceId, object]:
        return {}


class ListingDesk:
    def __init__(self) -> None:
        self.asked: list[tuple[int, str, tuple[str, ...]]] = []

    async def files(
        self, workspace: int, uid: int, *, below: str = "", suffixes: Sequence[str] = ()
    ) -> Listing:
        self.asked.append((workspace, below, tuple(suffixes)))
        return Listing((OwnFile("w1/a.md", 3),))  # type: ignore[arg-type]


class Scene(Cast):
    def __init__(self) -> None:
        super().__init__()
        self.desk: SizedDesk = SizedDesk()
        self._begin()
        self.log, self.git, self.people = Log(), FakeGit(), FakePeople()
        self.book = JobBook(self.store, self.log, self.clock)
        self.measurements, self.past = FakeMeasurements(self.store), FakeActivities()
        self.statuses: dict[str, JupyterStatus] = {}
        self.listing = ListingDesk()
        self.roll = Roll(self.store, self.people, self.clock, lambda: "z" * 26)
        census = Census(self.workspaces, self.courses, self.git, self.desk, Past(), self.measurements)  # type: ignore[arg-type]
        self.students = Students(
            self.roll, self.workspaces, census, Usage(self, lambda number: 0), self.listing, self.measurements,
            self.past, self.book, lambda number: 2 if number == 1 else 0,
        )  # fmt: skip

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        known = await self.store.workspace_by_number(workspace)
        assert known is not None
        return self.statuses.get(known.id.student, FREE)

    def phase(self, student: str) -> Phase:
        return self.workspaces.place(WorkspaceId(COURSE, StudentName(student))).phase


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.add_course("python")
    await scene.add_course("other")
    yield scene
    await scene.settle()
    await scene.tasks.close()


async def test_everybody_of_a_course_is_listed_and_nobody_else(scene: Scene) -> None:
    scene.people.add("alice", last_name="Ångström")
    scene.people.add("bob")
    scene.people.add("shut", active=False)
    scene.people.add("teacher", member=False)
    scene.people.staff_names = {"teacher", "colleague"}
    await scene.opened("python/alice")
    await scene.opened("python/0123hash")
    await scene.open("python/teacher")
    await scene.open("other/stranger")
    await scene.settle()
    alice = await scene.store.workspace(WorkspaceId.parse("python/alice"))
    assert alice is not None
    scene.past.past = {"python": {StudentName("alice"): Activity(NOON, 7)}}
    scene.measurements.rows = {alice.number: Measurement(5, 6, NOON)}
    rows = {row.name: row for row in await scene.students.rows(COURSE)}
    assert list(rows) == ["0123hash", "alice", "bob", "teacher"]
    assert [row.enrolled.is_staff for row in rows.values()] == [False, False, False, True]
    assert [row.enrolled.is_member for row in rows.values()] == [False, True, True, False]
    shown = rows[StudentName("alice")]
    assert (shown.full_name, shown.since, shown.connections, shown.is_awake) == (
        "Alice Ångström", NOON, 2, True,
    )  # fmt: skip
    assert (shown.activity, shown.measurement) == (Activity(NOON, 7), Measurement(5, 6, NOON))
    absent = rows[StudentName("bob")]
    assert (absent.enrolled.workspace, absent.is_awake, absent.activity) == (None, False, None)
    assert await scene.students.row(WorkspaceId(COURSE, StudentName("bob"))) == absent
    for stranger in ("stranger", "shut", "nobody"):
        with pytest.raises(Refused) as caught:
            await scene.students.row(WorkspaceId(COURSE, StudentName(stranger)))
        assert (caught.value.status, caught.value.reason) == (404, "no-such-student")


async def test_a_list_asks_no_desk_and_no_server(scene: Scene) -> None:
    for number in range(30):
        scene.people.add(f"s{number}")
        await scene.open(f"python/s{number}")
    await scene.settle()
    asked = len(scene.listing.asked)
    assert len(await scene.students.rows(COURSE)) == 30
    assert len(scene.listing.asked) == asked


async def test_measuring_is_a_job_that_remembers_with_the_moment(scene: Scene) -> None:
    for student in ("alice", "bob", "carol"):
        await scene.open(f"python/{student}")
    await scene.open("other/stranger")
    scene.desk.closed = {2}
    scene.clock.moment += timedelta(hours=1)
    await scene.students.measure(COURSE, print)
    later = NOON + timedelta(hours=1)
    assert await scene.measurements.of_course(COURSE) == {
        1: Measurement(1 << 20, 1, later), 3: Measurement(3 << 20, 3, later),
    }  # fmt: skip
    (job,) = await scene.store.jobs()
    assert (job.kind, job.subject, job.state, job.message) == (
        "measure", "python", JobState.SUCCEEDED, "3 workspaces, 4.0 MB",
    )  # fmt: skip
    assert "bob: Your files cannot be reached." in scene.log.lines[job.number]
    await scene.students.measure(COURSE, print, StudentName("carol"))
    assert (await scene.store.jobs())[0].subject == "python/carol"
    with pytest.raises(Refused):
        await scene.students.measure(COURSE, print, StudentName("stranger"))


async def test_all_workspaces_are_measured_in_one_job(scene: Scene) -> None:
    await scene.open("python/alice")
    await scene.open("other/stranger")
    await scene.students.measure_all(print)
    assert sorted(await scene.measurements.every()) == [1, 2]
    (job,) = await scene.store.jobs()
    assert (job.kind, job.subject, job.message) == ("measure", "*", "2 workspaces, 3.0 MB")
    assert any(line.startswith("other/stranger: ") for line in scene.log.lines[job.number])


async def test_a_measuring_is_cancelled_between_two_batches(scene: Scene) -> None:
    for number in range(20):
        await scene.open(f"python/s{number}")

    def cancel(_line: str) -> None:
        scene.book.cancel(1)

    with pytest.raises(Cancelled):
        await scene.students.measure(COURSE, cancel)
    assert len(await scene.measurements.of_course(COURSE)) == 8


async def test_the_idle_are_stopped_and_those_who_work_are_not(scene: Scene) -> None:
    for student in ("alice", "bob", "carol"):
        await scene.opened(f"python/{student}")
    await scene.opened("other/stranger")
    scene.statuses["bob"] = BUSY
    assert await scene.students.stop_idle(COURSE, print) == 2
    await scene.settle()
    assert [scene.phase(student) for student in ("alice", "bob", "carol")] == [
        Phase.ASLEEP, Phase.READY, Phase.ASLEEP,
    ]  # fmt: skip
    assert scene.workspaces.place(WorkspaceId.parse("other/stranger")).phase is Phase.READY
    assert scene.log.lines[1] == ["alice: stopped", "bob: left alone, a cell is running", "carol: stopped"]


async def test_one_is_stopped_whatever_it_does(scene: Scene) -> None:
    await scene.opened("python/alice")
    scene.statuses["alice"] = BUSY
    id = WorkspaceId.parse("python/alice")
    assert await scene.students.stop(id) is True
    assert await scene.students.stop(id) is False
    with pytest.raises(Refused):
        await scene.students.stop(WorkspaceId.parse("python/nobody"))


async def test_only_the_own_files_and_the_staffs_are_cleared(scene: Scene) -> None:
    for student in ("alice", "teacher", "colleague", "student"):
        await scene.open(f"python/{student}")
    scene.git.upstream("https://git.test/c", "main", {"w1/a.md": b"new"})
    await scene.git.export(COURSE, await scene.git.fetch(COURSE, "https://git.test/c", None, print), print)
    scene.people.staff_names = {"colleague", "not-yet"}
    assert await scene.students.clearable(COURSE, "teacher") == ["colleague", "student", "teacher"]
    planned = await scene.students.to_clear(COURSE, "teacher")
    assert {one.name: list(one.notebooks) for one in planned} == {
        "colleague": ["w1/a.md"], "student": ["w1/a.md"], "teacher": ["w1/a.md"],
    }  # fmt: skip
    assert set(scene.desk.files.values()) == {1}, "a plan changes nothing"
    for names in (["alice"], ["teacher", "alice"], ["not-yet"]):
        with pytest.raises(Refused) as caught:
            await scene.students.clear(COURSE, "teacher", print, [StudentName(name) for name in names])
        assert (caught.value.status, caught.value.reason) == (403, "not-of-the-staff")
    assert set(scene.desk.files.values()) == {1}
    await scene.students.clear(COURSE, "teacher", print, [StudentName("teacher")])
    await scene.students.clear(COURSE, "teacher", print)
    renewed = {key: count for key, count in scene.desk.files.items() if count > 1}
    assert renewed == {(2, "w1/a.md"): 3, (3, "w1/a.md"): 2, (4, "w1/a.md"): 2}


async def test_notebooks_and_dropped_files_are_asked_of_the_desk(scene: Scene) -> None:
    await scene.open("python/alice")
    id = WorkspaceId.parse("python/alice")
    assert (await scene.students.notebooks(id)).files[0].path == "w1/a.md"
    await scene.students.dropped(id)
    assert scene.listing.asked == [(1, "", (".ipynb", ".py", ".md")), (1, "DROPPED", ())]
    with pytest.raises(Refused):
        await scene.students.notebooks(WorkspaceId.parse("python/nobody"))
