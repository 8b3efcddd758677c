"""What the pages about students ask of the outside world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.students import Activity, Listing, Measurement


class ListingDesk(Protocol):
    """What is asked of the desk."""

    async def files(
        self, workspace: int, uid: int, *, below: str = "", suffixes: Sequence[str] = ()
    ) -> Listing:
        """The plain files of a workspace (below a folder, with these suffixes); none when there is no workspace yet.

        Without those that are hidden or reached by a link. Of very many, some.
        """


class Measurements(Protocol):
    """How large each workspace was when it was measured last."""

    async def put(self, workspace: int, measurement: Measurement) -> None:
        """Remember it in place of the one before; a workspace that is gone has none."""

    async def of_course(self, course: CourseName) -> dict[int, Measurement]:
        """By the workspace's number."""

    async def every(self) -> dict[int, Measurement]:
        """Those of all courses, by the workspace's number."""


class Activities(Protocol):
    """The past, as statistics keep it."""

    async def activities(self, course: CourseName) -> Mapping[StudentName, Activity]:
        """Of everybody who has opened a notebook of the course."""


class Received(Protocol):
    """A file that came without saying how long it is, kept until it is passed on."""

    @property
    def size(self) -> int:
        """In bytes."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Its content, from the beginning."""


class Uploads(Protocol):
    """Where files wait, out of sight and out of memory."""

    def receive(self, content: AsyncIterator[bytes], most: int) -> AbstractAsyncContextManager[Received]:
        """Take a file in; it is gone when this is left.

        Raises Refused(413) when it is larger than `most` bytes, NotNow on a full disk, WorldError.
        """
