"""Which file a visit means."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.model import Course, Visit, Workspace
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import CourseShelf, Desk


class Finder:
    """Looks in the course, then among the student's own files."""

    def __init__(self, courses: CourseShelf, desk: Desk) -> None:
        self._courses = courses
        self._desk = desk

    async def find(self, course: Course, visit: Visit, known: Workspace | None) -> NotebookPath | None:
        """The course's file, else one that the student made; None for a page of Jupyter. Raises Refused(404)."""
        if visit.notebook is None:
            return None

        async def exists_in_workspace(path: NotebookPath) -> bool:
            return known is not None and (await self._desk.exists(known.number, known.uid, [path]))[0]

        notebook = await self._courses.locate(course, visit.notebook, exists_in_workspace)
        if notebook is None:
            raise Refused("This course has no such notebook.", status=404, reason="no-such-notebook")
        return notebook
