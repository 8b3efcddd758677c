"""Static versions: a student's notebook as a page that everybody who has its address can read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.model import Share, Workspace
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.core.ports_sharing import SharePages
from nbhostd.core.ports_sharing import Shares as Ledger
from nbhostd.core.subject import subject
from nbhostd.services.rendering import Rendering
from nbhostd.services.starter import new_secret
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

_AT_ONCE = 2
_MOST = 40
"""Students whose page is being made or waits for its turn; two minutes' work at most."""
_MOST_PAGES = 50
"""Static versions of one student in one course: they count in nobody's space."""


class Shares:
    """Renders as the student, never in the running server; a page is replaced whole or stays as it was."""

    def __init__(
        self,
        workspaces: Workspaces,
        ledger: Ledger,
        pages: SharePages,
        rendering: Rendering,
    ) -> None:
        self._workspaces = workspaces
        self._store = workspaces.starter.store
        self._ledger = ledger
        self._pages = pages
        self._rendering = rendering
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._busy: set[int] = set()

    async def share(self, id: WorkspaceId, notebook: NotebookPath, language: str = "en") -> Share:
        """Make the static version of a notebook as it is now, under the address that it had before, if it had one.

        Whatever fails, an earlier version stays. Raises Refused (no such notebook: 404, too many pages: 409, too large:
        413, unreadable: 422), NotNow (one of this workspace is being made, or too many are), WorldError.
        """
        with subject(id):
            workspace = await self._workspace(id)
            await self._make_room(workspace, notebook)
            with self._alone(workspace.number):
                async with self._turns:
                    content = await self._rendering.page(workspace, notebook, language)
                return await self._publish(workspace, notebook, content)

    async def unshare(self, id: WorkspaceId, notebook: NotebookPath) -> bool:
        """Take a static version back; False when there was none."""
        with subject(id):
            share = await self.share_of(id, notebook)
            if share is None:
                return False
            await self.remove(share.token)
            return True

    async def remove(self, token: str) -> Share:
        """Take down the page at an address. Raises Refused(404)."""
        share = await self.find(token)
        with subject(share.workspace):
            async with self._workspaces.locked(share.workspace):
                await self._forget(share)
            log.info("no longer shared: %s", share.notebook)
        return share

    async def find(self, token: str) -> Share:
        """What is shared at an address. Raises Refused(404)."""
        share = await self._ledger.by_token(token)
        if share is None:
            raise Refused("This page does not exist (any more).", status=404, reason="no-such-share")
        return share

    async def share_of(self, id: WorkspaceId, notebook: NotebookPath) -> Share | None:
        """The static version of a notebook, or None."""
        workspace = await self._store.workspace(id)
        return await self._ledger.share_of(workspace.number, notebook) if workspace is not None else None

    async def of(self, id: WorkspaceId) -> list[Share]:
        """All that a student shares in a course."""
        workspace = await self._store.workspace(id)
        return await self._ledger.shares(workspace.number) if workspace is not None else []

    async def all(self) -> list[Share]:
        """All that is shared here."""
        return await self._ledger.shares()

    def page(self, token: str) -> str:
        """The file of a page that exists."""
        return self._pages.path(token)

    async def forget(self, workspace: Workspace) -> None:
        """Remove all pages of a workspace that is being deleted; its lock is held."""
        for share in await self._ledger.shares(workspace.number):
            await self._forget(share)

    async def _forget(self, share: Share) -> None:
        # The address first: a page without one is seen by nobody, and swept.
        await self._ledger.unshare(share.token)
        await self._pages.delete(share.token)

    async def sweep(self) -> None:
        """Remove pages that nobody knows, before anything is shared: what an earlier daemon was about to publish."""
        try:
            removed = await self._pages.sweep([share.token for share in await self._ledger.shares()])
        except NbhostdError as error:
            log.error("pages that nobody shares could not be removed: %s", error)
            return
        if removed:
            log.info("%d pages that nobody shares were removed", removed)

    async def _make_room(self, workspace: Workspace, notebook: NotebookPath) -> None:
        shared = await self._ledger.shares(workspace.number)
        if len(shared) >= _MOST_PAGES and notebook not in {share.notebook for share in shared}:
            raise Refused(
                f"You share {_MOST_PAGES} static versions in this course already.",
                status=409,
                reason="too-many-shares",
            )

    async def _workspace(self, id: WorkspaceId) -> Workspace:
        workspace = await self._store.workspace(id)
        if workspace is None:
            raise Refused("There is no such workspace.", status=404, reason="no-workspace")
        return workspace

    @contextmanager
    def _alone(self, number: int) -> Iterator[None]:
        if number in self._busy:
            raise NotNow("A notebook of yours is being shared just now.", retry_after=5)
        if len(self._busy) >= _MOST:
            raise NotNow("Too many notebooks are being shared just now.", retry_after=30)
        self._busy.add(number)
        try:
            yield
        finally:
            self._busy.discard(number)

    async def _publish(self, workspace: Workspace, notebook: NotebookPath, content: bytes) -> Share:
        starter = self._workspaces.starter
        # Not while the workspace is being deleted: its pages go with it.
        async with self._workspaces.locked(workspace.id):
            if (await self._workspace(workspace.id)).number != workspace.number:
                raise Refused("There is no such workspace.", status=404, reason="no-workspace")
            known = await self._ledger.share_of(workspace.number, notebook)
            token = known.token if known is not None else new_secret(starter.random_bytes)
            await self._pages.write(token, content)
            share = await self._ledger.share(workspace.number, notebook, token, starter.clock.now())
        self._workspaces.note(workspace.id, "share", notebook)
        log.info("shared: %s (%d kB)", notebook, len(content) >> 10)
        return share
