"""What is taken over from another system."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nbhostd.core.names import CourseName, StudentName


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What became of a parcel: files written and their bytes, files that were here already, and what was not done."""

    written: int
    size: int
    same: int
    kept: tuple[str, ...] = ()
    """The first paths whose file here is another one, and stays."""
    kept_count: int = 0
    troubles: tuple[str, ...] = ()
    """The first 'path: what the system said' of what could not be written."""


class Stock(enum.StrEnum):
    """Directories of the state that hold something of each course's, written by the administrator or a teacher."""

    DROPAREA = "droparea"
    LOCAL = "local"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class PastEvent:
    """Something that happened in another system; `event` and `notebook` as Statistics.record has them."""

    at: datetime
    student: StudentName
    event: str
    notebook: str


class Imports(Protocol):
    """What of another system was taken over already."""

    async def done(self, source: str) -> dict[str, str]:
        """The fingerprint of every item of that source that is here, whole."""

    async def record(self, source: str, item: str, fingerprint: str, now: datetime) -> None: ...


class PastEvents(Protocol):
    """Events that another system recorded, beside our own."""

    async def progress(self, source: str, item: str) -> str:
        """How far the item has been taken over, in the words of whoever gave it; '' for nothing yet."""

    async def add(
        self, source: str, item: str, course: CourseName, events: Sequence[PastEvent], progress: str, now: datetime
    ) -> int:  # fmt: skip
        """Add events and remember how far it is, both or neither; how many are added.

        What is known already is not: of as many that are alike, to the second, as many more as are not here yet. An
        original that was brought back is an opened notebook, too.
        """


class UnpackingDesk(Protocol):
    """What an import asks of the desk."""

    async def unpack(self, workspace: int, uid: int, parcel: AsyncIterator[bytes]) -> Unpacked:
        """Write what a parcel (core/parcel.py) holds into the workspace, as the student; made when missing.

        A file that is there stays, unless an earlier parcel brought it and nobody changed it since. Raises Refused
        for what is no whole parcel, NotNow on a full disk; what was written before that is whole and stays.
        """

    async def stock(
        self, place: Stock, course: CourseName | None, parcel: AsyncIterator[bytes], *, replace: bool = False
    ) -> Unpacked:
        """The same into <state>/<place>/<course>/ (without a course, <state>/<place>/), as the service user.

        `replace` overwrites plain files.
        """
