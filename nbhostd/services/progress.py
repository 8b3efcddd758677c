"""How far somebody is in a course: opened, as statistics know it; changed, as the files themselves say."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Course, Workspace
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.core.ports import Store
from nbhostd.core.progress import (
    Fingerprint,
    Fingerprints,
    Histories,
    History,
    Mark,
    Openings,
    differing,
    marks,
)
from nbhostd.core.subject import subject

log = logging.getLogger(__name__)

_PATIENCE = 3.0
"""Seconds that a page waits for what the files say; then it shows what statistics know."""
_MOST_REMEMBERED = 500
_MOST_NOTEBOOKS = 2000


class Progress:
    """Asks the desk each time, which reads only files that have changed since it was last asked.

    Only a file that is none of the course's is parsed, once.
    """

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
            saved: set[NotebookPath] = set()
            try:
                async with asyncio.timeout(self._patience):
                    workspace = await self._store.workspace(id)
                    if workspace is not None and course.commit is not None:
                        history = await self._histories.history(course.name, course.commit)
                        shown = [path for path in notebooks[:_MOST_NOTEBOOKS] if path in history]
                        blobs = await self._blobs(workspace, shown)
                        await self._compare(
                            workspace, course.name, course.commit, differing(blobs, history), saved
                        )
            except TimeoutError:
                log.warning("which notebooks are changed could not be told in time")
            except NbhostdError as error:
                log.warning("which notebooks are changed could not be told: %s", error)
        return marks(notebooks, opened, blobs, history, saved)

    async def _compare(
        self, workspace: Workspace, course: CourseName, commit: str, others: Sequence[NotebookPath],
        saved: set[NotebookPath],
    ) -> None:  # fmt: skip
        """Put into `saved` the notebooks whose file is another one, but not what is written in it."""
        known = self._remembered.get(workspace.number, {})
        unread = [path for path in others if path in known and known[path].gist is None]
        gists = await self._desk.gists(workspace.number, workspace.uid, unread) if unread else []
        for path, gist in zip(unread, gists, strict=True):
            if path in known:
                known[path] = replace(known[path], gist=gist)
        for path in others:
            written = known[path].gist if path in known else ""
            if written and written in await self._histories.gists(course, commit, path):
                saved.add(path)

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
