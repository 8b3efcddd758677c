"""Tracks and notebooks with their titles, as nbhostctl asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from aiohttp import web

from nbhostd.core.catalog import Facts
from nbhostd.core.model import CourseSettings, Track
from nbhostd.core.names import NotebookPath
from nbhostd.core.notebookmeta import NotebookFacts
from nbhostd.services.catalog import Catalog
from nbhostd.services.courses import Courses
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import Shape


class CatalogControl:
    """Show, change nothing."""

    def __init__(self, courses: Courses, catalog: Catalog) -> None:
        self._courses = courses
        self._catalog = catalog

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/courses/{course}/tracks", self.tracks),
            web.get("/v1/courses/{course}/notebooks", self.notebooks),
        ]

    async def tracks(self, request: web.Request) -> web.Response:
        course = await self._courses.get(course_name(request))
        settings = await self._courses.settings(course)
        facts = await self._catalog.notebooks(course)
        return web.json_response(
            {
                "course": course.name,
                "tracks": [_track_shape(track, facts) for track in settings.tracks],
                "warnings": list(settings.warnings),
            }
        )

    async def notebooks(self, request: web.Request) -> web.Response:
        course = await self._courses.get(course_name(request))
        places = _places(await self._courses.settings(course))
        facts = await self._catalog.notebooks(course)
        rows = [
            {"path": path, **asdict(one), "tracks": places.get(path, [])}
            for path, one in sorted(facts.items())
        ]
        return web.json_response({"course": course.name, "commit": course.commit, "notebooks": rows})


def _track_shape(track: Track, facts: Facts) -> Shape:
    return {
        "id": track.id,
        "name": track.name,
        "description": track.description,
        "sections": [
            {
                "name": section.name,
                "notebooks": [_notebook_shape(path, facts) for path in section.notebooks],
            }
            for section in track.sections
        ],
    }


def _notebook_shape(path: NotebookPath, facts: Facts) -> Shape:
    one = facts.get(path) or NotebookFacts(str(path))
    return {"path": path, "title": one.title, "version": one.version}


def _places(settings: CourseSettings) -> Mapping[NotebookPath, list[str]]:
    """In which tracks each notebook is."""
    places: dict[NotebookPath, list[str]] = {}
    for track in settings.tracks:
        for path in dict.fromkeys(path for section in track.sections for path in section.notebooks):
            places.setdefault(path, []).append(track.id)
    return places
