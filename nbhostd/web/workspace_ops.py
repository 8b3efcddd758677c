"""Workspaces of everybody: what runs, what sleeps, and their stop and end by an administrator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.people import Power
from nbhostd.services.census import Resident
from nbhostd.services.errands import Errands, Work
from nbhostd.services.status import StatusRow
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Begun, Call, Nothing, Operation

_ADMINISTRATOR = "administrator"


class AwakeShape(msgspec.Struct, frozen=True):
    """A workspace that is not asleep. Memory in bytes, CPU in seconds since its start; null: not accounted."""

    workspace: str
    phase: str
    reason: str
    place: int
    since: str | None
    memory: int | None
    cpu: float | None
    tasks: int | None
    connections: int
    last_activity: str
    kept_because: str


class AwakeList(msgspec.Struct, frozen=True):
    """The workspaces that are not asleep, by name."""

    workspaces: list[AwakeShape]


class SpaceShape(msgspec.Struct, frozen=True):
    """A workspace, awake or not."""

    workspace: str
    mode: str
    phase: str
    created_at: str | None
    last_visit: str | None


class SpaceList(msgspec.Struct, frozen=True):
    """Workspaces by name: one page of them, and how many there are in all."""

    workspaces: list[SpaceShape]
    total: int


class SpaceQuery(msgspec.Struct, frozen=True):
    """Which workspaces: what their names contain ('python/', '/alice'), and those not visited since a day."""

    q: Annotated[str, Meta(max_length=300)] = ""
    unused_since: Annotated[str, Meta(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")] = ""
    page: Annotated[int, Meta(ge=1, le=100_000)] = 1
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class StopWish(msgspec.Struct, frozen=True):
    """Which to stop: exactly one of these three is given."""

    workspaces: Annotated[list[str], Meta(max_length=10_000)] = []
    course: Annotated[str, Meta(max_length=128)] = ""
    all: bool = False


class Stopped(msgspec.Struct, frozen=True):
    """Those that ran, and were stopped; files stay, and the next visit starts them again."""

    stopped: list[str]


class SpaceEnd(msgspec.Struct, frozen=True):
    """The workspace's name once more, COURSE/STUDENT."""

    typed: Annotated[str, Meta(max_length=300)]


class Status(Protocol):
    """What is asked of services/status.py."""

    async def rows(self) -> list[StatusRow]: ...


class Census(Protocol):
    """What is asked of services/census.py."""

    async def residents(self) -> list[Resident]: ...
    async def known(self, id: WorkspaceId) -> object: ...


Stop = Callable[[WorkspaceId, str], Awaitable[bool]]
Delete = Callable[[WorkspaceId], Awaitable[None]]


class WorkspaceOperations:
    """`workspaces.*`."""

    def __init__(
        self, status: Status, census: Census, stop: Stop, delete: Delete, measure: Work, errands: Errands
    ) -> None:
        self._status = status
        self._census = census
        self._stop_one = stop
        self._delete_one = delete
        self._measure_all = measure
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with everybody's workspaces."""
        admin = Power.ADMINISTER
        return [
            Operation("workspaces.awake", "GET", "/workspaces/awake", "What runs", admin, self._awake, AwakeList),
            Operation(
                "workspaces.list", "GET", "/workspaces", "The workspaces, awake or not", admin, self._list, SpaceList,
                query=SpaceQuery,
            ),
            Operation(
                "workspaces.stop", "POST", "/workspaces/stop", "Stop workspaces", admin, self._stop, Stopped, StopWish,
                done=N_("They are stopped; files stay."),
            ),
            Operation(
                "workspaces.measure", "POST", "/workspaces/measure", "Measure what workspaces take on the disk", admin,
                self._measure, Begun,
            ),
            Operation(
                "workspaces.delete", "DELETE", "/workspaces/{course}/{student}", "Delete a workspace with all its files",
                admin, self._delete, Nothing, SpaceEnd, done=N_("The workspace is deleted with its files."),
            ),
        ]  # fmt: skip

    async def _awake(self, call: Call) -> AwakeList:
        return AwakeList([_awake_shape(row) for row in await self._status.rows()])

    async def _list(self, call: Call) -> SpaceList:
        query: SpaceQuery = call.query
        found = residents_like(await self._census.residents(), query)
        start = (query.page - 1) * query.limit
        return SpaceList([_space_shape(one) for one in found[start : start + query.limit]], len(found))

    async def _stop(self, call: Call) -> Stopped:
        wish: StopWish = call.body
        if sum(bool(value) for value in (wish.workspaces, wish.course, wish.all)) != 1:
            raise Refused("Give one of workspaces, course and all.", reason="nothing-chosen")
        wanted = [WorkspaceId.parse(name) for name in wish.workspaces]
        if not wanted:
            course = CourseName.parse(wish.course) if wish.course else None
            wanted = [row.id for row in await self._status.rows() if course in (None, row.id.course)]
        done = await asyncio.gather(*(self._stop_one(id, _ADMINISTRATOR) for id in wanted))
        return Stopped([str(id) for id, stopped in zip(wanted, done, strict=True) if stopped])

    async def _measure(self, call: Call) -> Begun:
        return Begun(await self._errands.begin(call.who, "measure all workspaces", self._measure_all))

    async def _delete(self, call: Call) -> Nothing:
        id = WorkspaceId(call.course, StudentName.parse(call.names["student"]))
        if call.body.typed != str(id):
            raise Refused("What was typed is not the workspace's name.", reason="not-typed")
        await self._census.known(id)
        await self._delete_one(id)
        return Nothing()


def rows_like(rows: Iterable[StatusRow], text: str) -> list[StatusRow]:
    """Those whose name contains this."""
    return [row for row in rows if text.strip().casefold() in str(row.id).casefold()]


def residents_like(residents: Iterable[Resident], query: SpaceQuery) -> Sequence[Resident]:
    """Those whom the query means."""
    wanted = query.q.strip().casefold()
    found = [one for one in residents if wanted in str(one.workspace.id).casefold()]
    if not query.unused_since:
        return found
    # A day, as text: ISO dates sort by themselves.
    return [
        one for one in found if one.last_visit is None or f"{one.last_visit:%Y-%m-%d}" < query.unused_since
    ]


def _awake_shape(row: StatusRow) -> AwakeShape:
    return AwakeShape(
        str(row.id), row.phase.value, row.reason, row.position, iso(row.since), row.memory, row.cpu, row.tasks,
        row.connections, iso(row.last_activity), row.usage,
    )  # fmt: skip


def _space_shape(one: Resident) -> SpaceShape:
    workspace = one.workspace
    return SpaceShape(
        str(workspace.id), workspace.mode.value, one.phase.value, iso(workspace.created_at), iso(one.last_visit)
    )  # fmt: skip
