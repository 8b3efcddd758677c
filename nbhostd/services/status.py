"""What runs, since when, with what: for `nbhostctl status` and the pages of administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nbhostd.core.errors import Refused
from nbhostd.core.model import Phase
from nbhostd.core.names import WorkspaceId
from nbhostd.core.ports import CourseShelf
from nbhostd.core.unitspec import SocketServiceSpec, service_name
from nbhostd.services.entries import Entry
from nbhostd.services.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One workspace that is not asleep. Memory in bytes, CPU in seconds since its start; None = not accounted."""

    id: WorkspaceId
    number: int
    phase: Phase
    reason: str
    position: int
    since: datetime | None
    memory: int | None
    cpu: float | None
    tasks: int | None
    last_activity: datetime
    connections: int
    usage: str
    """Why the last idle check kept it running."""


class Status:
    """Asks systemd about everything that is awake."""

    def __init__(
        self, workspaces: Workspaces, courses: CourseShelf, connections: Callable[[int], int]
    ) -> None:
        self._workspaces = workspaces
        self._courses = courses
        self._connections = connections

    async def rows(self) -> list[StatusRow]:
        """Every workspace that is not asleep, by name."""
        awake = [entry for entry in self._workspaces.entries if entry.state.phase is not Phase.ASLEEP]
        return [await self._row(entry) for entry in sorted(awake, key=lambda entry: entry.workspace.id)]

    async def _row(self, entry: Entry) -> StatusRow:
        number = entry.workspace.number
        unit = await self._workspaces.starter.systemd.status(service_name(number))
        place = self._workspaces.place(entry.workspace.id)
        return StatusRow(
            id=entry.workspace.id,
            number=number,
            phase=place.phase,
            reason=place.reason,
            position=place.position,
            since=unit.active_since,
            memory=unit.memory,
            cpu=None if unit.cpu is None else unit.cpu / 1e9,
            tasks=unit.tasks,
            last_activity=entry.touched_at,
            connections=self._connections(number),
            usage=entry.kept_because,
        )

    async def units(self, id: WorkspaceId) -> SocketServiceSpec:
        """The units of a workspace, were it started now. Raises Refused(404), and WorldError without an image."""
        starter = self._workspaces.starter
        workspace = await starter.store.workspace(id)
        if workspace is None:
            raise Refused(
                f"{id} has no workspace: nobody has opened a notebook there.",
                status=404,
                reason="no-workspace",
            )
        course = await self._courses.get(id.course)
        return starter.describe(workspace, course, await starter.image_digest(course))
