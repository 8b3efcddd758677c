"""What teachers hand out: files in drop areas, and what became of them."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbhostd.core.names import AreaName, CourseName, FilePath, NotebookPath
from nbhostd.core.takeover import Stock, Unpacked


@dataclass(frozen=True, slots=True)
class DropFile:
    """A file that a teacher hands out, and its size in bytes."""

    path: FilePath
    size: int


class Dropped(enum.StrEnum):
    """What became of one file for one student."""

    NEW = "new"
    THERE = "there"
    """The student has a file of that name: it stays as it is."""
    IN_THE_WAY = "in-the-way"
    """Something of the student's that is no plain file, or no plain folder, has that name."""


class DropFiles(Protocol):
    """What teachers put into drop areas: <state>/droparea/<course>/<area>/ (`Desk.stock` writes there)."""

    async def areas(self, course: CourseName) -> list[AreaName]:
        """The course's areas, by name."""

    async def files(self, course: CourseName, area: AreaName) -> list[DropFile]:
        """Every plain file of an area, by path."""

    async def remove_area(self, course: CourseName, area: AreaName) -> None:
        """Remove an area with all that is in it; not being there is success."""

    async def remove(self, course: CourseName, area: AreaName, file: FilePath) -> bool:
        """Remove one file; False when it was not there. What becomes of a course takes its areas along: CourseDirs."""


class HandingDesk(Protocol):
    """What drop areas ask of the desk."""

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        """Which of these are regular files in the workspace (False when there is no workspace yet)."""

    async def drop(
        self, workspace: int, uid: int, course: CourseName, area: AreaName, files: Sequence[FilePath]
    ) -> list[Dropped]:
        """Copy files of a drop area to DROPPED/<area>/ in the workspace, which is made when missing.

        Never overwrites anything. Raises Refused(404) when the area has no such file, NotNow on a full disk.
        """

    async def stock(
        self, place: Stock, course: CourseName, parcel: AsyncIterator[bytes], *, replace: bool = False
    ) -> Unpacked:
        """Write what a parcel holds into <state>/<place>/<course>/, as the service user.

        A file that is there stays, unless an earlier parcel brought it and nobody changed it since, or `replace`.
        Raises Refused for what is no whole parcel, NotNow on a full disk.
        """
