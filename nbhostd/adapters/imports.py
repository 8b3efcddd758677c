"""What was taken over from another system, in both databases: a record of it, and its events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from nbhostd.adapters.database import Connection, Database
from nbhostd.adapters.statistics import EventRow, add_events
from nbhostd.core.figures import VISITS, stem
from nbhostd.core.names import CourseName
from nbhostd.core.takeover import PastEvent

_ALIKE = """
SELECT count(*) AS n FROM events WHERE at = ? AND course = (SELECT id FROM courses WHERE name = ?)
    AND student = (SELECT id FROM students WHERE name = ?) AND event IN (?, ?)
    AND notebook IS (SELECT id FROM notebooks WHERE name = ?)
"""


class SqliteImports:
    """The Imports of `core/takeover.py`, in the store's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def done(self, source: str) -> dict[str, str]:
        """The fingerprint of every item of that source that is here, whole."""
        query = "SELECT item, fingerprint FROM imports WHERE source = ?"
        return await self._database.read(
            lambda db: {row["item"]: row["fingerprint"] for row in db.execute(query, (source,))}
        )

    async def record(self, source: str, item: str, fingerprint: str, now: datetime) -> None:
        """Remember that an item is here, whole."""
        await self._database.write(lambda db: record_progress(db, source, item, fingerprint, now))


class SqlitePastEvents:
    """The PastEvents of `core/takeover.py`, in the statistics' file: events and progress are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def progress(self, source: str, item: str) -> str:
        """How far the item has been taken over; '' for nothing yet."""
        query = "SELECT fingerprint FROM imports WHERE source = ? AND item = ?"

        def find(db: Connection) -> str:
            row = db.execute(query, (source, item)).fetchone()
            return str(row["fingerprint"]) if row else ""

        return await self._database.read(find)

    async def add(
        self, source: str, item: str, course: CourseName, events: Sequence[PastEvent], progress: str, now: datetime
    ) -> int:  # fmt: skip
        """Add events that are not here yet and remember how far it is, both or neither; how many are added."""
        rows = [
            (int(event.at.timestamp()), str(course), str(event.student), event.event, stem(event.notebook))
            for event in events
        ]

        def add(db: Connection) -> int:
            missing = _missing(db, rows)
            add_events(db, missing)
            record_progress(db, source, item, progress, now)
            return len(missing)

        return await self._database.write(add)


def _missing(db: Connection, rows: Sequence[EventRow]) -> list[EventRow]:
    """Those that are not here, in their order."""
    here: dict[EventRow, int] = {}
    missing = []
    for row in rows:
        at, course, student, event, notebook = row
        kinds = VISITS if event in VISITS else (event, event)
        key = (at, course, student, kinds[0], notebook)
        if key not in here:
            here[key] = db.execute(_ALIKE, (at, course, student, *kinds, notebook)).fetchone()["n"]
        if here[key]:
            here[key] -= 1
        else:
            missing.append(row)
    return missing


def record_progress(db: Connection, source: str, item: str, fingerprint: str, now: datetime) -> None:
    db.execute(
        "INSERT INTO imports (source, item, fingerprint, imported_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (source, item) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " imported_at = excluded.imported_at",
        (source, item, fingerprint, now.astimezone(UTC).isoformat(timespec="microseconds")),
    )
