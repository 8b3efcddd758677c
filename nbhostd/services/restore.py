"""A site comes back from a backup: everything is staged beside the one that is here, and takes its place at a start.

Until `finish` has said that it is whole, what is here is untouched; after that, the daemon's next start puts it in its
place before it serves anybody.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from nbhostd.core.backup import DATABASES, Part, Snapshots, Stage, Staging, StagingDesk
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import JobState, Phase
from nbhostd.core.ports import Clock, Git, Host, Images, Store
from nbhostd.core.subject import subject
from nbhostd.core.takeover import Unpacked
from nbhostd.services.entries import Entries
from nbhostd.services.jobbook import Say

log = logging.getLogger(__name__)

_ASLEEP = (Phase.ASLEEP, Phase.FAILED)
_LATEST_JOBS = 200
_ROOM = 1 << 30
"""What a restore leaves free on the disk, in bytes."""


class Restore:
    """Takes a backup's parts; one restore at a time, which may be gone on with."""

    def __init__(
        self, store: Store, entries: Entries, stage: Stage, desk: StagingDesk, git: Git, snapshots: Snapshots,
        images: Images, host: Host, clock: Clock, leave: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._entries = entries
        self._stage = stage
        self._desk = desk
        self._git = git
        self._snapshots = snapshots
        self._images = images
        self._host = host
        self._clock = clock
        self._leave = leave
        self._busy = False

    async def state(self) -> dict[str, Any]:
        """What is here, what is staged, and what was restored last."""
        staging = await self._stage.present()
        return {
            "courses": len(await self._store.courses()),
            "workspaces": len(await self._store.workspaces()),
            "awake": self._awake(),
            "schema": await self._snapshots.steps(),
            "staging": None if staging is None else
            {"id": staging.id, "parts": sorted(staging.parts), "ready": staging.ready, "told": staging.told},
            "restored": await self._stage.restored(),
            "images": await self._image_names(),
        }  # fmt: skip

    async def begin(self, id: str, told: Mapping[str, Any], size: int, *, replace: bool) -> frozenset[str]:
        """Begin a restore, or go on with it; the parts that are here already.

        One that another backup had begun is forgotten. Raises Refused(409) when the site has content and `replace` is not
        said, or work is going on in it; or when there is no room for `size` bytes.
        """
        with subject("restore"):
            present = await self._stage.present()
            if present is not None and present.ready:
                raise Refused(
                    "A restore is whole and waits for nbhostd's next start: systemctl restart nbhostd",
                    status=409, reason="restore-ready",
                )  # fmt: skip
            if not replace:
                await self._refuse_content()
            await self._refuse_work()
            if present is not None and present.id == id:
                return present.parts
            if present is not None:
                await self._clear()
            self._refuse_without_room(size)
            await self._stage.begin(id, told)
            log.info("begun")
            return frozenset()

    async def take(self, id: str, part: Part, parcel: AsyncIterator[bytes]) -> Unpacked:
        """Stage one part. Raises Refused (no such restore; no databases yet; no such workspace), NotNow, WorldError."""
        await self._the_one(id)
        if self._busy:
            raise Refused("Another part is being restored just now.", status=409, reason="restore-busy")
        self._busy = True
        try:
            with subject("restore"):
                done = await self._take(part, parcel)
                await self._stage.done(part.name)
                return done
        finally:
            self._busy = False

    async def _take(self, part: Part, parcel: AsyncIterator[bytes]) -> Unpacked:
        number = part.workspace
        if number is None:
            done = await self._desk.stage(parcel)
            if part.name == DATABASES:
                await self._stage.settle(self._clock.now())
            return done
        uid = (await self._stage.workspaces()).get(number)
        if uid is None:
            raise Refused(
                f"The backup's database knows no workspace {number}.", status=409, reason="no-workspace"
            )
        return await self._desk.unpack(number, uid, parcel, staged=True)

    async def finish(self, id: str, say: Say) -> None:
        """Publish the courses in the stage, say that it is whole, and let the daemon start anew. Raises Refused, WorldError."""
        staging = await self._the_one(id)
        with subject("restore"):
            if DATABASES not in staging.parts:
                raise Refused("The databases are not here yet.", status=409, reason="restore-incomplete")
            await self._refuse_work()
            for course, commit in (await self._stage.courses()).items():
                if commit is None or not await self._stage.mirrored(course):
                    say(f"warning: {course} has no content in the backup: nbhostctl course pull {course}")
                else:
                    await self._git.export(course, commit, say)
            await self._stage.seal(self._clock.now())
            log.info("whole: takes its place at the next start, which is now")
        self._leave()

    async def abandon(self) -> None:
        """Forget what was staged. Raises Refused(404), and Refused(409) when it is whole."""
        present = await self._stage.present()
        if present is None:
            raise Refused("No restore was begun.", status=404, reason="no-restore")
        if present.ready or self._busy:
            raise Refused("It is too late for that.", status=409, reason="restore-ready")
        with subject("restore"):
            await self._clear()
            log.info("abandoned")

    async def _clear(self) -> None:
        for number, uid in (await self._stage.workspaces()).items():
            await self._desk.delete(number, uid, staged=True)
        await self._stage.clear()

    async def _the_one(self, id: str) -> Staging:
        present = await self._stage.present()
        if present is None or present.id != id or present.ready:
            raise Refused("This restore was not begun.", status=409, reason="no-restore")
        return present

    def _awake(self) -> int:
        return sum(entry.state.phase not in _ASLEEP for entry in self._entries)

    async def _refuse_content(self) -> None:
        courses, workspaces = len(await self._store.courses()), len(await self._store.workspaces())
        if courses or workspaces:
            raise Refused(
                f"This site has {courses} courses and {workspaces} workspaces: --replace puts them aside.",
                status=409, reason="site-in-use",
            )  # fmt: skip

    async def _refuse_work(self) -> None:
        if awake := self._awake():
            raise Refused(f"{awake} workspaces run: stop them first.", status=409, reason="site-in-use")
        for job in await self._store.jobs(limit=_LATEST_JOBS):
            if job.state is JobState.RUNNING:
                raise Refused(
                    f"Job {job.number} ({job.kind} {job.subject}) runs: wait for its end.",
                    status=409, reason="site-in-use",
                )  # fmt: skip

    def _refuse_without_room(self, size: int) -> None:
        free = self._host.facts().disk_free
        if size + _ROOM > free:
            raise Refused(
                f"The backup is {size >> 20} MB, and the disk has {free >> 20} MB left.",
                status=409, reason="no-room",
            )  # fmt: skip

    async def _image_names(self) -> list[str] | None:
        try:
            return [name for name, _, _ in await self._images.named()]
        except NbhostdError as error:
            log.warning("the images could not be listed: %s", error)
            return None
