"""The end of workspaces: their units, their files, and what else was kept of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nbhostd.core.model import Workspace
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.ports import Desk
from nbhostd.core.subject import subject
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)


class Removal:
    """Deletes workspaces whole, each under its lock."""

    def __init__(self, workspaces: Workspaces, desk: Desk) -> None:
        self._workspaces = workspaces
        self._store = workspaces.starter.store
        self._desk = desk
        self._also: list[Callable[[Workspace], Awaitable[None]]] = []

    def on_delete(self, forget: Callable[[Workspace], Awaitable[None]]) -> None:
        """Have `forget` remove what else was kept of a workspace, before it is gone."""
        self._also.append(forget)

    async def delete(self, id: WorkspaceId) -> None:
        """Delete a workspace with all its files. Not being there is success."""
        with subject(id):
            async with self._workspaces.locked(id):
                workspace = await self._store.workspace(id)
                if workspace is None:
                    return
                await self._workspaces.stop(id, "deleted")
                await self._workspaces.disarm(workspace)
                for forget in self._also:
                    await forget(workspace)
                await self._desk.delete(workspace.number, workspace.uid)
                await self._store.delete_workspace(workspace.number)
                entry = self._workspaces.entries.by_id(id)
                if entry is not None:
                    self._workspaces.entries.remove(entry)
            log.info("deleted with its files")

    async def delete_of_course(self, course: CourseName) -> int:
        """Delete every workspace of a course; how many there were."""
        workspaces = await self._store.workspaces(course)
        for workspace in workspaces:
            await self.delete(workspace.id)
        return len(workspaces)
