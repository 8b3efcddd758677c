"""MOOC mode: one notebook at a time is copied into the student's space, and is the student's from then on."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nbhostd.core.errors import Refused
from nbhostd.core.lookup import other_suffixes
from nbhostd.core.model import Course, Earlier, Mode, Prepared, ToolTask, Visit, Workspace
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import Clock, CourseShelf, Desk, Toolbox

log = logging.getLogger(__name__)

_TOOL = "convert"
_TIMEOUT = 60.0


class Mooc:
    """Copies lazily and never overwrites the student's; satisfies core.ports.Preparer."""

    def __init__(
        self,
        courses: CourseShelf,
        desk: Desk,
        clock: Clock,
        toolbox: Toolbox,
        image_digest: Callable[[Course], Awaitable[str]],
    ) -> None:
        self._courses = courses
        self._desk = desk
        self._clock = clock
        self._toolbox = toolbox
        self._image_digest = image_digest

    async def prepare(
        self, course: Course, visit: Visit, notebook: NotebookPath | None, workspace: Workspace
    ) -> Prepared:
        """Copy the course's notebook where the student has none, and make the static links beside it.

        A student who has worked on it under the suffix that it had before is asked first, and then gets either that
        work, converted, or the course's file. A workspace that is a clone of the course is git's: nothing is copied into it.
        Raises Refused(409) when the work cannot be converted.
        """
        if workspace.mode is Mode.CLASSROOM:
            there = (
                notebook is None or (await self._desk.exists(workspace.number, workspace.uid, [notebook]))[0]
            )
            return Prepared(notebook, behind=not there)
        settings = await self._courses.settings(course)
        in_course = notebook is not None and await self._courses.has(course, notebook)
        if notebook is not None and in_course and not visit.forcecopy and visit.earlier is not Earlier.NEW:
            earlier = await self._earlier(course, notebook, workspace)
            if earlier is not None and visit.earlier is Earlier.ASK:
                return Prepared(notebook, earlier=earlier)
            if earlier is not None:
                await self._convert(course, earlier, notebook, workspace)
        copied = await self._desk.prepare(
            workspace.number, workspace.uid, course.name,
            notebook=notebook if in_course else None, force=visit.forcecopy,
            links=settings.static_mappings,
            aside=f"{self._clock.now():%Y%m%dT%H%M%SZ}",
        )  # fmt: skip
        return Prepared(notebook, copied=copied)

    async def _earlier(
        self, course: Course, notebook: NotebookPath, workspace: Workspace
    ) -> NotebookPath | None:
        """The student's newest file of that name under another suffix, where the new one is not there yet.

        What the course has itself under that suffix is another notebook, or a module, and no earlier version.
        """
        others = [path for path in other_suffixes(notebook) if not await self._courses.has(course, path)]
        there, *ages = await self._desk.ages(workspace.number, workspace.uid, [notebook, *others])
        found = [(age, path) for age, path in zip(ages, others, strict=True) if age is not None]
        return max(found)[1] if found and there is None else None

    async def _convert(
        self, course: Course, earlier: NotebookPath, notebook: NotebookPath, workspace: Workspace
    ) -> None:
        outcome = await self._toolbox.run(
            ToolTask(
                _TOOL, course.name, await self._image_digest(course), workspace.number, workspace.uid,
                request={"earlier": earlier, "notebook": notebook}, timeout=_TIMEOUT, hurried=True,
            )
        )  # fmt: skip
        if outcome.status != 0:
            log.warning("%s could not be converted to %s: %s", earlier, notebook, outcome.complaint[-500:])
            raise Refused(
                f"“{earlier}” could not be converted; it stays as it is.", status=409, reason="not-converted"
            )
        log.info("%s goes on as %s", earlier, notebook)
