"""The Sums of `core/ports_figures.py`, in statistics.db: what was summed up (`rollups`), read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from nbhostd.adapters import rollups
from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.core.figures import (
    FRAME,
    Animation,
    DayFigures,
    Excluded,
    Frame,
    Happening,
    NotebookFigures,
    Order,
    Overview,
    Read,
    Recorded,
    StudentFigures,
    by_day,
    natural,
)
from nbhostd.core.localdays import LocalDays
from nbhostd.core.names import CourseName

_SHOWN = "student NOT IN (SELECT student FROM visitors WHERE course = :course AND hidden)"
_ORDERS = {
    Order.NAME: "name",
    Order.OPENS: "opens DESC, name",
    Order.NOTEBOOKS: "notebooks DESC, name",
    Order.LAST: "last DESC, name",
}
# A date is made of parts of days in UTC, given as JSON: who is seen in a part, and in no other one of the same date that
# comes after it. There is one such at most, `next`, unless a zone has the same date twice: then `more` has the others.
_SEEN = """
WITH parts AS MATERIALIZED (
    SELECT value ->> 0 AS date, value ->> 1 AS day, value ->> 2 AS early, value ->> 3 AS late, value ->> 4 AS next,
        value ->> 5 AS next_early, value ->> 6 AS next_late, value -> 7 AS more
    FROM json_each(:parts)
)
SELECT date, (
    SELECT count(*) FROM {table} d WHERE d.course = :course AND d.day = parts.day
        AND ((d.{early} & parts.early) | (d.{late} & parts.late)) <> 0 AND {where}
        AND (next IS NULL OR NOT EXISTS (
            SELECT 1 FROM {table} o WHERE o.course = :course AND o.day = next AND o.{what} = d.{what}
                AND ((o.{early} & next_early) | (o.{late} & next_late)) <> 0
        ))
        AND (more IS NULL OR NOT EXISTS (
            SELECT 1 FROM json_each(more) x CROSS JOIN {table} o
                ON o.course = :course AND o.day = x.value ->> 0 AND o.{what} = d.{what}
            WHERE ((o.{early} & (x.value ->> 1)) | (o.{late} & (x.value ->> 2))) <> 0
        ))
) AS seen FROM parts
"""
# One look for each day, where DISTINCT would read every row.
_DAYS = """
WITH RECURSIVE known (day) AS (
    SELECT min(day) FROM {table} WHERE course = :course
    UNION ALL
    SELECT (SELECT min(day) FROM {table} WHERE course = :course AND day > known.day) FROM known
    WHERE known.day IS NOT NULL
)
SELECT day FROM known WHERE day IS NOT NULL
"""


class SqliteSums:
    """Each method looks once, in one consistent view."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Summing up

    async def waiting(self, most: int) -> tuple[int, list[CourseName]]:
        """(how many events are not summed up yet, the courses of the first `most` of them)."""
        return await self._database.read(lambda db: rollups.fresh_courses(db, most))

    async def sum_up(self, most: int, excluded: Mapping[CourseName, Excluded]) -> int:
        """Sum up the next `most` events; how many are left."""
        return await self._database.write(lambda db: rollups.sum_up(db, most, excluded))

    async def reconsider(self, course: CourseName, excluded: Excluded) -> int:
        """Hide whom `excluded` leaves out, and nobody else; how many that changes."""
        return await self._database.write(lambda db: rollups.reconsider(db, course, excluded))

    # A course

    async def overview(self, course: CourseName, everybody: bool) -> Overview:
        """What happened in a course, in short."""
        where = "true" if everybody else "NOT hidden"
        books = "readers" if everybody else "shown_readers"
        rows = await self._rows(
            course,
            f"""
            SELECT count(*) AS students, coalesce(sum(opens), 0) AS opens, min(first) AS first, max(last) AS last,
                (SELECT count(*) FROM visitors WHERE course = :course AND hidden) AS hidden,
                (SELECT count(*) FROM readership WHERE course = :course AND {books} > 0) AS notebooks
            FROM visitors WHERE course = :course AND {where}
            """,
        )
        return Overview(**rows[0]) if rows else Overview()

    async def notebooks(self, course: CourseName, everybody: bool) -> list[NotebookFigures]:
        """All notebooks that were opened, in their natural order."""
        return await self._notebooks(course, everybody)

    async def notebook(self, course: CourseName, notebook: str, everybody: bool) -> NotebookFigures | None:
        """One notebook; None when nobody opened it."""
        return next(
            iter(await self._notebooks(course, everybody, "AND n.name = :notebook", notebook=notebook)), None
        )

    async def _notebooks(
        self, course: CourseName, everybody: bool, where: str = "", **values: object
    ) -> list[NotebookFigures]:
        shown = "" if everybody else "shown_"
        rows = await self._rows(
            course,
            f"SELECT n.name, {shown}readers AS students, {shown}opens AS opens, {shown}first AS first, {shown}last AS last"
            f" FROM readership r JOIN notebooks n ON n.id = r.notebook WHERE course = :course AND {shown}readers > 0 {where}",
            **values,
        )
        return sorted((NotebookFigures(**row) for row in rows), key=lambda figures: natural(figures.name))

    async def animation(self, course: CourseName, everybody: bool, most: int) -> Animation:
        """How many students had opened each notebook, in at most `most` pictures."""
        count = "everybody" if everybody else "shown"
        here = f"FROM arrivals WHERE course = :course AND {count} <> 0"
        edges = await self._rows(
            course,
            f"SELECT frame FROM (SELECT frame {here} ORDER BY frame LIMIT 1) UNION ALL"
            f" SELECT frame FROM (SELECT frame {here} ORDER BY frame DESC LIMIT 1)",
        )
        step = max(1, -(-(edges[1]["frame"] - edges[0]["frame"] + 1) // most)) if edges else 1
        rows = await self._rows(
            course,
            f"SELECT (frame / :step + 1) * :step * {FRAME} AS end, notebook, sum({count}) AS n {here}"
            " GROUP BY end, notebook HAVING n <> 0",
            step=step,
        )
        names = await self._rows(
            course,
            "SELECT n.id, n.name FROM readership r JOIN notebooks n ON n.id = r.notebook WHERE course = :course",
        )
        return _animation(rows, {row["id"]: row["name"] for row in names})

    async def notebooks_per_student(self, course: CourseName, everybody: bool) -> list[tuple[int, int]]:
        """(how many notebooks, how many students opened just as many)."""
        where = "true" if everybody else "NOT hidden"
        rows = await self._rows(
            course,
            f"SELECT notebooks, count(*) AS n FROM visitors WHERE course = :course AND {where} GROUP BY notebooks",
        )
        return [(row["notebooks"], row["n"]) for row in rows]

    async def student_days(self, course: CourseName, days: LocalDays, everybody: bool) -> list[DayFigures]:
        """How many students were seen at each date."""
        where = "true" if everybody else _SHOWN
        query = _SEEN.format(what="student", table="student_days", early="early", late="late", where=where)
        firsts = f"SELECT first FROM visitors WHERE course = :course AND {where}"
        return await self._days(course, days, "student_days", query, firsts)

    async def notebook_days(self, course: CourseName, days: LocalDays, everybody: bool) -> list[DayFigures]:
        """How many notebooks were read at each date."""
        shown = "" if everybody else "shown_"
        query = _SEEN.format(
            what="notebook", table="notebook_days", early=f"{shown}early", late=f"{shown}late", where="true"
        )
        firsts = f"SELECT {shown}first AS first FROM readership WHERE course = :course AND {shown}readers > 0"
        return await self._days(course, days, "notebook_days", query, firsts)

    async def _days(
        self, course: CourseName, days: LocalDays, table: str, query: str, firsts: str
    ) -> list[DayFigures]:
        def look(db: Connection) -> list[DayFigures]:
            number = rollups.number_of(db, course)
            here = {"course": number}
            known = [row["day"] for row in db.execute(_DAYS.format(table=table), here)]
            rows = db.execute(query, {**here, "parts": json.dumps(_parts(known, days))})
            seen: Counter[date] = Counter()
            for row in rows:
                if row["seen"]:
                    seen[date.fromordinal(row["date"])] += row["seen"]
            return by_day(seen, (days.date(row["first"]) for row in db.execute(firsts, here)))

        return await self._database.read(look)

    async def deeds(self, course: CourseName, everybody: bool) -> dict[str, int]:
        """How often each event happened in a course."""
        where = "true" if everybody else _SHOWN
        rows = await self._rows(
            course,
            f"SELECT event, sum(times) AS times FROM deeds WHERE course = :course AND {where} GROUP BY event",
        )
        return {row["event"]: row["times"] for row in rows}

    async def events(self, course: CourseName, after: tuple[int, int], most: int) -> list[Recorded]:
        """The next events of a course after (a moment, a number), in the order of these."""
        rows = await self._rows(
            course,
            "SELECT e.number, e.at, s.name AS student, e.event, coalesce(n.name, '') AS notebook"
            " FROM events e CROSS JOIN students s ON s.id = e.student LEFT JOIN notebooks n ON n.id = e.notebook"
            " WHERE e.course = :course AND (e.at, e.number) > (:at, :number) ORDER BY e.at, e.number LIMIT :most",
            at=after[0], number=after[1], most=most,
        )  # fmt: skip
        return [Recorded(**row) for row in rows]

    # Its students

    async def students(
        self,
        course: CourseName,
        everybody: bool,
        order: Order,
        *,
        search: str = "",
        first: int = 0,
        most: int = -1,
    ) -> list[StudentFigures]:
        """Students from the `first` on; `search` is a part of their names."""
        where = "true" if everybody else "NOT hidden"
        rows = await self._rows(
            course,
            f"SELECT name, hidden, first, last, opens, notebooks FROM visitors JOIN students ON id = student"
            f" WHERE course = :course AND {where} AND instr(lower(name), lower(:search))"
            f" ORDER BY {_ORDERS[order]} LIMIT :most OFFSET :start",
            search=search, most=most, start=first,
        )  # fmt: skip
        return [_student(row) for row in rows]

    async def cells(self, course: CourseName, students: Sequence[str]) -> list[tuple[str, str, int]]:
        """(student, notebook, how often opened) of these students."""
        rows = await self._rows(
            course,
            """
            SELECT s.name AS student, n.name AS notebook, r.opens
            FROM json_each(:students) wanted CROSS JOIN students s ON s.name = wanted.value
            CROSS JOIN readership b ON b.course = :course
            CROSS JOIN reads r ON r.course = :course AND r.notebook = b.notebook AND r.student = s.id
            CROSS JOIN notebooks n ON n.id = b.notebook
            """,
            students=json.dumps(list(students)),
        )
        return [(row["student"], row["notebook"], row["opens"]) for row in rows]

    async def student(self, course: CourseName, student: str) -> StudentFigures | None:
        """One student; None when they opened no notebook."""
        rows = await self._rows(
            course,
            "SELECT name, hidden, first, last, opens, notebooks FROM students JOIN visitors ON student = id"
            " WHERE course = :course AND name = :student",
            student=student,
        )
        return _student(rows[0]) if rows else None

    async def reads_of(self, course: CourseName, student: str) -> list[Read]:
        """The notebooks that a student opened, in their natural order."""
        rows = await self._rows(
            course,
            """
            SELECT n.name, r.first, r.last, r.opens
            FROM students s CROSS JOIN readership b ON b.course = :course
            CROSS JOIN reads r ON r.course = :course AND r.notebook = b.notebook AND r.student = s.id
            CROSS JOIN notebooks n ON n.id = b.notebook
            WHERE s.name = :student
            """,
            student=student,
        )
        return sorted((Read(**row) for row in rows), key=lambda read: natural(read.name))

    async def deeds_of(self, course: CourseName, student: str) -> dict[str, int]:
        """How often each event happened to a student."""
        rows = await self._rows(
            course,
            "SELECT event, times FROM deeds WHERE course = :course"
            " AND student = (SELECT id FROM students WHERE name = :student)",
            student=student,
        )
        return {row["event"]: row["times"] for row in rows}

    async def happenings(self, course: CourseName, student: str, most: int) -> list[Happening]:
        """A student's latest events, the newest first."""
        rows = await self._rows(
            course,
            "SELECT at, event, coalesce(n.name, '') AS notebook FROM events e LEFT JOIN notebooks n ON n.id = e.notebook"
            " WHERE course = :course AND student = (SELECT id FROM students WHERE name = :student)"
            " ORDER BY at DESC, number DESC LIMIT :most",
            student=student, most=most,
        )  # fmt: skip
        return [Happening(**row) for row in rows]

    async def readers(
        self, course: CourseName, notebook: str, everybody: bool, *, first: int = 0, most: int = -1
    ) -> list[Read]:
        """The students who opened a notebook, who did last first."""
        where = "true" if everybody else _SHOWN
        rows = await self._rows(
            course,
            f"SELECT s.name, first, last, opens FROM reads JOIN students s ON s.id = student"
            f" WHERE course = :course AND notebook = (SELECT id FROM notebooks WHERE name = :notebook) AND {where}"
            " ORDER BY last DESC, s.name LIMIT :most OFFSET :start",
            notebook=notebook, most=most, start=first,
        )  # fmt: skip
        return [Read(**row) for row in rows]

    async def _rows(self, course: CourseName, query: str, **values: object) -> list[Row]:
        """The rows of a query about a course; none where nothing ever happened."""

        def look(db: Connection) -> list[Row]:
            number = rollups.number_of(db, course)
            return [] if number is None else db.execute(query, {"course": number, **values}).fetchall()

        return await self._database.read(look)


def _parts(known: Sequence[int], days: LocalDays) -> list[list[object]]:
    """What `_SEEN` is given: each part of these days, with those of the same date that come after it.

    The shorter part comes first: fewer are looked for in the other one.
    """
    by_date: dict[date, list[tuple[int, int, int]]] = {}
    for day in known:
        for part in days.parts(day):
            by_date.setdefault(part.date, []).append((day, part.early, part.late))
    found: list[list[object]] = []
    for here, parts in by_date.items():
        parts.sort(key=lambda one: one[1].bit_count() + one[2].bit_count())
        for place, one in enumerate(parts, 1):
            after, more = parts[place : place + 1], parts[place + 1 :]
            found.append([here.toordinal(), *one, *(after[0] if after else ()), *([more] if more else ())])
    return found


def _student(row: Row) -> StudentFigures:
    return StudentFigures(
        row["name"], bool(row["hidden"]), row["first"], row["last"], row["opens"], row["notebooks"]
    )


def _animation(rows: Sequence[Row], names: Mapping[int, str]) -> Animation:
    there = sorted({row["notebook"] for row in rows}, key=lambda number: natural(names[number]))
    place = {number: index for index, number in enumerate(there)}
    frames: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        frames.setdefault(row["end"], []).append((place[row["notebook"]], row["n"]))
    return Animation(
        tuple(names[number] for number in there),
        tuple(Frame(end, tuple(sorted(more))) for end, more in frames.items()),
    )
