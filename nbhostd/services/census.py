"""Who has a workspace, since when, when last seen and how large; and a fresh start for those who are to see the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Mode, Phase, Workspace
from nbhostd.core.names import NOTEBOOK_SUFFIXES, NotebookPath, WorkspaceId
from nbhostd.core.ports import CourseShelf, Desk, Git
from nbhostd.core.ports_students import Measurements
from nbhostd.core.ports_upkeep import Events
from nbhostd.core.students import Measurement
from nbhostd.core.subject import subject
from nbhostd.services.workspaces import Workspaces

Progress = Callable[[int, int, str], None]
_AT_ONCE = 4
_PATHS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Resident:
    """A workspace, as a list shows it."""

    workspace: Workspace
    phase: Phase
    last_visit: datetime | None
    """The latest of what is remembered: an opened notebook, a start, else its creation."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a workspace takes on the disk, in bytes and files; or why it could not be measured."""

    id: WorkspaceId
    size: int = 0
    files: int = 0
    trouble: str = ""


class Census:
    """Counts and measures; changes nothing of anybody's but what `clear` is told to."""

    def __init__(
        self, workspaces: Workspaces, courses: CourseShelf, git: Git, desk: Desk, events: Events,
        measurements: Measurements,
    ) -> None:  # fmt: skip
        self._workspaces = workspaces
        self._store = workspaces.starter.store
        self._courses = courses
        self._git = git
        self._desk = desk
        self._events = events
        self._measurements = measurements

    async def residents(self) -> list[Resident]:
        """Every workspace there is, by course and student."""
        visits = await self._events.last_visits()
        starts = {run.workspace: run.started_at for run in await self._store.runs()}
        found = [
            Resident(
                workspace,
                self._workspaces.place(workspace.id).phase,
                _latest(visits.get(workspace.id), starts.get(workspace.number), self._touched(workspace))
                or workspace.created_at,
            )
            for workspace in await self._store.workspaces()
        ]
        return sorted(found, key=lambda resident: resident.workspace.id)

    def _touched(self, workspace: Workspace) -> datetime | None:
        entry = self._workspaces.entries.by_id(workspace.id)
        # An entry that only waits for its owner was touched by nobody: a restart made it.
        return entry.touched_at if entry is not None and entry.state.phase is not Phase.ASLEEP else None

    async def measure(self, ids: Iterable[WorkspaceId], progress: Progress) -> list[Measured]:
        """The size of each, a few at a time; one that cannot be measured stops no other. It is remembered."""
        wanted, turn, done = list(ids), asyncio.Semaphore(_AT_ONCE), 0

        async def one(id: WorkspaceId) -> Measured:
            nonlocal done
            async with turn:
                measured = await self._measure(id)
            done += 1
            progress(done, len(wanted), str(id))
            return measured

        return list(await asyncio.gather(*(one(id) for id in wanted)))

    async def _measure(self, id: WorkspaceId) -> Measured:
        try:
            workspace = await self.known(id)
            size, files = await self._desk.measure(workspace.number, workspace.uid)
            now = self._workspaces.starter.clock.now()
            await self._measurements.put(workspace.number, Measurement(size, files, now))
            return Measured(id, size, files)
        except NbhostdError as error:
            return Measured(id, trouble=error.message)

    async def clear(self, id: WorkspaceId, *, dry_run: bool = False) -> Sequence[NotebookPath]:
        """Put the course's newest in the place of every notebook that this student has of it; which those are.

        What was there is kept aside, as with a reset. Raises Refused (no such workspace: 404, a clone: 409),
        WorldError, NotNow.
        """
        with subject(id):
            async with self._workspaces.locked(id):
                workspace = await self.known(id)
                if workspace.mode is Mode.CLASSROOM:
                    raise Refused(
                        f"{id} is a clone of the course, not copies: pull it, with --reset if need be.",
                        status=409, reason="is-a-clone",
                    )  # fmt: skip
                course = await self._courses.get(id.course)
                copies = await self._copies(workspace)
                if dry_run:
                    return copies
                links = (await self._courses.settings(course)).static_mappings
                aside = f"{self._workspaces.starter.clock.now():%Y%m%dT%H%M%SZ}"
                for notebook in copies:
                    await self._desk.reset(
                        workspace.number, workspace.uid, id.course, notebook, links=links, aside=aside
                    )
                return copies

    async def _copies(self, workspace: Workspace) -> list[NotebookPath]:
        files = await self._git.files(workspace.id.course)
        notebooks = [NotebookPath.parse(path) for path in sorted(files) if path.endswith(NOTEBOOK_SUFFIXES)]
        copies: list[NotebookPath] = []
        for first in range(0, len(notebooks), _PATHS_AT_ONCE):
            some = notebooks[first : first + _PATHS_AT_ONCE]
            there = await self._desk.exists(workspace.number, workspace.uid, some)
            copies += [path for path, exists in zip(some, there, strict=True) if exists]
        return copies

    async def known(self, id: WorkspaceId) -> Workspace:
        """The workspace. Raises Refused(404) when there is none."""
        workspace = await self._store.workspace(id)
        if workspace is None:
            raise Refused(f"{id} has no workspace.", status=404, reason="no-workspace")
        return workspace


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
