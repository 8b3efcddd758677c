"""The Sites port on SQLite: which static sites were made, or tried."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.core.model import JobState, Site


class SqliteSites:
    """The table `sites` of the store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, site: Site) -> None:
        """Remember an attempt, in place of an earlier one at the same commit."""

        def write(db: Connection) -> None:
            db.execute(
                "INSERT INTO sites (course, build, commit_id, job, state, built_at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (course, build, commit_id) DO UPDATE"
                " SET job = excluded.job, state = excluded.state, built_at = excluded.built_at",
                (site.course, site.build, site.commit, site.job, site.state, site.built_at.isoformat()),
            )

        await self._database.write(write)

    async def of_course(self, course: int) -> list[Site]:
        """All attempts that are remembered, the latest first."""
        return await self._database.read(
            lambda db: [
                _site(row)
                for row in db.execute("SELECT * FROM sites WHERE course = ? ORDER BY job DESC", (course,))
            ]
        )

    async def by_job(self, job: int) -> Site | None:
        """What a job was to make."""

        def find(db: Connection) -> Site | None:
            row = db.execute("SELECT * FROM sites WHERE job = ?", (job,)).fetchone()
            return _site(row) if row else None

        return await self._database.read(find)

    async def forget(self, course: int, build: str, commits: Iterable[str]) -> None:
        """Forget attempts at these commits."""
        gone = [(course, build, commit) for commit in commits]

        def write(db: Connection) -> None:
            db.executemany("DELETE FROM sites WHERE course = ? AND build = ? AND commit_id = ?", gone)

        await self._database.write(write)


def _site(row: Row) -> Site:
    return Site(
        course=int(row["course"]),
        build=str(row["build"]),
        commit=str(row["commit_id"]),
        job=int(row["job"]),
        state=JobState(row["state"]),
        built_at=datetime.fromisoformat(row["built_at"]),
    )
