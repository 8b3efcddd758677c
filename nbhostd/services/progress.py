"""How far somebody is in a course: opened, as statistics know it; changed, as the files themselves say."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Course, Workspace
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.ports import Store
from nbhostd.core.progress import Fingerprint, Fingerprints, Histories, History, Mark, Openings, marks
from nbhostd.core.subject import subject

log = logging.getLogger(__name__)

_PATIENCE = 3.0
"""Seconds that a page waits for what the files say; then it shows what statistics know."""
_MOST_REMEMBERED = 500
_MOST_NOTEBOOKS = 2000


class Progress:
    """Asks the desk each time, which reads only files that have changed since it was last asked."""

    def __init__(
        self, store: Store, openings: Openings, desk: Fingerprints, histories: Histories, *, patience: float = _PATIENCE
    ) -> None:  # fmt: skip
        self._store = store
        self._openings = openings
        self._desk = desk
        self._histories = histories
        self._patience = patience
        self._remembered: OrderedDict[int, dict[NotebookPath, Fingerprint]] = OrderedDict()

    async def marks(
        self, course: Course, id: WorkspaceId, notebooks: Sequence[NotebookPath]
    ) -> Mapping[NotebookPath, Mark]:
        """The mark of each of these notebooks for this student."""
        with subject(id):
            opened = await self._openings.opened(id)
            blobs: Mapping[NotebookPath, str] = {}
            history: History = {}
            try:
                async with asyncio.timeout(self._patience):
                    blobs, history = await self._look(course, id, notebooks[:_MOST_NOTEBOOKS])
            except TimeoutError:
                log.warning("which notebooks are changed could not be told in time")
            except NbhostdError as error:
                log.warning("which notebooks are changed could not be told: %s", error)
        return marks(notebooks, opened, blobs, history)

    async def _look(
        self, course: Course, id: WorkspaceId, notebooks: Sequence[NotebookPath]
    ) -> tuple[Mapping[NotebookPath, str], History]:
        workspace = await self._store.workspace(id)
        if workspace is None or course.commit is None:
            return {}, {}
        history = await self._histories.history(course.name, course.commit)
        return await self._blobs(workspace, [path for path in notebooks if path in history]), history

    async def _blobs(
        self, workspace: Workspace, notebooks: Sequence[NotebookPath]
    ) -> Mapping[NotebookPath, str]:
        known = self._remembered.setdefault(workspace.number, {})
        self._remembered.move_to_end(workspace.number)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        asked = [(path, known[path].stamp if path in known else "") for path in notebooks]
        for path, told in zip(
            notebooks, await self._desk.fingerprints(workspace.number, workspace.uid, asked), strict=True
        ):
            if told is None:
                known.pop(path, None)
            elif path not in known or told.stamp != known[path].stamp:
                known[path] = told
        return {path: known[path].blob for path in notebooks if path in known}
