"""The Statistics port: events queue up and are written together, in a file of their own."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.adapters import rollups
from nbhostd.adapters.database import Connection, Database
from nbhostd.adapters.migrations import STATISTICS
from nbhostd.core.figures import stem
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.students import Activity

log = logging.getLogger(__name__)

_LONGEST_QUEUE = 100_000
"""Events waiting for the disk; what comes on top is lost."""
# Both: what was summed up (`rollups`), and the few events since, that are not yet.
_SINCE = "number > (SELECT upto FROM summed) AND event IN ('open', 'reset') AND notebook IS NOT NULL"
_LAST_VISITS = f"""
SELECT c.name AS course, s.name AS student, max(at) AS at
FROM (
    SELECT course, student, last AS at FROM visitors
    UNION ALL SELECT course, student, at FROM events WHERE {_SINCE}
) v JOIN courses c ON c.id = v.course JOIN students s ON s.id = v.student
GROUP BY v.course, v.student
"""
_ACTIVITIES = f"""
SELECT s.name AS student, max(last) AS at, sum(notebooks) AS notebooks
FROM (
    SELECT course, student, last, notebooks FROM visitors
    UNION ALL
    SELECT course, student, max(at), count(DISTINCT CASE WHEN NOT EXISTS (
        SELECT 1 FROM reads r WHERE r.course = e.course AND r.notebook = e.notebook AND r.student = e.student
    ) THEN notebook END) FROM events e WHERE {_SINCE} GROUP BY course, student
) v JOIN students s ON s.id = v.student
WHERE v.course = (SELECT id FROM courses WHERE name = ?) GROUP BY v.student
"""
_OPENED = """
SELECT DISTINCT n.name FROM events e JOIN notebooks n ON n.id = e.notebook
WHERE e.course = (SELECT id FROM courses WHERE name = ?) AND e.student = (SELECT id FROM students WHERE name = ?)
    AND e.event IN ('open', 'reset')
"""
_ADD = """
INSERT INTO events (at, course, student, event, notebook) VALUES (
    ?, (SELECT id FROM courses WHERE name = ?), (SELECT id FROM students WHERE name = ?), ?,
    (SELECT id FROM notebooks WHERE name = ?)
)
"""

EventRow = tuple[int, str, str, str, str]
"""(seconds since 1970, course, student, event, notebook or '')."""


class SqliteStatistics:
    """The Statistics of `core/ports.py`: while one batch is being written, the next one gathers.

    A flood makes the batches longer, not more numerous. One that cannot be written is lost, and said so.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[EventRow] = deque()
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
        at = int(now.timestamp())
        self._queue.append((at, workspace.course, workspace.student, event, stem(notebook)))
        if not self._batch_ordered:
            self._batch_ordered = True
            self._database.submit(self._write_batch).add_done_callback(_complain)

    async def last_visits(self) -> dict[WorkspaceId, datetime]:
        """When each workspace was last opened, as far as is known."""
        rows = await self._database.read(lambda db: db.execute(_LAST_VISITS).fetchall())
        return {
            WorkspaceId(CourseName(row["course"]), StudentName(row["student"])): datetime.fromtimestamp(
                row["at"], UTC
            )
            for row in rows
        }

    async def opened(self, workspace: WorkspaceId) -> frozenset[str]:
        """The notebooks that this student has opened in this course, without the suffixes that they had then."""
        names = (workspace.course, workspace.student)
        rows = await self._database.read(lambda db: db.execute(_OPENED, names).fetchall())
        return frozenset(row["name"] for row in rows)

    async def activities(self, course: CourseName) -> dict[StudentName, Activity]:
        """When each student of a course was last there, and how many notebooks were opened."""
        rows = await self._database.read(lambda db: db.execute(_ACTIVITIES, (course,)).fetchall())
        return {
            StudentName(row["student"]): Activity(datetime.fromtimestamp(row["at"], UTC), row["notebooks"])
            for row in rows
        }

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        """What happened in a course is found under its new name, those events included that wait for the disk."""
        # The one writer takes work in its order: a batch that was ordered is written before.
        await self._database.write(lambda db: rollups.rename_course(db, old, new))

    async def forget_course(self, course: CourseName) -> None:
        """Nothing is left of what happened in a course; of people and notebooks that were in no other, nothing at all."""
        await self._database.write(lambda db: rollups.forget_course(db, course))

    async def close(self) -> None:
        """Write what is queued, and close the file."""
        self._closed = True
        await self._database.close()  # which first ends the batch that was ordered

    def _write_batch(self, db: Connection) -> None:
        # Lowered before the queue is emptied: an event too late for this batch orders the next one.
        self._batch_ordered = False
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        add_events(db, batch)


def add_events(db: Connection, rows: Sequence[EventRow]) -> None:
    """Write events down, by the numbers of the names in them."""
    for table, names in (
        ("courses", {row[1] for row in rows}),
        ("students", {row[2] for row in rows}),
        ("notebooks", {row[4] for row in rows} - {""}),
    ):
        db.executemany(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", [(name,) for name in names])
    db.executemany(_ADD, rows)


def _complain(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        log.warning("statistics: a batch of events is lost: %s", error)
