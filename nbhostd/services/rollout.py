"""A new image on its way to those who run: who still has the old one, and how to hurry."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from nbhostd.core import imagenames
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, Phase
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.ports import CourseShelf, Images
from nbhostd.services.entries import Entry
from nbhostd.services.jobbook import Say
from nbhostd.services.usage import Usage
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

_AT_ONCE = 8
_RUNNING = (Phase.STARTING, Phase.READY, Phase.STOPPING)
REASON = "new image"


@dataclass(frozen=True, slots=True)
class Old:
    """A workspace that still runs the image which its course had before. `in_use`: why, '' when nobody needs it now."""

    id: WorkspaceId
    in_use: str


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a course's image has come. `digest` is None when there is none."""

    course: CourseName
    image: str
    digest: str | None
    running: int
    old: tuple[Old, ...]


@dataclass(frozen=True, slots=True)
class Hurried:
    """What a roll-out did: stopped, left alone, and could not stop."""

    stopped: tuple[WorkspaceId, ...]
    left: tuple[Old, ...]
    failed: tuple[WorkspaceId, ...]


class Rollout:
    """Compares the image that each running workspace was started with to its course's present one."""

    def __init__(self, workspaces: Workspaces, courses: CourseShelf, images: Images, usage: Usage) -> None:
        self._workspaces = workspaces
        self._courses = courses
        self._images = images
        self._usage = usage
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def spread(self, course: Course) -> Spread:
        """Who runs what in a course. Raises WorldError when Podman cannot be asked."""
        digest = await self._images.digest(course.image)
        running = self._running(course)
        old = [entry for entry in running if entry.run is not None and entry.run.image != digest]
        looked_at = await asyncio.gather(*(self._look(entry) for entry in old if digest is not None))
        shown = imagenames.shown(course.image)
        return Spread(course.name, shown, digest, len(running), tuple(looked_at))

    async def outdated(self, course: Course) -> int:
        """How many of a course still run an earlier image; asks no server."""
        digest = await self._images.digest(course.image)
        runs = [entry.run for entry in self._running(course)]
        return sum(run is not None and digest is not None and run.image != digest for run in runs)

    async def hurry(
        self, name: CourseName, on_line: Say, *, everybody: bool, only_say: bool = False
    ) -> Hurried:
        """Stop those of a course that run an earlier image and that nobody uses, with `everybody` the others too.

        Each is stopped as an idle one is; its next visit starts the new image. Raises Refused (404 no such course or no
        image), WorldError.
        """
        course = await self._courses.get(name)
        spread = await self.spread(course)
        if spread.digest is None:
            raise Refused(f"The image {spread.image} is not here.", status=404, reason="no-image")
        left = () if everybody else tuple(old for old in spread.old if old.in_use)
        chosen = [old for old in spread.old if everybody or not old.in_use]
        for old in left:
            on_line(f"{old.id}: left alone, {old.in_use}")
        if only_say:
            for old in chosen:
                on_line(f"{old.id}: would be stopped{f', {old.in_use}' if old.in_use else ''}")
            return Hurried((), left, ())
        done = await asyncio.gather(*(self._stop(old, on_line) for old in chosen))
        stopped = tuple(old.id for old, well in zip(chosen, done, strict=True) if well)
        failed = tuple(old.id for old, well in zip(chosen, done, strict=True) if not well)
        log.info("image of %s: %d stopped, %d left, %d failed", name, len(stopped), len(left), len(failed))
        return Hurried(stopped, left, failed)

    def _running(self, course: Course) -> list[Entry]:
        mine = [entry for entry in self._workspaces.entries if entry.workspace.id.course == course.name]
        return sorted(
            (entry for entry in mine if entry.state.phase in _RUNNING), key=lambda entry: entry.workspace.id
        )

    async def _stop(self, old: Old, on_line: Say) -> bool:
        async with self._turns:
            try:
                await self._workspaces.stop(old.id, REASON)
            except NbhostdError as error:
                on_line(f"{old.id}: not stopped: {error.message}")
                return False
        on_line(f"{old.id}: stopped{f', although {old.in_use}' if old.in_use else ''}")
        return True

    async def _look(self, entry: Entry) -> Old:
        return Old(entry.workspace.id, await self._usage.of(entry))
