"""What is summed up of events (`statistics_steps`), bit by bit: each event is looked at once, in whatever order it came.

Work for one write of statistics.db: nothing here waits, and all of a call is done or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbhostd.adapters.database import Connection
from nbhostd.core.figures import DAY, FRAME, HALF, SLOT, SLOTS_OF_A_DAY, VISITS, Excluded
from nbhostd.core.names import CourseName

_VISITS = ", ".join(f"'{event}'" for event in VISITS)
_SUMS = ("visitors", "reads", "readership", "arrivals", "student_days", "notebook_days", "deeds")
_EARLY = f"sum(CASE WHEN quarter < {HALF} THEN 1 << quarter ELSE 0 END)"
_LATE = f"sum(CASE WHEN quarter >= {HALF} THEN 1 << (quarter - {HALF}) ELSE 0 END)"

_FRESH = f"""
CREATE TEMP TABLE fresh AS
SELECT course, student, notebook, at / {SLOT} AS slot, count(*) AS opens, min(at) AS first, max(at) AS last
FROM events WHERE {{which}} AND event IN ({_VISITS}) AND notebook IS NOT NULL
GROUP BY course, notebook, student, slot
"""
_PAIRS = """
CREATE TEMP TABLE pairs AS
SELECT f.course, f.notebook, f.student, min(f.first) AS first, max(f.last) AS last, sum(f.opens) AS opens,
    r.first AS known
FROM fresh f LEFT JOIN reads r ON r.course = f.course AND r.notebook = f.notebook AND r.student = f.student
GROUP BY f.course, f.notebook, f.student
"""
_STRANGERS = """
SELECT p.course, p.student, s.name, c.name AS course_name, min(p.first) AS first, max(p.last) AS last
FROM pairs p JOIN students s ON s.id = p.student JOIN courses c ON c.id = p.course
WHERE NOT EXISTS (SELECT 1 FROM visitors v WHERE v.course = p.course AND v.student = p.student)
GROUP BY p.course, p.student
"""
# In this order: the first ones ask what was known before.
_ADD_UP = (
    f"""
    INSERT INTO arrivals (course, frame, notebook, everybody, shown)
    SELECT a.course, a.frame, a.notebook, sum(a.n), sum(a.n * (1 - v.hidden))
    FROM (
        SELECT course, notebook, student, first / {FRAME} AS frame, 1 AS n FROM pairs
        WHERE known IS NULL OR first < known
        UNION ALL
        SELECT course, notebook, student, known / {FRAME}, -1 FROM pairs WHERE first < known
    ) a JOIN visitors v ON v.course = a.course AND v.student = a.student
    GROUP BY a.course, a.frame, a.notebook
    ON CONFLICT DO UPDATE SET everybody = everybody + excluded.everybody, shown = shown + excluded.shown
    """,
    """
    UPDATE visitors SET first = min(visitors.first, p.first), last = max(visitors.last, p.last),
        opens = visitors.opens + p.opens, notebooks = visitors.notebooks + p.notebooks
    FROM (
        SELECT course, student, min(first) AS first, max(last) AS last, sum(opens) AS opens, sum(known IS NULL) AS notebooks
        FROM pairs GROUP BY course, student
    ) p WHERE visitors.course = p.course AND visitors.student = p.student
    """,
    """
    INSERT INTO reads (course, notebook, student, first, last, opens)
    SELECT course, notebook, student, first, last, opens FROM pairs WHERE true
    ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
        opens = opens + excluded.opens
    """,
    """
    INSERT INTO readership (course, notebook, readers, opens, first, last, shown_readers, shown_opens, shown_first, shown_last)
    SELECT p.course, p.notebook, sum(known IS NULL), sum(p.opens), min(p.first), max(p.last),
        sum(known IS NULL AND NOT v.hidden), sum(CASE WHEN v.hidden THEN 0 ELSE p.opens END),
        min(CASE WHEN NOT v.hidden THEN p.first END), max(CASE WHEN NOT v.hidden THEN p.last END)
    FROM pairs p JOIN visitors v ON v.course = p.course AND v.student = p.student
    GROUP BY p.course, p.notebook
    ON CONFLICT DO UPDATE SET readers = readers + excluded.readers, opens = opens + excluded.opens,
        first = min(first, excluded.first), last = max(last, excluded.last),
        shown_readers = shown_readers + excluded.shown_readers, shown_opens = shown_opens + excluded.shown_opens,
        shown_first = min(coalesce(shown_first, excluded.shown_first), coalesce(excluded.shown_first, shown_first)),
        shown_last = max(coalesce(shown_last, excluded.shown_last), coalesce(excluded.shown_last, shown_last))
    """,
    f"""
    INSERT INTO student_days (course, day, student, early, late)
    SELECT course, day, student, {_EARLY}, {_LATE}
    FROM (
        SELECT DISTINCT course, slot / {SLOTS_OF_A_DAY} AS day, student, slot % {SLOTS_OF_A_DAY} AS quarter FROM fresh
    ) GROUP BY course, day, student
    ON CONFLICT DO UPDATE SET early = early | excluded.early, late = late | excluded.late
    """,
    f"""
    INSERT INTO notebook_days (course, day, notebook, early, late, shown_early, shown_late)
    SELECT course, day, notebook, {_EARLY}, {_LATE}, {_EARLY.replace("1 <<", "shown <<")}, {_LATE.replace("1 <<", "shown <<")}
    FROM (
        SELECT f.course, f.slot / {SLOTS_OF_A_DAY} AS day, f.notebook, f.slot % {SLOTS_OF_A_DAY} AS quarter,
            max(1 - v.hidden) AS shown
        FROM fresh f JOIN visitors v ON v.course = f.course AND v.student = f.student
        GROUP BY f.course, day, f.notebook, quarter
    ) GROUP BY course, day, notebook
    ON CONFLICT DO UPDATE SET early = early | excluded.early, late = late | excluded.late,
        shown_early = shown_early | excluded.shown_early, shown_late = shown_late | excluded.shown_late
    """,
)
_DEEDS = """
INSERT INTO deeds (course, student, event, times)
SELECT course, student, event, count(*) FROM events WHERE {which} GROUP BY course, student, event
ON CONFLICT DO UPDATE SET times = times + excluded.times
"""


def fresh_courses(db: Connection, most: int) -> tuple[int, list[CourseName]]:
    """(how many events are not summed up yet, the courses of the first `most` of them)."""
    upto, last = _progress(db)
    rows = db.execute(
        "SELECT DISTINCT c.name FROM events e JOIN courses c ON c.id = e.course WHERE e.number > ? AND e.number <= ?",
        (upto, upto + most),
    )
    return last - upto, [CourseName(row["name"]) for row in rows] if last > upto else []


def sum_up(db: Connection, most: int, excluded: Mapping[CourseName, Excluded]) -> int:
    """Sum up the next `most` events; how many are left. Whom `excluded` leaves out is hidden from the beginning."""
    upto, last = _progress(db)
    to = min(upto + most, last)
    if to > upto:
        _add(db, f"number > {upto} AND number <= {to}", excluded)
        db.execute("UPDATE summed SET upto = ?", (to,))
    return last - to


def _progress(db: Connection) -> tuple[int, int]:
    row = db.execute(
        "SELECT upto, (SELECT coalesce(max(number), 0) FROM events) AS last FROM summed"
    ).fetchone()
    # What was summed up last may have been forgotten with its course.
    return row["upto"], max(row["last"], row["upto"])


def _add(db: Connection, which: str, excluded: Mapping[CourseName, Excluded]) -> None:
    db.execute(_FRESH.format(which=which))
    db.execute(_PAIRS)
    nobody = Excluded()
    strangers = [
        (
            row["course"], row["student"],
            excluded.get(CourseName(row["course_name"]), nobody).leaves_out(row["name"]),
            row["first"], row["last"],
        )
        for row in db.execute(_STRANGERS).fetchall()
    ]  # fmt: skip
    db.executemany(
        "INSERT INTO visitors (course, student, hidden, first, last, opens, notebooks) VALUES (?, ?, ?, ?, ?, 0, 0)",
        strangers,
    )
    for statement in _ADD_UP:
        db.execute(statement)
    db.execute(_DEEDS.format(which=which))
    db.execute("DROP TABLE fresh")
    db.execute("DROP TABLE pairs")


# Who is left out

# ?1 is the course. Of days with somebody who is flipped, what is shown of notebooks is made anew.
_FLIP = (
    "UPDATE visitors SET hidden = 1 - hidden WHERE course = ?1 AND student IN (SELECT student FROM flipped)",
    f"""
    INSERT INTO arrivals (course, frame, notebook, everybody, shown)
    SELECT r.course, r.first / {FRAME} AS frame, r.notebook, 0, sum(1 - 2 * v.hidden)
    FROM reads r JOIN visitors v ON v.course = r.course AND v.student = r.student
    WHERE r.course = ?1 AND r.student IN (SELECT student FROM flipped) GROUP BY frame, r.notebook
    ON CONFLICT DO UPDATE SET shown = shown + excluded.shown
    """,
    """
    UPDATE readership SET shown_readers = again.readers, shown_opens = again.opens, shown_first = again.first,
        shown_last = again.last
    FROM (
        SELECT r.notebook, sum(NOT v.hidden) AS readers, sum(CASE WHEN v.hidden THEN 0 ELSE r.opens END) AS opens,
            min(CASE WHEN NOT v.hidden THEN r.first END) AS first, max(CASE WHEN NOT v.hidden THEN r.last END) AS last
        FROM reads r JOIN visitors v ON v.course = r.course AND v.student = r.student
        WHERE r.course = ?1 GROUP BY r.notebook
    ) again WHERE readership.course = ?1 AND readership.notebook = again.notebook
    """,
    f"""
    CREATE TEMP TABLE touched AS SELECT DISTINCT at / {DAY} AS day FROM events
    WHERE course = ?1 AND student IN (SELECT student FROM flipped) AND event IN ({_VISITS}) AND notebook IS NOT NULL
    """,
    """
    UPDATE notebook_days SET shown_early = 0, shown_late = 0
    WHERE course = ?1 AND day IN (SELECT day FROM touched)
    """,
    f"""
    UPDATE notebook_days SET shown_early = again.early, shown_late = again.late FROM (
        SELECT day, notebook, {_EARLY} AS early, {_LATE} AS late FROM (
            SELECT DISTINCT t.day, e.notebook, e.at / {SLOT} % {SLOTS_OF_A_DAY} AS quarter
            FROM touched t CROSS JOIN events e ON e.course = ?1 AND e.at >= t.day * {DAY} AND e.at < (t.day + 1) * {DAY}
            JOIN visitors v ON v.course = ?1 AND v.student = e.student AND NOT v.hidden
            WHERE e.event IN ({_VISITS}) AND e.notebook IS NOT NULL
        ) GROUP BY day, notebook
    ) again WHERE notebook_days.course = ?1 AND notebook_days.day = again.day
        AND notebook_days.notebook = again.notebook
    """,
)


def reconsider(db: Connection, course: CourseName, excluded: Excluded) -> int:
    """Leave out whom `excluded` says, of those who were summed up already; how many that changes."""
    number = number_of(db, course)
    if number is None:
        return 0
    rows = db.execute(
        "SELECT v.student, v.hidden, s.name FROM visitors v JOIN students s ON s.id = v.student WHERE v.course = ?",
        (number,),
    )
    changed = [row["student"] for row in rows if excluded.leaves_out(row["name"]) != bool(row["hidden"])]
    if changed:
        _flip(db, number, changed)
    return len(changed)


def _flip(db: Connection, course: int, students: Iterable[int]) -> None:
    """Hide those who are shown, and the other way round."""
    db.execute("CREATE TEMP TABLE flipped (student INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO flipped VALUES (?)", [(student,) for student in students])
    for statement in _FLIP:
        db.execute(statement, (course,))
    db.execute("DROP TABLE flipped")
    db.execute("DROP TABLE touched")


# Courses that go elsewhere


def number_of(db: Connection, course: CourseName) -> int | None:
    """The number of a course in statistics.db; None when nothing ever happened there."""
    row = db.execute("SELECT id FROM courses WHERE name = ?", (course,)).fetchone()
    return row["id"] if row else None


def rename_course(db: Connection, old: CourseName, new: CourseName) -> None:
    """Give the past of a course another name; what is under that name already becomes part of it."""
    before, after = number_of(db, old), number_of(db, new)
    if before is None or before == after:
        return
    if after is None:
        db.execute("UPDATE courses SET name = ? WHERE id = ?", (new, before))
        return
    upto, _ = _progress(db)
    db.execute("UPDATE events SET course = ? WHERE course = ?", (after, before))
    db.execute("UPDATE OR IGNORE course_counts SET course = ? WHERE course = ?", (after, before))
    _delete(db, (*_SUMS, "course_counts"), before)
    _delete(db, _SUMS, after)
    _add(db, f"course = {after} AND number <= {upto}", {})
    db.execute("DELETE FROM courses WHERE id = ?", (before,))


def forget_course(db: Connection, course: CourseName) -> None:
    """Forget what happened in a course, and who and what was there only."""
    number = number_of(db, course)
    if number is None:
        return
    _delete(db, ("events", "course_counts", *_SUMS), number)
    db.execute("DELETE FROM courses WHERE id = ?", (number,))
    for table, key in (("students", "student"), ("notebooks", "notebook")):
        db.execute(f"DELETE FROM {table} WHERE id NOT IN (SELECT {key} FROM events WHERE {key} IS NOT NULL)")
    db.execute("DELETE FROM imports WHERE item = ? OR item = ?", (f"events/{course}", f"counted/{course}"))


def _delete(db: Connection, tables: Iterable[str], course: int) -> None:
    for table in tables:
        db.execute(f"DELETE FROM {table} WHERE course = ?", (course,))
