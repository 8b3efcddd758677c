"""Drop areas: files that a teacher hands out, copied into students' spaces and never over anything of theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.handouts import DropFile, DropFiles, Dropped, HandingDesk
from nbhostd.core.names import AreaName, CourseName, FilePath, NotebookPath, WorkspaceId
from nbhostd.core.parcel import FILE, THE_END, Entry
from nbhostd.core.parcel import FOLDER as FOLDER_ENTRY
from nbhostd.core.ports import Clock, CourseShelf
from nbhostd.core.selection import select
from nbhostd.core.subject import subject
from nbhostd.core.takeover import Stock
from nbhostd.services.jobbook import Cancelled, JobBook, RunningJob, Say, Stage
from nbhostd.services.roll import Enrolled, Roll

log = logging.getLogger(__name__)

KIND = "drop"
LARGEST = 256 << 20
"""No file that is handed out is larger, in bytes: every student gets a copy."""
FOLDER = "DROPPED"

_AT_ONCE = 4

Lock = Callable[[WorkspaceId], AbstractAsyncContextManager[None]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file of an area: how many of the `total` students have it; `new` would get it by a deployment."""

    path: FilePath
    size: int
    total: int
    available: int
    new: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment did (or would do): each file as it was before, copies made, and whom it failed for."""

    files: tuple[FileStatus, ...]
    copied: int
    in_the_way: tuple[str, ...] = ()
    """'student: path' where something that is no plain file has the name."""
    failed: tuple[str, ...] = ()
    """'student: sentence'."""
    dry_run: bool = False
    job: int | None = None


class DropAreas:
    """All drop areas of all courses."""

    def __init__(
        self, courses: CourseShelf, files: DropFiles, desk: HandingDesk, book: JobBook, clock: Clock,
        roll: Roll, lock: Lock,
    ) -> None:  # fmt: skip
        self._courses = courses
        self._files = files
        self._desk = desk
        self._book = book
        self._clock = clock
        self._roll = roll
        self._lock = lock

    async def areas(self, course: CourseName) -> dict[AreaName, list[DropFile]]:
        """A course's areas and what is in them. Raises Refused(404)."""
        await self._courses.get(course)
        return {area: await self._files.files(course, area) for area in await self._files.areas(course)}

    async def create(self, course: CourseName, area: AreaName) -> None:
        """Make an area without files; one that is there stays as it is. Raises Refused(404), NotNow on a full disk."""
        await self._courses.get(course)
        await self._stock(course, Entry(FOLDER_ENTRY, area, 0o755, self._nanoseconds()), _nothing())
        log.info("%s: drop area “%s” made", course, area)

    async def put(
        self, course: CourseName, area: AreaName, file: FilePath, size: int, content: AsyncIterator[bytes]
    ) -> None:
        """Put a file of `size` bytes into an area, which is made when missing; one of that name is replaced.

        Students who have the earlier one keep it. Raises Refused (404, 409, 413), NotNow on a full disk.
        """
        await self._courses.get(course)
        if size > LARGEST:
            message = f"“{file}” is larger than {LARGEST >> 20} MB."
            raise Refused(message, status=413, reason="file-too-big")
        await self._stock(course, Entry(FILE, f"{area}/{file}", 0o644, self._nanoseconds(), size), content)
        log.info("%s: “%s” put into the drop area “%s”", course, file, area)

    async def _stock(self, course: CourseName, entry: Entry, content: AsyncIterator[bytes]) -> None:
        async def parcel() -> AsyncIterator[bytes]:
            yield bytes(entry)
            async for piece in content:
                yield piece
            yield THE_END

        done = await self._desk.stock(Stock.DROPAREA, course, parcel(), replace=True)
        if done.kept_count or done.troubles:
            message, detail = f"“{entry.path}” is something else here.", "; ".join(done.troubles)
            raise Refused(message, status=409, reason="area-not-plain", detail=detail)

    def _nanoseconds(self) -> int:
        return int(self._clock.now().timestamp() * 1e9)

    async def remove(self, course: CourseName, area: AreaName, file: FilePath) -> None:
        """Remove a file from an area; copies that students have stay. Raises Refused(404)."""
        await self._courses.get(course)
        if not await self._files.remove(course, area, file):
            raise _no_such_file(area, file)
        log.info("%s: “%s” removed from the drop area “%s”", course, file, area)

    async def remove_area(self, course: CourseName, area: AreaName) -> int:
        """Remove an area with all its files; how many there were. Raises Refused(404)."""
        files = await self._known(course, area, ())
        await self._files.remove_area(course, area)
        log.info("%s: drop area “%s” removed, with %d files", course, area, len(files))
        return len(files)

    async def status(
        self,
        course: CourseName,
        area: AreaName,
        students: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> list[FileStatus]:
        """For each file of an area, how many of the students have it. Raises Refused(404)."""
        files = await self._known(course, area, ())
        return await self._look(area, files, await self._chosen(course, students), progress)

    async def deploy(
        self, course: CourseName, area: AreaName, say: Say, *, files: Sequence[FilePath] = (),
        students: Sequence[str] = (), dry_run: bool = False, progress: Progress | None = None,
    ) -> Deployment:  # fmt: skip
        """Copy files (all, or those) into the spaces of the students (all of the audience, or those that are meant).

        Raises Refused(404: no such area, file or student), NotNow when the disk is full.
        """
        chosen = await self._known(course, area, files)
        if not chosen:
            message = f"The drop area “{area}” has no file."
            raise Refused(message, status=409, reason="empty-area")
        audience = await self._chosen(course, students)
        with subject(f"course {course}"):
            if dry_run:
                looked = await self._look(area, chosen, audience, progress)
                return Deployment(tuple(looked), 0, dry_run=True)
            async with self._book.job(KIND, f"{course}/{area}", say, cancellable=True) as job:
                round = _Round(self._desk, self._lock, self._roll, course, area, chosen, job, len(audience))
                await _each(audience, round.hand_to, progress)
                done = replace(round.result(), job=job.number)
                job.message = f"{done.copied} copies for {len(audience)} students"
            log.info("drop area “%s”: %s", area, job.message)
            return done

    async def _known(self, course: CourseName, area: AreaName, wanted: Sequence[FilePath]) -> list[DropFile]:
        await self._courses.get(course)
        if area not in await self._files.areas(course):
            message = f"The course “{course}” has no drop area “{area}”."
            raise Refused(message, status=404, reason="no-such-area")
        files = await self._files.files(course, area)
        for path in wanted:
            if all(file.path != path for file in files):
                raise _no_such_file(area, path)
        return [file for file in files if not wanted or file.path in wanted]

    async def _chosen(self, course: CourseName, words: Sequence[str]) -> list[Enrolled]:
        audience = {str(enrolled.name): enrolled for enrolled in await self._roll.of(course)}
        if not words:
            return list(audience.values())
        selection = select(words, audience)
        if selection.strangers:
            message = f"No student of “{course}” is meant by “{selection.strangers[0]}”."
            raise Refused(message, status=404, reason="no-such-student")
        return [audience[name] for name in selection.names]

    async def _look(
        self, area: AreaName, files: Sequence[DropFile], audience: Sequence[Enrolled], progress: Progress | None
    ) -> list[FileStatus]:  # fmt: skip
        paths = [NotebookPath(f"{FOLDER}/{area}/{file.path}") for file in files]
        available = [0] * len(files)

        async def look(enrolled: Enrolled) -> None:
            workspace = enrolled.workspace
            if workspace is None:
                return
            for index, there in enumerate(await self._desk.exists(workspace.number, workspace.uid, paths)):
                available[index] += there

        await _each(audience, look, progress)
        total = len(audience)
        return [
            FileStatus(file.path, file.size, total, there, total - there)
            for file, there in zip(files, available, strict=True)
        ]


class _Round:
    """One deployment, while it goes from student to student."""

    def __init__(
        self, desk: HandingDesk, lock: Lock, roll: Roll, course: CourseName, area: AreaName,
        files: Sequence[DropFile], job: RunningJob, total: int,
    ) -> None:  # fmt: skip
        self._desk, self._lock, self._roll, self._job, self._say = desk, lock, roll, job, job.say
        self._course, self._area, self._files = course, area, files
        self._done, self._total = 0, total
        job.stage = Stage(0, total)
        self._given = [0] * len(files)
        self._there = [0] * len(files)
        self._in_the_way: list[str] = []
        self._failed: list[str] = []

    async def hand_to(self, enrolled: Enrolled) -> None:
        """The files for one student; what fails for one holds up no other. Raises NotNow, Cancelled."""
        if self._job.cancelled:
            raise Cancelled(f"It was cancelled after {self._done} of {self._total} students.")
        await self._give(enrolled)
        self._done += 1
        self._job.stage = Stage(self._done, self._total, enrolled.name)

    async def _give(self, enrolled: Enrolled) -> None:
        student = enrolled.name
        paths = [file.path for file in self._files]
        try:
            async with self._lock(WorkspaceId(self._course, student)):
                workspace = await self._roll.workspace_of(self._course, enrolled)
                words = await self._desk.drop(
                    workspace.number, workspace.uid, self._course, self._area, paths
                )
        except NotNow:
            raise
        except NbhostdError as error:
            self._failed.append(f"{student}: {error.message}")
            self._say(f"warning: {student}: {error.message}")
            return
        for index, word in enumerate(words):
            self._given[index] += word is Dropped.NEW
            self._there[index] += word is Dropped.THERE
            if word is Dropped.IN_THE_WAY:
                self._in_the_way.append(f"{student}: {paths[index]}")
        if (new := words.count(Dropped.NEW)) > 0:
            self._say(f"{student}: {new} new")

    def result(self) -> Deployment:
        files = tuple(
            FileStatus(file.path, file.size, self._total, there, given)
            for file, there, given in zip(self._files, self._there, self._given, strict=True)
        )
        return Deployment(files, sum(self._given), tuple(self._in_the_way), tuple(self._failed))


async def _each(
    audience: Sequence[Enrolled],
    work: Callable[[Enrolled], Awaitable[None]],
    progress: Progress | None,
) -> None:
    """Do `work` for each, a few at a time: others want the desk, too."""
    for first in range(0, len(audience), _AT_ONCE):
        batch = audience[first : first + _AT_ONCE]
        if progress is not None:
            progress(first, len(audience), str(batch[0].name))
        outcomes = await asyncio.gather(*(work(workspace) for workspace in batch), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome


def _no_such_file(area: AreaName, file: FilePath) -> Refused:
    message = f"The drop area “{area}” has no file “{file}”."
    return Refused(message, status=404, reason="no-such-file")


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece
