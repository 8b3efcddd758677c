"""Classroom mode: the student's workspace is a git clone of the course, and the student's to pull, commit and change."""

from __future__ import annotations

import logging

from nbhostd.core.clonetool import ADOPTED, HEAD, LOCKED
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.model import Course, Mode, Prepared, Visit, Workspace
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import Desk, Store
from nbhostd.services.clones import Clones

log = logging.getLogger(__name__)

_HEAD = NotebookPath(HEAD)


class Classroom:
    """Clones at the first visit and then only looks; satisfies core.ports.Preparer."""

    def __init__(self, desk: Desk, store: Store, clones: Clones) -> None:
        self._desk = desk
        self._store = store
        self._clones = clones

    async def prepare(
        self, course: Course, visit: Visit, notebook: NotebookPath | None, workspace: Workspace
    ) -> Prepared:
        """Clone where there is no clone yet; then say whether it has the notebook. No file of the student's changes."""
        is_clone, has = await self._look(workspace, notebook)
        if not is_clone or workspace.mode is not Mode.CLASSROOM:
            await self._adopt(course, workspace)
            _, has = await self._look(workspace, notebook)
        return Prepared(notebook, copied=not is_clone, behind=not has)

    async def _look(self, workspace: Workspace, notebook: NotebookPath | None) -> tuple[bool, bool]:
        paths = [_HEAD, *([notebook] if notebook is not None else [])]
        found = await self._desk.exists(workspace.number, workspace.uid, paths)
        return found[0], found[-1] or notebook is None

    async def _adopt(self, course: Course, workspace: Workspace) -> None:
        # The directory first: the tool's container has it mounted.
        await self._desk.prepare(
            workspace.number, workspace.uid, course.name, notebook=None, force=False, links=()
        )
        answer = await self._clones.adopt(course, workspace)
        if answer.outcome == LOCKED:
            raise NotNow("A git command is still at work in your workspace; please come back in a minute.")
        if answer.outcome not in ADOPTED:
            raise WorldError(
                "The copy of the course in your workspace could not be worked on.", detail=answer.outcome
            )
        log.info("%s at %s", answer.outcome, (answer.after or "nothing")[:10])
        await self._store.set_mode(workspace.number, Mode.CLASSROOM)

    async def restore(self, course: Course, workspace: Workspace, notebook: NotebookPath) -> bool:
        """Bring back one notebook of the course that the student's clone has deleted; never overwrites."""
        return await self._desk.prepare(
            workspace.number, workspace.uid, course.name, notebook=notebook, force=False, links=()
        )
