"""The catalogue: what the notebooks of each course say of themselves, read once per commit and kept."""

from __future__ import annotations

import logging

from nbhostd.core.catalog import Catalogs, Facts, NotebookReader
from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.model import Course
from nbhostd.core.ports import CourseShelf, Locks
from nbhostd.core.subject import subject
from nbhostd.services.tasks import Tasks

log = logging.getLogger(__name__)

_ATTEMPTS = 3


class Catalog:
    """All catalogues. Whoever asks while one is being read waits for it, and does not read it again."""

    def __init__(
        self, reader: NotebookReader, catalogs: Catalogs, courses: CourseShelf, locks: Locks, tasks: Tasks
    ) -> None:
        self._reader = reader
        self._catalogs = catalogs
        self._courses = courses
        self._locks = locks
        self._tasks = tasks

    async def notebooks(self, course: Course) -> Facts:
        """What each notebook of the course's published commit says, by path. Raises WorldError, Refused(404)."""
        for _ in range(_ATTEMPTS):
            if course.commit is None:
                return {}
            try:
                return await self._notebooks(course, course.commit)
            except WorldError:
                newer = await self._courses.get(course.name)
                if newer.commit == course.commit:
                    raise
                course = newer  # pulled meanwhile, and the tree that was asked for is gone
        raise WorldError("The course's content changes faster than it can be read.")

    def renew(self, course: Course) -> None:
        """Read a course that has just changed, in the background, so that nobody has to wait for it."""
        self._tasks.spawn(f"catalogue of {course.name}", self._renew(course))

    async def _renew(self, course: Course) -> None:
        with subject(f"course {course.name}"):
            try:
                await self.notebooks(course)
            except NbhostdError as error:
                log.warning("the notebooks' titles could not be read: %s", error)

    async def _notebooks(self, course: Course, commit: str) -> Facts:
        async with self._locks(f"catalogue of {course.number}"):
            known = await self._catalogs.load(course.number, commit)
            if known is None:
                known = await self._reader.facts(course.name, commit)
                await self._catalogs.save(course.number, commit, known)
            return known
