"""How statistics.db came to its present shape: events as they were told, and what is summed up of them (`rollups`)."""

from __future__ import annotations

from nbhostd.adapters.database import Connection
from nbhostd.core.figures import stem

_NAMES = (
    "CREATE TABLE courses (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE students (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE notebooks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
)

# AUTOINCREMENT: what was summed up is known by its number, so no number may come back after a course is forgotten.
_EVENTS = (
    """
    CREATE TABLE events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        course INTEGER NOT NULL,
        student INTEGER NOT NULL,
        event TEXT NOT NULL,
        notebook INTEGER
    ) STRICT
    """,
    "CREATE INDEX events_by_time ON events (course, at)",
    "CREATE INDEX events_by_student ON events (course, student, at)",
)

_SUMS = (
    "CREATE TABLE summed (upto INTEGER NOT NULL) STRICT",
    "INSERT INTO summed (upto) VALUES (0)",
    # Who ever opened a notebook of a course. `hidden`: left out unless everybody is asked for.
    """
    CREATE TABLE visitors (
        course INTEGER NOT NULL,
        student INTEGER NOT NULL,
        hidden INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        opens INTEGER NOT NULL,
        notebooks INTEGER NOT NULL,
        PRIMARY KEY (course, student)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE reads (
        course INTEGER NOT NULL,
        notebook INTEGER NOT NULL,
        student INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        opens INTEGER NOT NULL,
        PRIMARY KEY (course, notebook, student)
    ) STRICT, WITHOUT ROWID
    """,
    # `shown_…`: the same of those who are not hidden; NULL when there are none.
    """
    CREATE TABLE readership (
        course INTEGER NOT NULL,
        notebook INTEGER NOT NULL,
        readers INTEGER NOT NULL,
        opens INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        shown_readers INTEGER NOT NULL,
        shown_opens INTEGER NOT NULL,
        shown_first INTEGER,
        shown_last INTEGER,
        PRIMARY KEY (course, notebook)
    ) STRICT, WITHOUT ROWID
    """,
    # How many students opened a notebook for the first time, by six hours (`frame`: since 1970).
    """
    CREATE TABLE arrivals (
        course INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        notebook INTEGER NOT NULL,
        everybody INTEGER NOT NULL,
        shown INTEGER NOT NULL,
        PRIMARY KEY (course, frame, notebook)
    ) STRICT, WITHOUT ROWID
    """,
    # In which quarters of an hour of a day (since 1970, UTC): a bit each, 48 of the morning and 48 of the afternoon.
    """
    CREATE TABLE student_days (
        course INTEGER NOT NULL,
        day INTEGER NOT NULL,
        student INTEGER NOT NULL,
        early INTEGER NOT NULL,
        late INTEGER NOT NULL,
        PRIMARY KEY (course, day, student)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE notebook_days (
        course INTEGER NOT NULL,
        day INTEGER NOT NULL,
        notebook INTEGER NOT NULL,
        early INTEGER NOT NULL,
        late INTEGER NOT NULL,
        shown_early INTEGER NOT NULL,
        shown_late INTEGER NOT NULL,
        PRIMARY KEY (course, day, notebook)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE deeds (
        course INTEGER NOT NULL,
        student INTEGER NOT NULL,
        event TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (course, student, event)
    ) STRICT, WITHOUT ROWID
    """,
)

# Loads in hundredths; disks as percent and MiB that are free; memory in bytes. NULL: not known.
_COUNTS = (
    """
    CREATE TABLE host_counts (
        at INTEGER PRIMARY KEY,
        workspaces INTEGER,
        kernels INTEGER,
        load1 INTEGER,
        load5 INTEGER,
        load15 INTEGER,
        containers_percent INTEGER,
        containers_free INTEGER,
        state_percent INTEGER,
        state_free INTEGER,
        system_percent INTEGER,
        system_free INTEGER,
        memory_total INTEGER,
        memory_free INTEGER,
        memory_available INTEGER
    ) STRICT
    """,
    # A moment at which a course had nothing running has no row.
    """
    CREATE TABLE course_counts (
        course INTEGER NOT NULL,
        at INTEGER NOT NULL,
        workspaces INTEGER NOT NULL,
        kernels INTEGER NOT NULL,
        students INTEGER,
        PRIMARY KEY (course, at)
    ) STRICT, WITHOUT ROWID
    """,
)


def sums(db: Connection) -> None:
    """Give names numbers, keep events by them, and make room for what is summed up; the sums are made later, bit by bit."""
    for name in ("events_by_course", "events_by_student"):
        db.execute(f"DROP INDEX {name}")
    db.execute("ALTER TABLE events RENAME TO told")
    for statement in (*_NAMES, *_EVENTS, *_SUMS, *_COUNTS):
        db.execute(statement)
    db.execute("INSERT INTO courses (name) SELECT DISTINCT course FROM told ORDER BY course")
    db.execute("INSERT INTO students (name) SELECT DISTINCT student FROM told ORDER BY student")
    paths = [row["notebook"] for row in db.execute("SELECT DISTINCT notebook FROM told WHERE notebook <> ''")]
    db.executemany("INSERT OR IGNORE INTO notebooks (name) VALUES (?)", [(stem(path),) for path in paths])
    db.execute("CREATE TEMP TABLE stems (path TEXT PRIMARY KEY, name TEXT NOT NULL)")
    db.executemany("INSERT INTO stems VALUES (?, ?)", [(path, stem(path)) for path in paths])
    db.execute(
        "INSERT INTO events (number, at, course, student, event, notebook)"
        " SELECT t.number, CAST(strftime('%s', t.at) AS INTEGER), c.id, s.id, t.event, n.id"
        " FROM told t JOIN courses c ON c.name = t.course JOIN students s ON s.name = t.student"
        " LEFT JOIN stems ON stems.path = t.notebook LEFT JOIN notebooks n ON n.name = stems.name"
        " ORDER BY t.number"
    )
    db.execute("DROP TABLE stems")
    db.execute("DROP TABLE told")
