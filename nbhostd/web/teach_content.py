"""What is in a course: its notebooks and its tracks, as students see them."""

from __future__ import annotations

from typing import Protocol

from nbhostd.core.catalog import Facts
from nbhostd.core.model import Course, CourseSettings, Track
from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.notebookmeta import NotebookFacts
from nbhostd.core.people import Power
from nbhostd.core.tracks import is_prose
from nbhostd.web.operations import Call, Operation
from nbhostd.web.teachshapes import (
    NotebookList,
    NotebookShape,
    TrackList,
    TrackNotebook,
    TrackSection,
    TrackShape,
)


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def get(self, name: CourseName) -> Course: ...
    async def settings(self, course: Course) -> CourseSettings: ...


class Catalog(Protocol):
    """What is asked of services/catalog.py."""

    async def notebooks(self, course: Course) -> Facts: ...


class TeachContent:
    """`notebook.list`, `track.list`."""

    def __init__(self, courses: Courses, catalog: Catalog) -> None:
        self._courses = courses
        self._catalog = catalog

    def operations(self) -> list[Operation]:
        """What can be asked of a course's content."""
        teach, one = Power.TEACH, "/courses/{course}"
        return [
            Operation(
                "notebook.list", "GET", f"{one}/notebooks", "A course's notebooks", teach, self._notebooks, NotebookList
            ),
            Operation("track.list", "GET", f"{one}/tracks", "A course's tracks", teach, self._tracks, TrackList),
        ]  # fmt: skip

    async def notebooks(self, course: Course) -> NotebookList:
        """All of them. Raises WorldError."""
        facts, tracks = await self._catalog.notebooks(course), (await self._courses.settings(course)).tracks
        places = _places(tracks)
        rows = [
            NotebookShape(path, one.title, one.version, one.format, places.get(path, []))
            for path, one in sorted(facts.items())
            if _is_notebook(path, one) or path in places
        ]
        return NotebookList(course.commit, rows)

    async def tracks(self, course: Course) -> TrackList:
        """As students see them. Raises WorldError."""
        facts, tracks = await self._catalog.notebooks(course), (await self._courses.settings(course)).tracks
        places = _places(tracks)
        lost = [path for path, one in sorted(facts.items()) if _is_notebook(path, one) and path not in places]
        return TrackList(
            [_track(track, facts) for track in tracks], [_notebook(path, facts) for path in lost]
        )

    async def _notebooks(self, call: Call) -> NotebookList:
        return await self.notebooks(await self._courses.get(call.course))

    async def _tracks(self, call: Call) -> TrackList:
        return await self.tracks(await self._courses.get(call.course))


def _is_notebook(path: NotebookPath, facts: NotebookFacts) -> bool:
    """Whether it is one, and not a module, a README or a file of ours that happens to be text."""
    return bool(facts.format) and not is_prose(path)


def _track(track: Track, facts: Facts) -> TrackShape:
    sections = [
        TrackSection(section.name, [_notebook(path, facts) for path in section.notebooks])
        for section in track.sections
    ]
    return TrackShape(track.id, track.name, track.description, track.origin, sections)


def _notebook(path: NotebookPath, facts: Facts) -> TrackNotebook:
    one = facts.get(path) or NotebookFacts(str(path))
    return TrackNotebook(path, one.title, one.version_label)


def _places(tracks: tuple[Track, ...]) -> dict[NotebookPath, list[str]]:
    """In which tracks each notebook is."""
    places: dict[NotebookPath, list[str]] = {}
    for track in tracks:
        for path in dict.fromkeys(path for section in track.sections for path in section.notebooks):
            places.setdefault(path, []).append(track.id)
    return places
