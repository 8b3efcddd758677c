"""Whom the rooms of the control API speak to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from nbhostd.core.access import Keyring
from nbhostd.core.config import Config
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.ports import Clock, Images, Jobs, Store
from nbhostd.core.unitspec import SocketServiceSpec
from nbhostd.services.courses import Courses
from nbhostd.services.images import ImageBuilder
from nbhostd.services.jobbook import JobBook
from nbhostd.web.control_shapes import StatusRow


class Workspaces(Protocol):
    """What control asks of services/workspaces.py."""

    async def stop(self, id: WorkspaceId, reason: str) -> bool: ...


class Removal(Protocol):
    """What control asks of services/removal.py."""

    async def delete_of_course(self, course: CourseName) -> int: ...


class Status(Protocol):
    """What control asks of services/status.py."""

    async def rows(self) -> Sequence[StatusRow]: ...
    async def units(self, id: WorkspaceId) -> SocketServiceSpec: ...


class Logs(Protocol):
    """Jobs' logs, live."""

    def follow(self, number: int) -> AsyncIterator[str]: ...


class Finding(Protocol):
    """One line of `nbhostctl check`."""

    @property
    def level(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ControlContext:
    """The people that the handlers speak to."""

    config: Callable[[], Config]
    keyring: Callable[[], Keyring]
    clock: Clock
    store: Store
    courses: Courses
    builder: ImageBuilder
    images: Images
    jobs: Jobs
    book: JobBook
    logs: Logs
    workspaces: Workspaces
    removal: Removal
    status: Status
    check: Callable[[], Awaitable[Sequence[Finding]]]


def course_name(request: web.Request) -> CourseName:
    """The course in a request's path. Raises Refused."""
    return CourseName.parse(request.match_info["course"])
