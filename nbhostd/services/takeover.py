"""Taking over another site's courses, students' files and past: piece by piece, each whole or not at all.

nbhostctl, as root, reads the other site and sends it in pieces; here each is put where it belongs, and remembered once
it is there. Nothing that is here already is overwritten.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nbhostd.core.counts import Counts, PastCount
from nbhostd.core.errors import Refused
from nbhostd.core.giturl import GitUrl
from nbhostd.core.model import Course, Mode
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.ports import Clock, Store
from nbhostd.core.predecessor import LONGEST_NOTEBOOK
from nbhostd.core.subject import subject
from nbhostd.core.takeover import Imports, PastEvent, PastEvents, Stock, Unpacked, UnpackingDesk
from nbhostd.services.courses import Changes, Courses
from nbhostd.services.dropareas import Lock
from nbhostd.services.jobbook import Say
from nbhostd.services.starter import RandomBytes, new_label

log = logging.getLogger(__name__)

COPY = "git"
"""Where the copy of a course's repository is, below <state>/import/<course>/."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Which piece of which site: `item` names it, `fingerprint` differs whenever it does."""

    source: str
    item: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A course as the other site had it."""

    git_url: str | None
    image: str | None
    flags: Changes
    from_copy: bool = False


class Takeover:
    """Receives the pieces."""

    def __init__(
        self, store: Store, courses: Courses, imports: Imports, events: PastEvents, counts: Counts,
        desk: UnpackingDesk, lock: Lock, clock: Clock, random_bytes: RandomBytes, place: Callable[[], str],
    ) -> None:  # fmt: skip
        self._store = store
        self._courses = courses
        self._imports = imports
        self._events = events
        self._counts = counts
        self._desk = desk
        self._lock = lock
        self._clock = clock
        self._random_bytes = random_bytes
        self._place = place

    async def done(self, source: str) -> dict[str, str]:
        """What of a source is here, with its fingerprint; what was deleted since is not here."""
        courses = {str(course.name) for course in await self._store.courses()}
        students = {f"student/{workspace.id}" for workspace in await self._store.workspaces()}
        return {
            item: fingerprint
            for item, fingerprint in (await self._imports.done(source)).items()
            if item == "people"
            or item in students
            or (not item.startswith("student/") and item.partition("/")[2] in courses)
        }

    async def course(self, name: CourseName, wish: Wish, say: Say) -> Course:
        """The course, made when it is not here; one that is here stays as it is.

        Its content comes from its address, or with `from_copy` from the copy that was sent; the address is remembered.
        Raises Refused, WorldError, NotNow: then there is no such course.
        """
        present = await self._store.course(name)
        if present is not None:
            return present
        if not wish.from_copy:
            if wish.git_url is None:
                raise Refused(f"The course “{name}” has no address.", reason="bad-git-url")
            await self._courses.create(name, wish.git_url, say, image=wish.image)
            return await self._courses.change(name, wish.flags)
        await self._courses.create(name, f"{self._place()}/{name}/{COPY}", say, image=wish.image)
        address = wish.git_url if wish.git_url is not None and _is_address(wish.git_url) else None
        return await self._courses.change(name, replace(wish.flags, git_url=address))

    async def stock(
        self, place: Stock, course: CourseName | None, piece: Piece, parcel: AsyncIterator[bytes]
    ) -> Unpacked:
        """Files of a course (of the site, with None) that are the administrator's or a teacher's. Raises Refused, NotNow."""
        if course is not None and place is not Stock.IMPORT:
            await self._courses.get(course)
        done = await self._desk.stock(place, course, parcel)
        await self._remember(piece, done)
        return done

    async def workspace(self, id: WorkspaceId, piece: Piece, parcel: AsyncIterator[bytes]) -> Unpacked:
        """A student's files in a course, into a workspace that is made when missing. Raises Refused(404), NotNow.

        While they arrive, the student who opens the course waits: else their copy would come in the way of their work.
        """
        with subject(id):
            async with self._lock(id):
                label = new_label(self._random_bytes)
                workspace = await self._store.ensure_workspace(id, Mode.MOOC, label, self._clock.now())
                done = await self._desk.unpack(workspace.number, workspace.uid, parcel)
            await self._remember(piece, done)
            log.info("imported: %d files written, %d kept", done.written, done.kept_count)
        return done

    async def _remember(self, piece: Piece, done: Unpacked) -> None:
        if done.troubles:
            return  # the next run tries again what could not be written
        await self._imports.record(piece.source, piece.item, piece.fingerprint, self._clock.now())

    async def progress(self, piece: Piece) -> str:
        """How far a course's events, or counts, have been taken over, in the words of whoever sent them."""
        return await self._events.progress(piece.source, piece.item)

    async def add_events(
        self, course: CourseName, piece: Piece, events: list[PastEvent], progress: str
    ) -> int:
        """Add past events of a course, and say how many; sent again, they are not there twice. Raises Refused(404)."""
        await self._courses.get(course)
        return await self._events.add(piece.source, piece.item, course, events, progress, self._clock.now())

    async def add_counts(
        self, course: CourseName, piece: Piece, counts: list[PastCount], progress: str
    ) -> int:
        """Add past counts of a course, beside what is known of the same moments. Raises Refused(404)."""
        await self._courses.get(course)
        await self._counts.add_past(piece.source, piece.item, course, counts, progress, self._clock.now())
        return len(counts)


def past_event(at: str, student: str, event: str, notebook: str) -> PastEvent:
    """An event as it was sent. Raises Refused, ValueError."""
    moment = datetime.fromisoformat(at)
    if event not in ("open", "stop") or len(notebook) > LONGEST_NOTEBOOK:
        raise Refused("This is no event.")
    return PastEvent(
        moment if moment.tzinfo else moment.replace(tzinfo=UTC), StudentName.parse(student), event, notebook
    )


def _is_address(text: str) -> bool:
    try:
        GitUrl.parse(text)
    except Refused:
        return False
    return True
