"""The roll of a course: its groups' members, whether they have come yet or not, and whoever has a workspace in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nbhostd.core.errors import Refused
from nbhostd.core.model import Mode, Workspace
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.people import User
from nbhostd.core.ports import Clock, Store
from nbhostd.core.students import PREVIEWER


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Somebody on the roll: as a member, with a workspace, or both."""

    name: StudentName
    user: User | None = None
    """The account of that name; a platform's students have none."""
    workspace: Workspace | None = None
    is_member: bool = False
    is_staff: bool = False


class People(Protocol):
    """What is asked of services/people.py."""

    async def users(self) -> list[User]: ...
    async def find(self, name: StudentName) -> User | None: ...
    async def members(self, course: CourseName) -> list[User]: ...
    async def staff_of(self, course: CourseName) -> frozenset[str]: ...


class Roll:
    """Who is of a course. It makes a workspace's row for somebody who is to have one, and no file."""

    def __init__(self, store: Store, people: People, clock: Clock, new_label: Callable[[], str]) -> None:
        self._store = store
        self._people = people
        self._clock = clock
        self._new_label = new_label

    async def of(self, course: CourseName) -> list[Enrolled]:
        """Everybody of a course, by name; of members, those whose account is open."""
        users = {user.name: user for user in await self._people.users()}
        members = {user.name for user in await self._people.members(course) if user.active}
        workspaces = {workspace.id.student: workspace for workspace in await self._store.workspaces(course)}
        staff = await self.staff(course)
        return [
            Enrolled(name, users.get(name), workspaces.get(name), name in members, name in staff)
            for name in sorted(members | set(workspaces))
        ]

    async def one(self, id: WorkspaceId) -> Enrolled:
        """One of them. Raises Refused(404)."""
        for enrolled in await self.of(id.course):
            if enrolled.name == id.student:
                return enrolled
        message = f"“{id.student}” is no student of “{id.course}”."
        raise Refused(message, status=404, reason="no-such-student")

    async def staff(self, course: CourseName) -> frozenset[str]:
        """The names of a course's staff, and whom studios show previews as, unless that is somebody's account."""
        staff = await self._people.staff_of(course)
        return staff if await self._people.find(PREVIEWER) else staff | {PREVIEWER}

    async def workspace_of(self, course: CourseName, enrolled: Enrolled) -> Workspace:
        """The workspace of somebody on the roll, from now on."""
        if enrolled.workspace is not None:
            return enrolled.workspace
        id = WorkspaceId(course, enrolled.name)
        return await self._store.ensure_workspace(id, Mode.MOOC, self._new_label(), self._clock.now())
