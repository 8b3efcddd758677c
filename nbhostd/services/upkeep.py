"""A course's own affairs: its name, what belongs to it, and its end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, replace

from nbhostd.core import imagenames
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, CourseDirectory, Intent, Job, JobState, Phase, Workspace
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.ports import Images
from nbhostd.core.ports_upkeep import CourseDirs, Events
from nbhostd.core.subject import subject
from nbhostd.services.courses import Courses
from nbhostd.services.entries import Entry
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

Say = Callable[[str], None]
Around = Callable[[], AbstractAsyncContextManager[object]]
_ASLEEP = (Phase.ASLEEP, Phase.FAILED)
_LATEST_JOBS = 1000


@dataclass(frozen=True, slots=True)
class Belongings:
    """What there is of a course besides its line in the database."""

    workspaces: int
    awake: tuple[WorkspaceId, ...]
    directories: tuple[CourseDirectory, ...]
    image: str | None
    """The image of its own recipe, if there is one here."""


class Upkeep:
    """Renames and deletes courses whole, or leaves them whole."""

    def __init__(
        self, workspaces: Workspaces, courses: Courses, dirs: CourseDirs, images: Images, events: Events,
        delete_workspaces: Callable[[CourseName], Awaitable[int]],
    ) -> None:  # fmt: skip
        self._workspaces = workspaces
        self._store = workspaces.starter.store
        self._courses = courses
        self._dirs = dirs
        self._images = images
        self._events = events
        self._delete_workspaces = delete_workspaces

    async def belongings(self, name: CourseName) -> Belongings:
        """What a deletion would delete, and a rename move. Raises Refused(404), WorldError."""
        course = await self._courses.get(name)
        own = imagenames.course_image(name)
        return Belongings(
            workspaces=len(await self._store.workspaces(course.name)),
            awake=tuple(entry.workspace.id for entry in self._awake(name)),
            directories=tuple(await self._dirs.present(name)),
            image=own if await self._images.digest(own) is not None else None,
        )

    # Another name

    async def rename(self, old: CourseName, new: CourseName, say: Say, *, stop: bool = False) -> Course:
        """Give a course another name: its files, its image, its students' work, its past; or change nothing at all.

        Its addresses change with it: pages that embed the old name must be edited. Running workspaces are refused
        (409), or stopped first with `stop`. Raises Refused, WorldError, NotNow.
        """
        if old == new:
            raise Refused(f"“{old}” is its name already.", status=409, reason="course-exists")
        with subject(f"course {old}"), self._courses.alone(old), self._courses.alone(new):
            course = await self._courses.get(old)
            if await self._store.course(new) is not None:
                raise Refused(f"There is already a course “{new}”.", status=409, reason="course-exists")
            await self._refuse_during_jobs(old)
            if not stop:
                self._refuse_awake(old)
            async with AsyncExitStack() as held:
                workspaces = await self._store.workspaces(old)
                for workspace in workspaces:
                    await held.enter_async_context(self._workspaces.locked(workspace.id))
                await self._put_to_sleep(old, workspaces, say)
                # Somebody may have woken one meanwhile: a page that is loaded takes no lock.
                self._refuse_awake(old)
                renamed = await self._rename(course, new, say)
                await self._enter_anew(old, workspaces, new)
            await self._events.rename_course(old, new)
            log.info("renamed to %s", new)
            return renamed

    async def settle(self) -> None:
        """Finish or undo a rename that the daemon's end interrupted: the database says which name counts."""
        names = await self._dirs.half_moved()
        if names is None:
            return
        old, new = names
        if await self._store.course(new) is None:
            await self._dirs.complete(new, old)
        else:
            await self._dirs.complete(old, new)
            await self._events.rename_course(old, new)
        await self._dirs.settle()
        log.warning("the renaming of %s to %s had been interrupted: settled", old, new)

    async def _rename(self, course: Course, new: CourseName, say: Say) -> Course:
        old = course.name
        image = await self._tag(course, new, say)
        await self._dirs.move(old, new)
        try:
            await self._store.rename_course(old, new)
        except NbhostdError:
            await self._dirs.complete(new, old)
            await self._dirs.settle()
            raise
        await self._dirs.settle()
        if image != course.image:
            # Another course may use it, too.
            for each in await self._store.courses():
                if each.image == course.image:
                    await self._store.update_course(replace(each, image=image))
            await self._quietly_untag(course.image)
        return await self._courses.get(new)

    async def _tag(self, course: Course, new: CourseName, say: Say) -> str:
        """The image's name from now on: that of a course's own recipe follows the course."""
        own = imagenames.course_image(course.name)
        if course.image != own:
            return course.image
        name = imagenames.course_image(new)
        if await self._images.digest(own) is None:
            say(f"warning: its image was not built yet: nbhostctl image build {new}")
        else:
            await self._images.tag(own, name)
        return name

    async def _quietly_untag(self, image: str) -> None:
        try:
            await self._images.untag(image)
        except NbhostdError as error:
            log.warning("the name %s stays with its image: %s", image, error)

    async def _refuse_during_jobs(self, name: CourseName) -> None:
        jobs = await self._store.jobs(limit=_LATEST_JOBS)
        running = next((job for job in jobs if job.state is JobState.RUNNING and _is_about(job, name)), None)
        if running is not None:
            raise Refused(
                f"Job {running.number} ({running.kind}) of “{name}” is under way: nbhostctl job show"
                f" {running.number} --follow",
                status=409, reason="course-busy",
            )  # fmt: skip

    def _awake(self, name: CourseName) -> list[Entry]:
        return [
            entry
            for entry in self._workspaces.entries
            if entry.workspace.id.course == name and entry.state.phase not in _ASLEEP
        ]

    def _refuse_awake(self, name: CourseName) -> None:
        awake = self._awake(name)
        if awake:
            raise Refused(
                f"{len(awake)} workspaces of “{name}” run, {awake[0].workspace.id.student}'s for one: wait, or"
                " --stop them.",
                status=409, reason="course-in-use",
            )  # fmt: skip

    async def _put_to_sleep(self, name: CourseName, workspaces: list[Workspace], say: Say) -> None:
        """Stop what runs, and take the sockets away, which carry the course's name and directories."""
        for entry in self._awake(name):
            say(f"stopping {entry.workspace.id}")
            await self._workspaces.stop(entry.workspace.id, "administrator")
        for workspace in workspaces:
            entry_now = self._workspaces.entries.by_id(workspace.id)
            present = entry_now.workspace if entry_now is not None else workspace
            if present.intent is Intent.ARMED:
                await self._workspaces.disarm(present)

    async def _enter_anew(self, old: CourseName, before: list[Workspace], new: CourseName) -> None:
        """Whatever is remembered of each workspace is found under its new name; whoever waits is told."""
        entries = self._workspaces.entries
        for workspace in before:
            entry = entries.by_id(workspace.id)
            if entry is None:
                continue
            entries.remove(entry)
            named = replace(entry.workspace, id=WorkspaceId(new, workspace.id.student))
            again = entries.add(named, entry.touched_at)
            if entry.run is not None:
                entries.set_run(again, entry.run)

    # Its end

    async def delete(
        self, name: CourseName, *, with_workspaces: bool, with_files: bool, around: Around = nullcontext
    ) -> int:
        """Delete a course with everything that belongs to it; how many workspaces went with it.

        Refused (409) while students have files in it, or teachers put some into its drop areas, unless these are
        to go too. The administrator's own directory, local/, stays. `around` is entered once nothing is in the way.
        Raises Refused(404), WorldError.
        """
        with subject(f"course {name}"):
            await self._refuse_during_jobs(name)
            belongings = await self.belongings(name)
            _refuse_in_use(name, belongings, with_workspaces=with_workspaces, with_files=with_files)
            async with around():
                deleted = await self._courses.delete(
                    name, self._delete_workspaces if with_workspaces else None
                )
                await self._dirs.remove(name)
                await self._events.forget_course(name)
                return deleted


def _refuse_in_use(
    name: CourseName, belongings: Belongings, *, with_workspaces: bool, with_files: bool
) -> None:
    handed_out = sum(one.files for one in belongings.directories if one.kind == "droparea")
    if handed_out and not with_files:
        what = f"The drop areas of “{name}” hold {handed_out} files."
    elif belongings.workspaces and not with_workspaces:
        what = f"The course “{name}” has {belongings.workspaces} workspaces with students' files."
    else:
        return
    raise Refused(what, status=409, reason="course-in-use")


def _is_about(job: Job, course: CourseName) -> bool:
    """Whether a job is a course's: 'COURSE', or a part of it as 'COURSE/BUILD'."""
    return job.subject == course or job.subject.startswith(f"{course}/")
