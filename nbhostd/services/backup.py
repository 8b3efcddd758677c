"""A backup of the site while it serves: which parts there are, and each of them as a stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from nbhostd.core.backup import DATABASES, TREES, PackingDesk, Part, Snapshots, StillMirrors, Survey
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, Workspace
from nbhostd.core.ports import Images, Store
from nbhostd.core.subject import subject

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]

_SNAPSHOTS = "backup"
_MEASURED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """A part as it goes out; `parcel` is None when there is no such thing (any more)."""

    part: Part
    parcel: AsyncIterator[bytes] | None


class Backup:
    """Reads everything that cannot be made anew; one backup at a time."""

    def __init__(
        self, store: Store, snapshots: Snapshots, mirrors: StillMirrors, desk: PackingDesk, images: Images,
        version: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._snapshots = snapshots
        self._mirrors = mirrors
        self._desk = desk
        self._images = images
        self._version = version
        self._busy = False

    async def survey(self, progress: Progress, *, students: bool) -> Survey:
        """What a backup would hold, measured."""
        courses = await self._store.courses()
        workspaces = await self._store.workspaces() if students else []
        names = ("nbhostd.db", "statistics.db", *TREES, *(f"courses/{course.name}/git" for course in courses))
        size = sum([await self._snapshots.measure(name) for name in names])
        return Survey(
            version=self._version,
            schema=await self._snapshots.steps(),
            courses=[
                {"name": course.name, "commit": course.commit, "image": course.image} for course in courses
            ],
            images=await self._image_names(),
            parts=_parts(courses, workspaces),
            size=size + await self._measure(workspaces, progress),
        )

    @asynccontextmanager
    async def open(self, *, students: bool) -> AsyncIterator[AsyncGenerator[Packed]]:
        """The parts, one after the other, as they were when this was entered (students' files: when it is their turn).

        Raises Refused(409) while another backup is made, NotNow on a full disk, WorldError.
        """
        if self._busy:
            raise Refused("Another backup is being made just now.", status=409, reason="backup-busy")
        self._busy = True
        try:
            with subject("backup"):
                await self._snapshots.take()
                parts = _parts(
                    await self._store.courses(), await self._store.workspaces() if students else []
                )
                async with aclosing(self._packed(parts)) as packed:
                    yield packed
        finally:
            self._busy = False
            await self._snapshots.discard()

    async def _packed(self, parts: list[Part]) -> AsyncGenerator[Packed]:
        for part in parts:
            async with AsyncExitStack() as held:
                if part.course is not None:
                    await held.enter_async_context(self._mirrors.still(part.course))
                parcel = await held.enter_async_context(aclosing(self._parcel(part)))
                first = await _first(parcel)
                yield Packed(part, None if first is None else _joined(first, parcel))

    def _parcel(self, part: Part) -> AsyncGenerator[bytes]:
        if part.workspace is not None:
            return self._desk.pack(part.workspace, part.uid)
        if part.name == DATABASES:
            return self._desk.pack_stock(DATABASES, under=[_SNAPSHOTS])
        return self._desk.pack_stock(f"{part.name}/git" if part.course is not None else part.name)

    async def _measure(self, workspaces: list[Workspace], progress: Progress) -> int:
        turns, measured = asyncio.Semaphore(_MEASURED_AT_ONCE), 0

        async def one(workspace: Workspace) -> int:
            nonlocal measured
            async with turns:
                size, _ = await self._desk.measure(workspace.number, workspace.uid)
            measured += 1
            progress(measured, len(workspaces), "measuring students' files")
            return size

        return sum(await asyncio.gather(*map(one, workspaces)))

    async def _image_names(self) -> list[str]:
        try:
            return [name for name, _, _ in await self._images.named()]
        except NbhostdError as error:
            log.warning("the images could not be listed for the backup: %s", error)
            return []


def _parts(courses: list[Course], workspaces: list[Workspace]) -> list[Part]:
    return [
        Part(DATABASES),
        *(Part(f"courses/{course.name}") for course in courses),
        *(Part(name) for name in TREES),
        *(Part(f"workspaces/{one.number}", one.uid, str(one.id)) for one in workspaces),
    ]


async def _first(parcel: AsyncGenerator[bytes]) -> bytes | None:
    """The parcel's first piece, or None when there is nothing to pack."""
    try:
        return await anext(parcel)
    except Refused as refused:
        if refused.status != 404:
            raise
        return None


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
