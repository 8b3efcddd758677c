"""The Measurements port on SQLite: how large each workspace was when it was measured last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from nbhostd.adapters.database import Connection, Database
from nbhostd.core.names import CourseName
from nbhostd.core.students import Measurement

_PUT = """
    INSERT INTO measurements (workspace, size, files, measured_at)
    SELECT number, ?, ?, ? FROM workspaces WHERE number = ?
    ON CONFLICT (workspace) DO UPDATE SET size = excluded.size, files = excluded.files, measured_at = excluded.measured_at
"""
_OF_COURSE = """
    SELECT m.* FROM measurements m JOIN workspaces w ON w.number = m.workspace
    JOIN courses c ON c.number = w.course WHERE c.name = ?
"""


class SqliteMeasurements:
    """One row a workspace; it goes with the workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, workspace: int, measurement: Measurement) -> None:
        """Remember it in place of the one before; a workspace that is gone has none."""
        moment = measurement.at.astimezone(UTC).isoformat()

        def put(db: Connection) -> None:
            db.execute(_PUT, (measurement.size, measurement.files, moment, workspace))

        await self._database.write(put)

    async def of_course(self, course: CourseName) -> dict[int, Measurement]:
        """By the workspace's number."""
        return await self._database.read(lambda db: _by_number(db.execute(_OF_COURSE, (course,)).fetchall()))

    async def every(self) -> dict[int, Measurement]:
        """Those of all courses, by the workspace's number."""
        return await self._database.read(
            lambda db: _by_number(db.execute("SELECT * FROM measurements").fetchall())
        )


def _by_number(rows: Iterable[Any]) -> dict[int, Measurement]:
    return {
        row["workspace"]: Measurement(row["size"], row["files"], datetime.fromisoformat(row["measured_at"]))
        for row in rows
    }
