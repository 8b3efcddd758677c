"""A student's notebook made into a page: as the student, in a container of its own without network; nothing of it runs."""

from __future__ import annotations

import logging

from nbhostd.core.errors import Refused
from nbhostd.core.model import ToolTask, Workspace
from nbhostd.core.names import NOTEBOOK_SUFFIXES, NotebookPath
from nbhostd.core.ports import CourseShelf, Toolbox
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

TIMEOUT = 120.0
_TOOL = "render"
_LARGEST = 64 << 20
_WHY = {
    3: ("Your workspace has no such notebook.", 404, "nothing-to-share"),
    4: ("This file cannot be read as a notebook.", 422, "unreadable-notebook"),
    5: ("This notebook is too large for a static version.", 413, "too-large-to-share"),
}
"""What the tool's exit statuses mean (images/toolbox/render.py); its words are for the journal."""
_NOT_RENDERED = ("This notebook could not be made into a page.", 422, "not-rendered")


class Rendering:
    """Makes pages; whether the workspace runs or not does not matter, and nothing in it changes."""

    def __init__(self, workspaces: Workspaces, courses: CourseShelf, toolbox: Toolbox) -> None:
        self._workspaces = workspaces
        self._courses = courses
        self._toolbox = toolbox

    async def page(self, workspace: Workspace, notebook: NotebookPath, language: str) -> bytes:
        """The notebook as it is now, as a page that stands alone.

        Raises Refused (no such notebook: 404, too large: 413, unreadable: 422), NotNow (too many wait), WorldError.
        """
        if notebook.suffix not in NOTEBOOK_SUFFIXES:
            raise _refusal(_WHY[4])
        course, starter = await self._courses.get(workspace.id.course), self._workspaces.starter
        outcome = await self._toolbox.run(
            ToolTask(
                _TOOL, course.name, await starter.image_digest(course), workspace.number, workspace.uid,
                request={
                    "notebook": notebook, "course": course.name, "language": language,
                    "date": starter.clock.now().date().isoformat(),
                },
                timeout=TIMEOUT, hurried=True,
            )
        )  # fmt: skip
        if outcome.status != 0 or not 0 < len(outcome.output) <= _LARGEST:
            too_large = outcome.status == 0 and len(outcome.output) > _LARGEST
            refusal = _refusal(_WHY.get(5 if too_large else outcome.status, _NOT_RENDERED))
            log.warning("no page of %s: %s (%s)", notebook, refusal.message, outcome.complaint[-500:])
            raise refusal
        return outcome.output


def _refusal(why: tuple[str, int, str]) -> Refused:
    message, status, reason = why
    return Refused(message, status=status, reason=reason)
