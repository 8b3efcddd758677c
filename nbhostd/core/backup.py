"""A backup: which parts it has, what is known of each, and who may make it anew."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName
from nbhostd.core.takeover import Unpacked

FORMAT = 1
"""Of archives; one with another number is another program's."""
DATABASES = "databases"
"""The part that is first: what is in it says which workspaces are whose."""
DATABASE_FILES = ("nbhostd.db", "statistics.db")
CONFIGURATION = "etc"
"""The part that nbhostctl reads and writes itself."""
TREES = ("local", "droparea", "shares", "sites", "import", "jobs", ".ssh")
"""Directories of the state that are a part each, when they are there."""
REPLACED = (
    "courses", "workspaces", "local", "droparea", "shares", "sites", "import", "jobs", "looks", "uploads",
)  # fmt: skip
"""Directories of the state that never outlive the site that they belong to."""

_PART = re.compile(r"databases|courses/[^/]+|workspaces/[1-9][0-9]{0,17}|" + "|".join(map(re.escape, TREES)))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the site: its name, and for a workspace whose it is."""

    name: str
    uid: int = 0
    whose: str = ""
    """'course/student', for people who read the manifest."""

    @property
    def workspace(self) -> int | None:
        """The workspace's number, or None when it is no workspace."""
        kind, _, number = self.name.partition("/")
        return int(number) if kind == "workspaces" else None

    @property
    def course(self) -> CourseName | None:
        """The course whose mirror it is, or None."""
        kind, _, name = self.name.partition("/")
        return CourseName(name) if kind == "courses" else None

    @classmethod
    def parse(cls, name: str) -> Part:
        """The part of that name. Raises Refused(404)."""
        if not _PART.fullmatch(name):
            raise Refused("A backup has no such part.", status=404, reason="no-such-part")
        part = cls(name)
        if part.course is not None:
            CourseName.parse(part.course)
        return part


@dataclass(frozen=True, slots=True)
class Survey:
    """What a backup made now would hold."""

    version: str
    schema: Mapping[str, int]
    """The newest step of each database."""
    courses: Sequence[Mapping[str, str | None]]
    images: Sequence[str]
    """Names of the images that are here; they are made anew, not kept."""
    parts: Sequence[Part]
    size: int
    """About how much it is, in bytes."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A restore that has begun: what it is of, and how far it is."""

    id: str
    told: Mapping[str, Any] = field(default_factory=dict)
    """Where and when the backup was made, in the words of whoever brings it."""
    parts: frozenset[str] = frozenset()
    ready: bool = False


class Snapshots(Protocol):
    """Copies of the databases, and the sizes of the service's own directories."""

    async def take(self) -> None:
        """Copy both databases, each as it is at one moment, to <state>/backup/databases/. Raises NotNow, WorldError."""

    async def discard(self) -> None:
        """Remove the copies; not being there is success."""

    async def measure(self, path: str) -> int:
        """Bytes of what is at `path` below the state; 0 when nothing is."""

    async def steps(self) -> dict[str, int]:
        """The newest step of each database, by its file's name."""


class StillMirrors(Protocol):
    """The courses' mirrors, held still."""

    def still(self, course: CourseName) -> AbstractAsyncContextManager[None]:
        """Nobody fetches into a course's mirror, exports from it or deletes it meanwhile."""


class PackingDesk(Protocol):
    """What a backup asks of the desk; parcels are those of core/parcel.py, each line a piece of its own."""

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]: ...

    def pack(self, workspace: int, uid: int) -> AsyncGenerator[bytes]:
        """What is in the workspace, read as the student. Raises Refused(404) when there is none, WorldError.

        No link is followed; what is no plain file, folder or link, or cannot be read, or changed under the reader is
        told by a NOTE.
        """

    def pack_stock(self, path: str, *, under: Sequence[str] = ()) -> AsyncGenerator[bytes]:
        """`path` below <state>/<under>/, as the service user; the entries' paths begin with `path`."""


class StagingDesk(Protocol):
    """What a restore asks of the desk."""

    async def stage(self, parcel: AsyncIterator[bytes]) -> Unpacked:
        """Write a parcel into <state>/restore/, as the service user."""

    async def unpack(
        self, workspace: int, uid: int, parcel: AsyncIterator[bytes], *, staged: bool = False
    ) -> Unpacked:
        """Write a parcel into a workspace, as the student; with `staged` below <state>/restore/, as it is, no list kept."""

    async def delete(self, workspace: int, uid: int, *, staged: bool = False) -> None: ...


class Stage(Protocol):
    """Where a restore puts everything until it is whole: <state>/restore/, and notes beside it."""

    async def present(self) -> Staging | None:
        """The restore that has begun, or None."""

    async def begin(self, id: str, told: Mapping[str, Any]) -> None:
        """An empty stage for this restore."""

    async def done(self, part: str) -> None:
        """Remember that a part is here, whole."""

    async def settle(self, now: datetime) -> None:
        """Bring the staged databases up to date; nothing in them runs, nobody is logged in. Raises WorldError."""

    async def workspaces(self) -> dict[int, int]:
        """The uid of each workspace, by its number, as the staged database says; empty before that is here."""

    async def courses(self) -> dict[CourseName, str | None]:
        """The commit that each course shows, as the staged database says."""

    async def mirrored(self, course: CourseName) -> bool:
        """Whether the course's mirror is here."""

    async def seal(self, now: datetime) -> None:
        """It is whole: at its next start, the daemon puts it in its place."""

    async def clear(self) -> None:
        """Forget the restore, and remove all of it but students' directories. Raises WorldError."""

    async def restored(self) -> Mapping[str, Any] | None:
        """What was put in its place last: `id`, `restored_at`, `aside` and what was told; None when nothing was."""
