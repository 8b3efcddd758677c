"""Looks: a student's notebook, shown to a teacher for a few minutes, as a page in which nothing runs.

The student's server is not asked and need not run; nothing of the student's changes. A look has an unguessable
address, is kept by nobody, and is gone after a while, or with the daemon.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.model import Workspace
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.ports import Clock, Store
from nbhostd.core.ports_sharing import SharePages
from nbhostd.core.subject import subject
from nbhostd.services.rendering import Rendering
from nbhostd.services.starter import new_secret
from nbhostd.services.tasks import Tasks

log = logging.getLogger(__name__)

LIFETIME = timedelta(minutes=10)
_AT_ONCE = 2
_MOST_WAITING = 20
_MOST_OF_ONE = 5
"""Looks of one teacher: an earlier one goes when another comes."""
_AS_SEEN = {
    "nothing-to-share": ("This student has no such notebook (any more).", "nothing-to-look-at"),
    "unreadable-notebook": ("This file cannot be read as a notebook.", "not-lookable"),
    "too-large-to-share": ("This notebook is too large to be shown.", "too-large-to-look-at"),
    "not-rendered": ("This notebook could not be made into a page.", "not-lookable"),
}
"""What a teacher is told instead of what its owner is."""


@dataclass(slots=True)
class Look:
    """One look; `ready` once there is a page, or `error` why there is none."""

    token: str
    workspace: Workspace
    notebook: NotebookPath
    by: str
    expires_at: datetime
    ready: bool = False
    error: NbhostdError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> WorkspaceId:
        """Whose notebook it is."""
        return self.workspace.id


class Looks:
    """All looks that are not over."""

    def __init__(
        self, store: Store, rendering: Rendering, pages: SharePages, clock: Clock,
        random: Callable[[int], bytes], tasks: Tasks,
    ) -> None:  # fmt: skip
        self._store = store
        self._rendering = rendering
        self._pages = pages
        self._clock = clock
        self._random = random
        self._tasks = tasks
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._all: dict[str, Look] = {}

    async def begin(self, id: WorkspaceId, notebook: NotebookPath, *, by: str, language: str = "en") -> Look:
        """Have the notebook made into a page, as it is now. Raises Refused(404: no workspace), NotNow (too many)."""
        workspace = await self._store.workspace(id)
        if workspace is None:
            raise Refused(f"{id} has no workspace.", status=404, reason="no-workspace")
        if sum(not look.ended.is_set() for look in self._all.values()) >= _MOST_WAITING:
            raise NotNow("Too many notebooks are being looked at just now.", retry_after=15)
        await self._make_room(by)
        expires = self._clock.now() + LIFETIME
        look = Look(new_secret(self._random), workspace, notebook, by, expires)
        self._all[look.token] = look
        with subject(id):
            log.info("%s looks at %s", by, notebook)
        self._tasks.spawn(f"look at {id}", self._make(look, language))
        return look

    async def _make_room(self, by: str) -> None:
        await self.expire()
        for look in [look for look in self._all.values() if look.by == by][: 1 - _MOST_OF_ONE]:
            await self._end(look)

    async def _make(self, look: Look, language: str) -> None:
        try:
            with subject(look.id):
                async with self._turns:
                    content = await self._rendering.page(look.workspace, look.notebook, language)
                if look.token in self._all:
                    await self._pages.write(look.token, content)
                    look.ready = True
        except NbhostdError as error:
            look.error = _as_seen(error)
        finally:
            look.ended.set()

    def find(self, token: str) -> Look:
        """A look that is not over. Raises Refused(410)."""
        look = self._all.get(token)
        if look is None or self._clock.now() >= look.expires_at:
            raise Refused("This look is over.", status=410, reason="look-over")
        return look

    async def wait(self, look: Look, patience: float) -> bool:
        """Whether the page is there within `patience` seconds. Raises why there will be none."""
        try:
            async with asyncio.timeout(patience):
                await look.ended.wait()
        except TimeoutError:
            return False
        if look.error is not None:
            raise look.error
        return look.ready

    def page(self, look: Look) -> str:
        """The file of a look that is ready."""
        return self._pages.path(look.token)

    async def forget(self, workspace: Workspace) -> None:
        """End the looks at a workspace that is being deleted."""
        for look in [look for look in self._all.values() if look.workspace.number == workspace.number]:
            await self._end(look)

    async def expire(self) -> None:
        """Remove the pages of looks that are over."""
        now = self._clock.now()
        for look in [look for look in self._all.values() if now >= look.expires_at]:
            await self._end(look)

    async def sweep(self) -> None:
        """Remove what an earlier daemon left, before anybody looks at anything."""
        try:
            await self._pages.sweep(())
        except NbhostdError as error:
            log.error("pages of looks that are over could not be removed: %s", error)

    async def _end(self, look: Look) -> None:
        self._all.pop(look.token, None)
        if look.ready:
            await self._pages.delete(look.token)


def _as_seen(error: NbhostdError) -> NbhostdError:
    if not isinstance(error, Refused) or error.reason not in _AS_SEEN:
        return error
    message, reason = _AS_SEEN[error.reason]
    return Refused(message, status=error.status, reason=reason)
