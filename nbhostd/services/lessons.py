"""Lessons: a track of a course as one person sees it, with the notebooks' own titles and how far that person is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from nbhostd.core.catalog import Facts
from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Course, Track
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.ports import CourseShelf
from nbhostd.core.progress import Mark
from nbhostd.core.tracks import track_of
from nbhostd.services.catalog import Catalog
from nbhostd.services.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A notebook of a lesson."""

    notebook: NotebookPath
    title: str
    version: str = ""
    mark: Mark = Mark.UNTOUCHED


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a lesson."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One track; `track` is None where the course shows none."""

    course: Course
    tracks: tuple[Track, ...]
    track: Track | None
    parts: tuple[Part, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All notebooks, in reading order."""
        return tuple(step for part in self.parts for step in part.steps)

    def step(self, notebook: str) -> Step | None:
        """The one that is this notebook, or None."""
        return next((step for step in self.steps if step.notebook == notebook), None)


class Lessons:
    """Puts together what a course says, what its notebooks say, and what a student has done."""

    def __init__(self, courses: CourseShelf, catalog: Catalog, progress: Progress) -> None:
        self._courses = courses
        self._catalog = catalog
        self._progress = progress

    async def lesson(self, course: Course, track_id: str, student: WorkspaceId) -> Lesson:
        """The track of that id, or the course's first one."""
        settings = await self._courses.settings(course)
        track, _ = track_of(settings, track_id)
        if track is None:
            return Lesson(course, settings.tracks, None)
        notebooks = [path for section in track.sections for path in section.notebooks]
        facts = await self._facts(course)
        marks = await self._progress.marks(course, student, notebooks)
        parts = tuple(
            Part(section.name, tuple(_step(path, facts, marks) for path in section.notebooks))
            for section in track.sections
        )
        return Lesson(course, settings.tracks, track, parts)

    async def locate(self, course: Course, name: str) -> NotebookPath | None:
        """The notebook of the course that is called so, as a launch would find it; None when the course has none."""
        return await self._courses.locate(course, NotebookPath.parse(name), _not_there)

    async def title(self, course: Course, notebook: NotebookPath) -> str:
        """What a notebook calls itself; its path when it does not, or is the student's own."""
        return _title(notebook, await self._facts(course))

    async def _facts(self, course: Course) -> Facts:
        """A course whose titles cannot be read is still taught."""
        try:
            return await self._catalog.notebooks(course)
        except NbhostdError as error:
            log.warning("the titles of %s could not be read: %s", course.name, error)
            return {}


async def _not_there(_path: NotebookPath) -> bool:
    return False


def _step(path: NotebookPath, facts: Facts, marks: Mapping[NotebookPath, Mark]) -> Step:
    known = facts.get(path)
    version = known.version_label if known else ""
    return Step(path, _title(path, facts), version, marks.get(path, Mark.UNTOUCHED))


def _title(path: NotebookPath, facts: Facts) -> str:
    known = facts.get(path)
    return known.title if known and known.title not in ("", path) else path.stem_path
