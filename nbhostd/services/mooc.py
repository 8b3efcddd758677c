"""MOOC mode: one notebook at a time is copied into the student's space, and is the student's from then on."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.model import Course, Prepared, Visit, Workspace
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import Clock, CourseShelf, Desk


class Mooc:
    """Copies lazily and never overwrites the student's; satisfies core.ports.Preparer."""

    def __init__(self, courses: CourseShelf, desk: Desk, clock: Clock) -> None:
        self._courses = courses
        self._desk = desk
        self._clock = clock

    async def locate(self, course: Course, visit: Visit, known: Workspace | None) -> NotebookPath | None:
        """The file that a visit means: the course's, else one that the student made. Raises Refused(404)."""
        if visit.notebook is None:
            return None

        async def exists_in_workspace(path: NotebookPath) -> bool:
            return known is not None and (await self._desk.exists(known.number, known.uid, [path]))[0]

        notebook = await self._courses.locate(course, visit.notebook, exists_in_workspace)
        if notebook is None:
            raise Refused("This course has no such notebook.", status=404, reason="no-such-notebook")
        return notebook

    async def prepare(
        self, course: Course, visit: Visit, notebook: NotebookPath | None, workspace: Workspace
    ) -> Prepared:
        """Copy the course's notebook where the student has none, and make the static links beside it."""
        settings = await self._courses.settings(course)
        in_course = notebook is not None and await self._courses.has(course, notebook)
        copied = await self._desk.prepare(
            workspace.number, workspace.uid, course.name,
            notebook=notebook if in_course else None, force=visit.forcecopy,
            links=settings.static_mappings,
            aside=f"{self._clock.now():%Y%m%dT%H%M%SZ}",
        )  # fmt: skip
        return Prepared(notebook, copied=copied)
