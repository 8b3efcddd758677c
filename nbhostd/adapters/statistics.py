"""The Statistics port: events queue up and are written together, in a file of their own."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.adapters.database import Connection, Database
from nbhostd.adapters.migrations import STATISTICS
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.students import Activity

log = logging.getLogger(__name__)

_LONGEST_QUEUE = 100_000
"""Events waiting for the disk; what comes on top is lost."""
_LAST_VISITS = "SELECT course, student, max(at) AS at FROM events WHERE event IN ('open', 'reset') GROUP BY course, student"

_ACTIVITIES = (
    "SELECT student, max(at) AS at, count(DISTINCT notebook) AS notebooks FROM events"
    " WHERE course = ? AND event IN ('open', 'reset') GROUP BY student"
)
_OPENED = (
    "SELECT DISTINCT notebook FROM events WHERE course = ? AND student = ? AND event IN ('open', 'reset')"
    " AND notebook <> ''"
)


class SqliteStatistics:
    """The Statistics of `core/ports.py`: while one batch is being written, the next one gathers.

    A flood makes the batches longer, not more numerous. One that cannot be written is lost, and said so.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[tuple[str, str, str, str, str]] = deque()
        self._batch_ordered = False
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> SqliteStatistics:
        """The events in the file `path`; it may be large, so it is not read whole to check it."""
        return cls(await Database.open(path, STATISTICS, synchronous="NORMAL", check=False))

    @property
    def database(self) -> Database:
        """The file, for the past that another system recorded."""
        return self._database

    def record(self, now: datetime, workspace: WorkspaceId, event: str, notebook: str) -> None:
        """Queue one event; never raises, never blocks."""
        if self._closed or len(self._queue) >= _LONGEST_QUEUE:
            return
        moment = now.astimezone(UTC).isoformat(timespec="microseconds")
        self._queue.append((moment, workspace.course, workspace.student, event, notebook))
        if not self._batch_ordered:
            self._batch_ordered = True
            self._database.submit(self._write_batch).add_done_callback(_complain)

    async def last_visits(self) -> dict[WorkspaceId, datetime]:
        """When each workspace was last opened, as far as is known."""
        rows = await self._database.read(lambda db: db.execute(_LAST_VISITS).fetchall())
        return {
            WorkspaceId(CourseName(row["course"]), StudentName(row["student"])): datetime.fromisoformat(
                row["at"]
            )
            for row in rows
        }

    async def opened(self, workspace: WorkspaceId) -> frozenset[str]:
        """The notebooks that this student has opened in this course, as they were called then."""
        names = (workspace.course, workspace.student)
        rows = await self._database.read(lambda db: db.execute(_OPENED, names).fetchall())
        return frozenset(row["notebook"] for row in rows)

    async def activities(self, course: CourseName) -> dict[StudentName, Activity]:
        """When each student of a course was last there, and how many notebooks were opened."""
        rows = await self._database.read(lambda db: db.execute(_ACTIVITIES, (course,)).fetchall())
        return {
            StudentName(row["student"]): Activity(datetime.fromisoformat(row["at"]), row["notebooks"])
            for row in rows
        }

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        """What happened in a course is found under its new name, those events included that wait for the disk."""
        # The one writer takes work in its order: a batch that was ordered is written before.
        await self._database.write(
            lambda db: db.execute("UPDATE events SET course = ? WHERE course = ?", (new, old)).rowcount
        )

    async def close(self) -> None:
        """Write what is queued, and close the file."""
        self._closed = True
        await self._database.close()  # which first ends the batch that was ordered

    def _write_batch(self, db: Connection) -> None:
        # Lowered before the queue is emptied: an event too late for this batch orders the next one.
        self._batch_ordered = False
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        db.executemany(
            "INSERT INTO events (at, course, student, event, notebook) VALUES (?, ?, ?, ?, ?)", batch
        )


def _complain(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        log.warning("statistics: a batch of events is lost: %s", error)
