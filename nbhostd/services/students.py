"""A course's students as their teacher sees them, and what a teacher does about their workspaces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Phase, Place
from nbhostd.core.names import NOTEBOOK_SUFFIXES, CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.ports_students import Activities, ListingDesk, Measurements
from nbhostd.core.students import Activity, Listing, Measurement, is_cleared_by
from nbhostd.core.subject import subject
from nbhostd.services.census import Census
from nbhostd.services.dropareas import FOLDER
from nbhostd.services.jobbook import Cancelled, JobBook, RunningJob, Say, Stage
from nbhostd.services.roll import Enrolled, Roll
from nbhostd.services.usage import Usage
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

MEASURE, CLEAR, STOP = "measure", "clear", "stop-idle"
"""Kinds of jobs."""
EVERYTHING = "*"
"""The subject of a job that is about every workspace of the site: no course has this name."""
_BY_TEACHER = "teacher"
"""Why such a stop happened, as a stable word; who it was is in the audit log."""
_BATCH = 8
_RUNNING = (Phase.STARTING, Phase.READY, Phase.STOPPING)


@dataclass(frozen=True, slots=True)
class StudentRow:
    """One student, as a list shows it."""

    enrolled: Enrolled
    place: Place
    since: datetime | None = None
    """When the workspace that runs was started."""
    connections: int = 0
    activity: Activity | None = None
    measurement: Measurement | None = None

    @property
    def name(self) -> StudentName:
        """The student's name."""
        return self.enrolled.name

    @property
    def full_name(self) -> str:
        """The person's name, as far as an account says it."""
        return self.enrolled.user.full_name if self.enrolled.user else ""

    @property
    def is_awake(self) -> bool:
        """Whether there is something to stop."""
        return self.place.phase in (*_RUNNING, Phase.QUEUED)


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a clearing does (or would do) for one of the staff: the notebooks, or why not."""

    name: StudentName
    notebooks: tuple[NotebookPath, ...] = ()
    trouble: str = ""


class Students:
    """Of every course. What changes something is a teacher's to ask for: the web floor sees to that."""

    def __init__(
        self, roll: Roll, workspaces: Workspaces, census: Census, usage: Usage, desk: ListingDesk,
        measurements: Measurements, activities: Activities, book: JobBook, connections: Callable[[int], int],
    ) -> None:  # fmt: skip
        self._roll = roll
        self._workspaces = workspaces
        self._store = workspaces.starter.store
        self._census = census
        self._usage = usage
        self._desk = desk
        self._measurements = measurements
        self._activities = activities
        self._book = book
        self._connections = connections

    # looking

    async def rows(self, course: CourseName) -> list[StudentRow]:
        """Everybody of a course, by name. No file is touched and no server asked, however many they are."""
        return await self._rows(course, await self._roll.of(course))

    async def row(self, id: WorkspaceId) -> StudentRow:
        """One of them. Raises Refused(404)."""
        (row,) = await self._rows(id.course, [await self._roll.one(id)])
        return row

    async def _rows(self, course: CourseName, roll: Sequence[Enrolled]) -> list[StudentRow]:
        started = {run.workspace: run.started_at for run in await self._store.runs()}
        activities = await self._activities.activities(course)
        measured = await self._measurements.of_course(course)
        return [self._row(course, enrolled, started, activities, measured) for enrolled in roll]

    def _row(
        self, course: CourseName, enrolled: Enrolled, started: Mapping[int, datetime],
        activities: Mapping[StudentName, Activity], measured: Mapping[int, Measurement],
    ) -> StudentRow:  # fmt: skip
        activity = activities.get(enrolled.name)
        if enrolled.workspace is None:
            return StudentRow(enrolled, Place(Phase.ASLEEP), activity=activity)
        number = enrolled.workspace.number
        place = self._workspaces.place(WorkspaceId(course, enrolled.name))
        return StudentRow(
            enrolled, place,
            started.get(number) if place.phase in _RUNNING else None,
            self._connections(number), activity, measured.get(number),
        )  # fmt: skip

    async def notebooks(self, id: WorkspaceId) -> Listing:
        """A student's own notebooks, listed as the student. Raises Refused(404: no workspace), WorldError."""
        return await self._files(id, suffixes=NOTEBOOK_SUFFIXES)

    async def dropped(self, id: WorkspaceId) -> Listing:
        """What of a teacher's files the student has. Raises as `notebooks`."""
        return await self._files(id, below=FOLDER)

    async def _files(self, id: WorkspaceId, *, below: str = "", suffixes: Sequence[str] = ()) -> Listing:
        workspace = await self._census.known(id)
        return await self._desk.files(workspace.number, workspace.uid, below=below, suffixes=suffixes)

    # stopping

    async def stop(self, id: WorkspaceId) -> bool:
        """Stop a workspace; False when it did not run. Raises Refused(404), NotNow, WorldError."""
        await self._census.known(id)
        return await self._workspaces.stop(id, _BY_TEACHER)

    async def stop_idle(self, course: CourseName, say: Say) -> int:
        """Stop the workspaces of a course that nobody needs just now; how many."""
        running = [
            entry
            for entry in self._workspaces.entries
            if entry.workspace.id.course == course and entry.state.phase in _RUNNING
        ]
        async with self._book.job(STOP, str(course), say, cancellable=True) as job:
            stopped = 0
            for entry in sorted(running, key=lambda entry: entry.workspace.id):
                _go_on(job)
                name, needed = entry.workspace.id.student, await self._usage.of(entry)
                if needed:
                    job.say(f"{name}: left alone, {needed}")
                    continue
                try:
                    stopped += await self._workspaces.stop(entry.workspace.id, _BY_TEACHER)
                    job.say(f"{name}: stopped")
                except NbhostdError as error:
                    job.say(f"warning: {name}: {error.message}")
            job.message = f"{stopped} stopped, {len(running) - stopped} left"
        return stopped

    # measuring

    async def measure(self, course: CourseName, say: Say, only: StudentName | None = None) -> None:
        """Measure the workspaces of a course (or one), and remember what they take. Raises Refused(404)."""
        if only is not None:
            await self._census.known(WorkspaceId(course, only))
        ids = [WorkspaceId(course, only)] if only else [w.id for w in await self._store.workspaces(course)]
        await self._measure(ids, f"{course}/{only}" if only else str(course), say)

    async def measure_all(self, say: Say) -> None:
        """Measure every workspace of the site, and remember what they take."""
        await self._measure([workspace.id for workspace in await self._store.workspaces()], EVERYTHING, say)

    async def _measure(self, ids: Sequence[WorkspaceId], subject: str, say: Say) -> None:
        async with self._book.job(MEASURE, subject, say, cancellable=True) as job:
            total = 0
            job.stage = Stage(0, len(ids))
            for first in range(0, len(ids), _BATCH):
                _go_on(job)
                for one in await self._census.measure(ids[first : first + _BATCH], _quietly):
                    total += one.size
                    name = one.id if subject == EVERYTHING else one.id.student
                    job.say(f"{name}: {one.trouble or f'{_mb(one.size)} in {one.files} files'}")
                job.stage = Stage(min(first + _BATCH, len(ids)), len(ids))
            job.message = f"{len(ids)} workspaces, {_mb(total)}"

    # clearing

    async def clearable(self, course: CourseName, actor: str = "") -> list[StudentName]:
        """Whose work files a teacher may clear: the own ones and those of the staff, as far as there are any."""
        staff = await self._roll.staff(course)
        return sorted(
            workspace.id.student
            for workspace in await self._store.workspaces(course)
            if is_cleared_by(workspace.id.student, actor, staff)
        )

    async def to_clear(self, course: CourseName, actor: str) -> list[Clearing]:
        """What `clear` would do, and for whom; changes nothing."""
        names = await self.clearable(course, actor)
        return list(await asyncio.gather(*(self._clear(course, name, dry_run=True) for name in names)))

    async def clear(
        self, course: CourseName, actor: str, say: Say, names: Sequence[StudentName] = ()
    ) -> list[Clearing]:
        """Bring the course's newest notebooks to a teacher and the staff (all of them, or those); theirs are kept aside.

        Raises Refused(403) when somebody else's are among them.
        """
        allowed = await self.clearable(course, actor)
        for name in names:
            if name not in allowed:
                message = f"“{name}” is not of the staff of “{course}”, or has no files there."
                raise Refused(message, status=403, reason="not-of-the-staff")
        done: list[Clearing] = []
        async with self._book.job(CLEAR, str(course), say, cancellable=True) as job:
            for name in names or allowed:
                _go_on(job)
                done.append(await self._clear(course, name))
                job.say(f"{name}: {done[-1].trouble or f'{len(done[-1].notebooks)} notebooks renewed'}")
            job.message = f"{sum(len(one.notebooks) for one in done)} notebooks renewed"
        return done

    async def _clear(self, course: CourseName, name: StudentName, *, dry_run: bool = False) -> Clearing:
        id = WorkspaceId(course, name)
        with subject(id):
            try:
                return Clearing(name, tuple(await self._census.clear(id, dry_run=dry_run)))
            except NbhostdError as error:
                return Clearing(name, trouble=error.message)


def _go_on(job: RunningJob) -> None:
    if job.cancelled:
        raise Cancelled("It was cancelled.")


def _quietly(_done: int, _of: int, _what: str) -> None:
    """The job says it better."""


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
