"""Measurements, the past and uploads in memory: the second implementations of core.ports_students."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.ports import Store
from nbhostd.core.students import Activity, Measurement


@dataclass
class FakeMeasurements:
    """`store` says which workspaces there are; without one, all."""

    store: Store | None = None
    rows: dict[int, Measurement] = field(default_factory=dict)

    async def put(self, workspace: int, measurement: Measurement) -> None:
        if self.store is None or await self.store.workspace_by_number(workspace) is not None:
            self.rows[workspace] = measurement

    async def of_course(self, course: CourseName) -> dict[int, Measurement]:
        return await self._here(course)

    async def every(self) -> dict[int, Measurement]:
        return await self._here(None)

    async def _here(self, course: CourseName | None) -> dict[int, Measurement]:
        if self.store is None:
            return dict(self.rows)
        here = {workspace.number for workspace in await self.store.workspaces(course)}
        return {number: measurement for number, measurement in self.rows.items() if number in here}


@dataclass
class FakeActivities:
    past: dict[str, dict[StudentName, Activity]] = field(default_factory=dict)

    async def activities(self, course: CourseName) -> dict[StudentName, Activity]:
        return self.past.get(course, {})


@dataclass
class FakeReceived:
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.content


class FakeUploads:
    @asynccontextmanager
    async def receive(self, content: AsyncIterator[bytes], most: int) -> AsyncIterator[FakeReceived]:
        data = b""
        async for piece in content:
            data += piece
            if len(data) > most:
                raise Refused("This file is larger.", status=413, reason="file-too-big")
        yield FakeReceived(data)
