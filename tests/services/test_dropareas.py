"""Stories of drop areas: files put, looked at, handed out, taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.adapters.dropfiles import DropDirectory
from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.model import JobState, Mode
from nbhostd.core.names import AreaName, CourseName, FilePath, WorkspaceId
from nbhostd.services import dropareas
from nbhostd.services.dropareas import DropAreas
from nbhostd.services.jobbook import Cancelled, Stage
from nbhostd.services.roll import Roll
from nbhostd.services.tasks import KeyedLocks
from tests.fakes.desk import FakeHandingDesk
from tests.fakes.roll import FakePeople
from tests.services.cast import NOON
from tests.services.test_courses import Scene

COURSE, AREA = CourseName("python"), AreaName("exam")


class DropScene(Scene):
    def __init__(self, state: Path) -> None:
        super().__init__()
        self.state = state
        self.desk = FakeHandingDesk(state)
        locks = KeyedLocks()
        self.people = FakePeople()
        self.roll = Roll(self.store, self.people, self.clock, lambda: "z" * 26)
        self.dropareas = DropAreas(
            self.courses, DropDirectory(state / "droparea"), self.desk, self.book, self.clock,
            self.roll, lambda id: locks(str(id)),
        )  # fmt: skip

    async def begin(self, *students: str) -> None:
        await self.store.create_course(COURSE, "/c", None, "minimal", NOON)
        for student in students:
            id = WorkspaceId.parse(f"python/{student}")
            await self.store.ensure_workspace(id, Mode.MOOC, student, NOON)

    async def put(self, path: str, content: bytes = b"content") -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for byte in content:
                yield bytes([byte])

        await self.dropareas.put(COURSE, AREA, FilePath.parse(path), len(content), pieces())

    def space(self, number: int) -> Path:
        return self.state / "workspaces" / str(number) / "DROPPED/exam"


@pytest.fixture
def scene(tmp_path: Path) -> DropScene:
    return DropScene(tmp_path)


async def test_what_is_put_is_listed_and_handed_out(scene: DropScene) -> None:
    await scene.begin("alice", "bob")
    await scene.put("w1/sujet d'été.pdf")
    await scene.put("data.csv", b"1,2,3")
    areas = await scene.dropareas.areas(COURSE)
    assert {area: [(file.path, file.size) for file in files] for area, files in areas.items()} == {
        "exam": [("data.csv", 5), ("w1/sujet d'été.pdf", 7)]
    }
    said: list[str] = []
    done = await scene.dropareas.deploy(COURSE, AREA, said.append)
    assert (done.copied, [(f.total, f.available, f.new) for f in done.files]) == (4, [(2, 0, 2), (2, 0, 2)])
    assert said == ["alice: 2 new", "bob: 2 new"]
    assert (scene.space(1) / "w1/sujet d'été.pdf").read_bytes() == b"content"
    (job,) = await scene.store.jobs()
    assert (job.kind, job.subject, job.state, job.message) == (
        "drop", "python/exam", JobState.SUCCEEDED, "4 copies for 2 students",
    )  # fmt: skip


async def test_a_second_deployment_reaches_the_new_ones_only_and_overwrites_nothing(scene: DropScene) -> None:
    await scene.begin("alice")
    await scene.put("a.txt", b"one")
    await scene.dropareas.deploy(COURSE, AREA, print)
    (scene.space(1) / "a.txt").write_text("alice's")
    await scene.put("a.txt", b"two")
    await scene.store.ensure_workspace(WorkspaceId.parse("python/bob"), Mode.MOOC, "bob", NOON)
    (before,) = await scene.dropareas.status(COURSE, AREA)
    assert (before.total, before.available, before.new) == (2, 1, 1)
    done = await scene.dropareas.deploy(COURSE, AREA, print)
    assert done.copied == 1
    assert ((scene.space(1) / "a.txt").read_text(), (scene.space(2) / "a.txt").read_text()) == (
        "alice's",
        "two",
    )


async def test_a_dry_run_says_the_same_and_does_nothing(scene: DropScene) -> None:
    await scene.begin("alice", "bob")
    await scene.put("a.txt")
    progress: list[tuple[int, int, str]] = []
    done = await scene.dropareas.deploy(
        COURSE, AREA, print, dry_run=True, progress=lambda *at: progress.append(at)
    )
    assert ([(f.total, f.available, f.new) for f in done.files], done.copied) == ([(2, 0, 2)], 0)
    assert not scene.space(1).exists()
    assert await scene.store.jobs() == []
    assert progress == [(0, 2, "alice")]


async def test_only_those_who_are_meant_get_it(scene: DropScene) -> None:
    await scene.begin("alice", "bob", "barbara")
    await scene.put("a.txt")
    done = await scene.dropareas.deploy(COURSE, AREA, print, students=["b*"])
    assert (done.copied, done.files[0].total) == (2, 2)
    assert not scene.space(1).exists()
    with pytest.raises(Refused) as caught:
        await scene.dropareas.deploy(COURSE, AREA, print, students=["bo"])
    assert (caught.value.status, caught.value.reason) == (404, "no-such-student")


async def test_one_student_who_cannot_be_reached_holds_up_nobody(scene: DropScene) -> None:
    await scene.begin("alice", "bob")
    await scene.put("a.txt")
    scene.desk.fail = WorldError("Your files cannot be reached.")
    done = await scene.dropareas.deploy(COURSE, AREA, print)
    assert (done.copied, done.failed) == (1, ("alice: Your files cannot be reached.",))


async def test_a_full_disk_ends_the_deployment(scene: DropScene) -> None:
    await scene.begin("alice", "bob")
    await scene.put("a.txt")
    scene.desk.fail = NotNow("There is no space left on the server's disk.")
    with pytest.raises(NotNow):
        await scene.dropareas.deploy(COURSE, AREA, print)
    assert (await scene.store.jobs())[0].state is JobState.FAILED


async def test_what_is_not_there_is_404(scene: DropScene) -> None:
    await scene.begin()
    for asked in (
        scene.dropareas.areas(CourseName("absent")),
        scene.dropareas.status(COURSE, AREA),
        scene.dropareas.deploy(COURSE, AREA, print),
        scene.dropareas.remove(COURSE, AREA, FilePath("a.txt")),
        scene.dropareas.remove_area(COURSE, AREA),
    ):
        with pytest.raises(Refused) as caught:
            await asked
        assert caught.value.status == 404
    await scene.put("a.txt")
    with pytest.raises(Refused) as caught:
        await scene.dropareas.deploy(COURSE, AREA, print, files=[FilePath("b.txt")])
    assert caught.value.reason == "no-such-file"


async def test_a_file_that_is_removed_stays_with_those_who_have_it(scene: DropScene) -> None:
    await scene.begin("alice")
    await scene.put("w1/a.txt")
    await scene.put("b.txt")
    await scene.dropareas.deploy(COURSE, AREA, print)
    await scene.dropareas.remove(COURSE, AREA, FilePath("w1/a.txt"))
    assert not (scene.state / "droparea/python/exam/w1").exists()
    assert (scene.space(1) / "w1/a.txt").exists()
    assert await scene.dropareas.remove_area(COURSE, AREA) == 1
    assert await scene.dropareas.areas(COURSE) == {}


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    scene: DropScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.begin()
    monkeypatch.setattr(dropareas, "LARGEST", 3)
    with pytest.raises(Refused) as caught:
        await scene.put("a.txt", b"four")
    assert caught.value.status == 413
    assert not (scene.state / "droparea").exists()


async def test_what_an_administrator_linked_or_misnamed_is_no_file_of_an_area(scene: DropScene) -> None:
    await scene.begin()
    await scene.put("a.txt")
    area = scene.state / "droparea/python/exam"
    (area / "link").symlink_to("a.txt")
    (area / ".nbh-unpack.tmp").write_text("unfinished")
    (area.parent / "-odd").mkdir()
    (area.parent / "linked").symlink_to(area)
    assert [file.path for file in (await scene.dropareas.areas(COURSE))[AREA]] == ["a.txt"]
    assert list(await scene.dropareas.areas(COURSE)) == [AREA]


async def test_an_area_is_made_empty_and_lives_until_it_is_removed(scene: DropScene) -> None:
    await scene.begin("alice")
    await scene.dropareas.create(COURSE, AREA)
    await scene.dropareas.create(COURSE, AREA)
    assert await scene.dropareas.areas(COURSE) == {AREA: []}
    with pytest.raises(Refused) as caught:
        await scene.dropareas.deploy(COURSE, AREA, print)
    assert (caught.value.status, caught.value.reason) == (409, "empty-area")
    await scene.put("w1/a.txt")
    await scene.dropareas.remove(COURSE, AREA, FilePath("w1/a.txt"))
    assert await scene.dropareas.areas(COURSE) == {AREA: []}
    await scene.put("w1/a.txt")
    (scene.state / "droparea/python/exam/link").symlink_to(scene.state)
    assert await scene.dropareas.remove_area(COURSE, AREA) == 1
    assert await scene.dropareas.areas(COURSE) == {}
    assert scene.state.is_dir()


async def test_members_get_it_before_they_come_and_those_who_come_from_a_platform_too(
    scene: DropScene,
) -> None:
    await scene.begin("lms-hash")
    scene.people.add("carol")
    scene.people.add("gone", active=False)
    scene.people.add("elsewhere", member=False)
    await scene.put("a.txt")
    (status,) = await scene.dropareas.status(COURSE, AREA)
    assert (status.total, status.available, status.new) == (2, 0, 2)
    assert [w.id.student for w in await scene.store.workspaces(COURSE)] == ["lms-hash"]
    done = await scene.dropareas.deploy(COURSE, AREA, print)
    assert done.copied == 2
    made = await scene.store.workspace(WorkspaceId.parse("python/carol"))
    assert made is not None
    assert (scene.space(made.number) / "a.txt").read_bytes() == b"content"
    assert await scene.store.workspace(WorkspaceId.parse("python/gone")) is None


async def test_a_deployment_that_is_cancelled_stops_between_two_students(scene: DropScene) -> None:
    await scene.begin(*(f"s{number:02}" for number in range(20)))
    await scene.put("a.txt")

    def cancel(_line: str) -> None:
        scene.book.cancel(1)

    with pytest.raises(Cancelled):
        await scene.dropareas.deploy(COURSE, AREA, cancel)
    assert (await scene.store.jobs())[0].state is JobState.CANCELLED
    assert sum(scene.space(number).exists() for number in range(1, 21)) < 20


async def test_a_deployment_says_how_far_it_is(scene: DropScene) -> None:
    await scene.begin("alice", "bob", "carol")
    await scene.put("a.txt")
    stages: list[Stage | None] = []
    scene.desk.fail = WorldError("Your files cannot be reached.")
    await scene.dropareas.deploy(COURSE, AREA, lambda _: stages.append(scene.book.stage(1)))
    # Each line is said before its student is done; who fails is done, too.
    assert stages == [Stage(0, 3), Stage(1, 3, "alice"), Stage(2, 3, "bob")]
    assert scene.book.stage(1) is None
