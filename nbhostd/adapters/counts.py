"""The Counts of `core/counts.py`, in statistics.db, and the computer's gauges."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path

import psutil

from nbhostd.adapters import rollups
from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.adapters.imports import record_progress
from nbhostd.core.counts import DAY, HOUR, KEPT_HOURLY, KEPT_WHOLE, CountPoint, HostCount, PastCount, Running
from nbhostd.core.names import CourseName

_GAUGES = [field.name for field in fields(HostCount)]
_HOST = ", ".join(("at", "workspaces", "kernels", *_GAUGES))
_PLACES = ", ".join("?" for _ in range(len(_GAUGES) + 3))
_ADD_HOST = f"INSERT INTO host_counts ({_HOST}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING"
_ADD_COURSE = (
    "INSERT INTO course_counts (course, at, workspaces, kernels, students) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_MEANS = ", ".join(f"CAST(round(avg(h.{name})) AS INTEGER) AS {name}" for name in _GAUGES)
_MINUTE = 60


class SqliteCounts:
    """A count is known by its minute."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, now: datetime, host: HostCount, all: Running, courses: Mapping[CourseName, Running]
    ) -> None:
        """Write a count down; a course that is not named had nothing running."""
        at = _minute(int(now.timestamp()))

        def add(db: Connection) -> None:
            db.execute(_ADD_HOST, (at, all.workspaces, all.kernels, *astuple(host)))
            for course, running in courses.items():
                _add_course(db, course, at, running)

        await self._database.write(add)

    async def add_past(
        self,
        source: str,
        item: str,
        course: CourseName,
        counts: Sequence[PastCount],
        progress: str,
        now: datetime,
    ) -> None:
        """Add a course's past counts and remember how far it is, both or neither. What is known of a moment stays."""

        def add(db: Connection) -> None:
            for count in counts:
                at = _minute(count.at)
                db.execute(_ADD_HOST, (at, count.all.workspaces, count.all.kernels, *astuple(count.host)))
                if count.course.workspaces or count.course.kernels or count.course.students:
                    _add_course(db, course, at, count.course)
            record_progress(db, source, item, progress, now)

        await self._database.write(add)

    async def thin(self, now: datetime) -> int:
        """Leave one count an hour, and one a day, of what is old; how many went."""
        edges = [
            (HOUR, int((now - KEPT_WHOLE).timestamp())),
            (DAY, int((now - KEPT_HOURLY).timestamp())),
        ]
        return await self._database.write(
            lambda db: sum(_thin(db, step, before // DAY * DAY) for step, before in edges)
        )

    async def series(
        self, course: CourseName, since: datetime, until: datetime, most: int
    ) -> list[CountPoint]:
        """The counts from then until then, in at most `most` points: the most that ran, and the mean of the rest."""
        first, last = int(since.timestamp()), int(until.timestamp())
        step = max(_MINUTE, -(-(last - first + 1) // most))

        def look(db: Connection) -> list[Row]:
            return db.execute(
                f"""
                SELECT min(h.at) AS at, max(h.workspaces) AS workspaces, max(h.kernels) AS kernels,
                    coalesce(max(c.workspaces), 0) AS here, coalesce(max(c.kernels), 0) AS here_kernels,
                    max(c.students) AS students, {_MEANS}
                FROM host_counts h LEFT JOIN course_counts c ON c.course = :course AND c.at = h.at
                WHERE h.at BETWEEN :first AND :last GROUP BY (h.at - :first) / :step ORDER BY at
                """,
                {"course": rollups.number_of(db, course), "first": first, "last": last, "step": step},
            ).fetchall()

        return [_point(row) for row in await self._database.read(look)]

    async def all_of(self, course: CourseName, after: int, most: int) -> list[CountPoint]:
        """The next counts after a moment, as they are kept."""

        def look(db: Connection) -> list[Row]:
            gauges = ", ".join(f"h.{name}" for name in _GAUGES)
            return db.execute(
                f"""
                SELECT h.at, h.workspaces, h.kernels, coalesce(c.workspaces, 0) AS here,
                    coalesce(c.kernels, 0) AS here_kernels, c.students, {gauges}
                FROM host_counts h LEFT JOIN course_counts c ON c.course = ? AND c.at = h.at
                WHERE h.at > ? ORDER BY h.at LIMIT ?
                """,
                (rollups.number_of(db, course), after, most),
            ).fetchall()

        return [_point(row) for row in await self._database.read(look)]

    async def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last count were; None without any."""
        row = await self._database.read(
            lambda db: db.execute("SELECT min(at) AS first, max(at) AS last FROM host_counts").fetchone()
        )
        if row["first"] is None:
            return None
        return datetime.fromtimestamp(row["first"], UTC), datetime.fromtimestamp(row["last"], UTC)


def _minute(at: int) -> int:
    return at // _MINUTE * _MINUTE


def _add_course(db: Connection, course: CourseName, at: int, running: Running) -> None:
    db.execute("INSERT OR IGNORE INTO courses (name) VALUES (?)", (course,))
    number = rollups.number_of(db, course)
    db.execute(_ADD_COURSE, (number, at, running.workspaces or 0, running.kernels or 0, running.students))


def _thin(db: Connection, step: int, before: int) -> int:
    """Make one count of those in each `step` before a moment; how many went."""
    had = db.execute("SELECT count(*) AS n FROM host_counts").fetchone()["n"]
    rows = db.execute(
        f"SELECT h.at / :step * :step AS at, max(h.workspaces) AS workspaces, max(h.kernels) AS kernels, {_MEANS}"
        " FROM host_counts h WHERE h.at < :before GROUP BY h.at / :step HAVING count(*) > 1 OR min(h.at) % :step",
        {"step": step, "before": before},
    ).fetchall()
    courses = db.execute(
        "SELECT course, at / :step * :step AS at, max(workspaces), max(kernels), max(students) FROM course_counts"
        " WHERE at < :before GROUP BY course, at / :step HAVING count(*) > 1 OR min(at) % :step",
        {"step": step, "before": before},
    ).fetchall()
    for row in rows:
        db.execute("DELETE FROM host_counts WHERE at >= ? AND at < ?", (row["at"], row["at"] + step))
    db.executemany(_ADD_HOST, [tuple(row) for row in rows])
    for row in courses:
        db.execute(
            "DELETE FROM course_counts WHERE course = ? AND at >= ? AND at < ?",
            (row["course"], row["at"], row["at"] + step),
        )
    db.executemany(_ADD_COURSE, [tuple(row) for row in courses])
    return int(had - db.execute("SELECT count(*) AS n FROM host_counts").fetchone()["n"])


def _point(row: Row) -> CountPoint:
    return CountPoint(
        row["at"], Running(row["here"], row["here_kernels"], row["students"]),
        Running(row["workspaces"], row["kernels"]), HostCount(**{name: row[name] for name in _GAUGES}),
    )  # fmt: skip


class LinuxGauges:
    """The Gauges of `core/counts.py`; what a sandbox hides is None."""

    def __init__(self, state: Path, containers: Path) -> None:
        self._state = state
        self._containers = containers

    def read(self) -> HostCount:
        """As they are now."""
        loads: tuple[int | None, int | None, int | None] = (None, None, None)
        memory: tuple[int | None, int | None, int | None] = (None, None, None)
        with suppress(OSError):
            one, five, fifteen = os.getloadavg()
            loads = (round(one * 100), round(five * 100), round(fifteen * 100))
        with suppress(OSError, RuntimeError, KeyError):
            found = psutil.virtual_memory()
            memory = (found.total, found.free, found.available)
        containers, state, system = _free(self._containers), _free(self._state), _free(Path("/"))
        return HostCount(*loads, *containers, *state, *system, *memory)


def _free(path: Path) -> tuple[int | None, int | None]:
    """(percent, MiB) that are free for us on the file system of a path."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None, None
    usable = found.f_blocks - found.f_bfree + found.f_bavail
    return round(100 * found.f_bavail / usable) if usable else None, found.f_bavail * found.f_frsize >> 20
