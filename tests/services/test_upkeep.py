"""A course's other name, whole or not at all; its end; and who has what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.imagenames import course_image
from nbhostd.core.model import Intent, Mode, Phase, Workspace
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.services.census import Census
from nbhostd.services.courses import Changes
from nbhostd.services.upkeep import Upkeep
from tests.fakes.coursedirs import FakeDirs
from tests.fakes.students import FakeMeasurements
from tests.services.cast import NOON, Cast
from tests.services.test_courses import URL, Scene

OLD, NEW = CourseName("python"), CourseName("python3")
ALICE, RENAMED = WorkspaceId.parse("python/alice"), WorkspaceId.parse("python3/alice")


@dataclass
class Past:
    """Events: which courses were renamed, and when somebody was last seen."""

    visits: dict[WorkspaceId, datetime] = field(default_factory=dict)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    async def last_visits(self) -> dict[WorkspaceId, datetime]:
        return self.visits

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        self.renamed.append((old, new))

    async def forget_course(self, course: CourseName) -> None:
        self.forgotten.append(course)


class UpkeepScene:
    """A cast whose courses are the real service's, over the same store."""

    def __init__(self) -> None:
        self.cast, self.dirs, self.past = Cast(), FakeDirs(), Past()
        self.scene = Scene(store=self.cast.store)
        self.said: list[str] = []
        self.introduce()

    def introduce(self) -> None:
        cast = self.cast
        self.upkeep = Upkeep(
            cast.workspaces,
            self.scene.courses,
            self.dirs,
            cast.images,
            self.past,
            cast.removal.delete_of_course,
        )
        self.census = Census(
            cast.workspaces, self.scene.courses, self.scene.git, cast.desk, self.past, FakeMeasurements()
        )

    async def begin(self) -> None:
        await self.scene.created({"w1/a.md": b"", "w1/b.ipynb": b"", "media/x.svg": b""})
        await self.scene.courses.change(OLD, Changes(image="own"))
        self.cast.images.digests[course_image(OLD)] = "sha256:own"
        self.dirs.files = {("courses", OLD): 3, ("droparea", OLD): 1}

    async def rename(self, *, stop: bool = False) -> None:
        await self.upkeep.rename(OLD, NEW, self.said.append, stop=stop)
        # The mirror is one of the directories that moved.
        git = self.scene.git
        git._commits[NEW], git._trees[NEW] = git._commits.pop(OLD), git._trees.pop(OLD)
        git._current[NEW] = git._current.pop(OLD)


@pytest.fixture
async def this() -> AsyncIterator[UpkeepScene]:
    scene = UpkeepScene()
    await scene.begin()
    yield scene
    await scene.cast.tasks.close()


async def unchanged(this: UpkeepScene) -> bool:
    """Whether all is as it was under the old name."""
    course = await this.cast.store.course(OLD)
    assert course is not None
    return (
        await this.cast.store.course(NEW) is None
        and course.image == course_image(OLD)
        and set(this.dirs.files) == {("courses", OLD), ("droparea", OLD)}
        and this.dirs.note is None
        and this.past.renamed == []
        and this.cast.images.digests[course_image(OLD)] == "sha256:own"
    )


async def test_everything_has_the_new_name(this: UpkeepScene) -> None:
    run = await this.cast.opened("python/alice")
    await this.cast.workspaces.stop(ALICE, "idle")
    await this.rename()
    course = await this.cast.store.course(NEW)
    assert course is not None
    assert (course.number, course.image) == (1, course_image(NEW))
    assert await this.cast.store.course(OLD) is None
    assert set(this.dirs.files) == {("courses", NEW), ("droparea", NEW)}
    assert (this.dirs.note, this.past.renamed) == (None, [(OLD, NEW)])
    assert this.cast.images.digests[course_image(NEW)] == "sha256:own"
    assert course_image(OLD) not in this.cast.images.digests
    workspace = await this.cast.store.workspace(RENAMED)
    assert workspace is not None
    assert workspace.intent is Intent.COLD  # the armed socket named the old directories
    route = this.cast.workspaces.route(run.secret)
    assert route is not None
    assert route.workspace.id == RENAMED
    assert (await this.cast.opened("python3/alice")).workspace == workspace.number


async def test_who_works_is_not_disturbed_unless_told(this: UpkeepScene) -> None:
    await this.cast.opened("python/alice")
    with pytest.raises(Refused, match="alice") as refusal:
        await this.rename()
    assert refusal.value.status == 409
    assert await unchanged(this)
    assert this.cast.workspaces.place(ALICE).phase is Phase.READY
    await this.rename(stop=True)
    assert this.said == ["stopping python/alice"]
    assert this.cast.workspaces.place(RENAMED).phase is Phase.ASLEEP


@pytest.mark.parametrize("name", ["python", "algo"])
async def test_a_name_that_is_taken_is_refused(this: UpkeepScene, name: str) -> None:
    await this.scene.courses.create(CourseName("algo"), URL, lambda _: None)
    with pytest.raises(Refused) as refusal:
        await this.upkeep.rename(OLD, CourseName(name), this.said.append)
    assert refusal.value.status == 409
    assert await unchanged(this)


@pytest.mark.parametrize("about", ["python", "python/handouts"])
async def test_a_job_of_it_is_waited_for(this: UpkeepScene, about: str) -> None:
    await this.cast.store.create_job("build", about, NOON)
    with pytest.raises(Refused, match="Job 2"):
        await this.rename()
    with pytest.raises(Refused, match="Job 2"):
        await this.upkeep.delete(OLD, with_workspaces=True, with_files=True)
    assert await unchanged(this)


async def test_a_job_of_another_course_is_none_of_its_business(this: UpkeepScene) -> None:
    await this.cast.store.create_job("build", "python-mooc", NOON)
    await this.rename()


async def test_another_course_that_uses_its_image_keeps_it(this: UpkeepScene) -> None:
    other, _ = await this.scene.courses.create(
        CourseName("other"), URL, lambda _: None, image=course_image(OLD)
    )
    await this.rename()
    assert (await this.scene.courses.get(other.name)).image == course_image(NEW)


async def test_a_disk_that_refuses_leaves_the_old_name_whole(this: UpkeepScene) -> None:
    this.dirs.fail = WorldError("The disk says no.")
    with pytest.raises(WorldError):
        await this.rename()
    assert await unchanged(this)


async def test_a_database_that_refuses_leaves_the_old_name_whole(
    this: UpkeepScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(old: CourseName, new: CourseName) -> None:
        raise NotNow("The server's disk is full.", retry_after=60)

    monkeypatch.setattr(this.cast.store, "rename_course", full)
    with pytest.raises(NotNow):
        await this.rename()
    assert await unchanged(this)


@pytest.mark.parametrize("told", [True, False], ids=["the database had been told", "not yet"])
async def test_a_rename_that_was_killed_is_settled_at_the_next_start(this: UpkeepScene, told: bool) -> None:
    await this.dirs.move(OLD, NEW)
    if told:
        await this.cast.store.rename_course(OLD, NEW)
    await this.upkeep.settle()
    name = NEW if told else OLD
    assert set(this.dirs.files) == {("courses", name), ("droparea", name)}
    assert this.dirs.note is None
    await this.upkeep.settle()


async def test_what_teachers_put_there_is_not_deleted_unasked(this: UpkeepScene) -> None:
    with pytest.raises(Refused, match="drop areas"):
        await this.upkeep.delete(OLD, with_workspaces=True, with_files=False)
    assert await unchanged(this)
    this.dirs.files["local", OLD] = 1
    assert await this.upkeep.delete(OLD, with_workspaces=True, with_files=True) == 0
    assert set(this.dirs.files) == {("local", OLD)}


async def test_belongings(this: UpkeepScene) -> None:
    await this.cast.opened("python/alice")
    belongings = await this.upkeep.belongings(OLD)
    assert (belongings.workspaces, belongings.awake, belongings.image) == (1, (ALICE,), course_image(OLD))
    assert [directory.kind for directory in belongings.directories] == ["courses", "droparea"]


async def test_who_was_last_seen_when(this: UpkeepScene) -> None:
    await this.cast.store.ensure_workspace(WorkspaceId.parse("python/zoe"), Mode.MOOC, "l", NOON)
    await this.cast.opened("python/alice")
    this.past.visits[WorkspaceId.parse("python/zoe")] = NOON - timedelta(days=3)
    await this.cast.restart_daemon()
    this.introduce()
    found = {str(resident.workspace.id.student): resident for resident in await this.census.residents()}
    assert (found["zoe"].last_visit, found["zoe"].phase) == (NOON - timedelta(days=3), Phase.ASLEEP)
    assert found["alice"].last_visit == NOON


async def test_measuring_stops_for_nobody(this: UpkeepScene) -> None:
    await this.cast.store.ensure_workspace(ALICE, Mode.MOOC, "l", NOON)
    told: list[int] = []
    measured = await this.census.measure(
        [ALICE, WorkspaceId.parse("python/eve")], lambda done, total, what: told.append(done)
    )
    assert [bool(one.trouble) for one in measured] == [False, True]
    assert told == [1, 2]


async def test_a_teacher_sees_the_newest_and_loses_nothing(this: UpkeepScene) -> None:
    await this.cast.open("python/alice", "w1/a.md")
    dry = await this.census.clear(ALICE, dry_run=True)
    number = (await this.census.residents())[0].workspace.number
    assert this.cast.desk.files[number, "w1/a.md"] == 1
    assert dry == await this.census.clear(ALICE) == ["w1/a.md"]
    assert this.cast.desk.files[number, "w1/a.md"] == 2
    await this.cast.store.set_mode(number, Mode.CLASSROOM)
    with pytest.raises(Refused, match="clone"):
        await this.census.clear(ALICE)


async def test_sockets_are_tended_by_the_name_of_now(
    this: UpkeepScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await this.cast.opened("python/alice")
    (listed,) = await this.cast.store.workspaces(intent=Intent.ARMED)
    await this.rename(stop=True)
    await this.cast.opened("python3/alice")

    async def as_listed_before(*_: object, **__: object) -> list[Workspace]:
        return [listed]

    monkeypatch.setattr(this.cast.store, "workspaces", as_listed_before)
    await this.cast.reconciler.tend_sockets()
    assert this.cast.workspaces.place(RENAMED).phase is Phase.READY
    found = await this.cast.store.workspace(RENAMED)
    assert found is not None
    assert found.intent is Intent.ARMED
