"""How the two databases came to their present shape: numbered steps, never changed once released.

A step gets a connection inside the transaction that also records it, so it must not commit.
"""

from __future__ import annotations

from collections.abc import Callable

from nbhostd.adapters import statistics_steps
from nbhostd.adapters.database import Connection, Migration

FIRST_UID = 100_000
"""The first student's number inside the containers."""


def _statements(*statements: str) -> Callable[[Connection], None]:
    def step(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return step


# AUTOINCREMENT wherever a number leaves the database (units, directories, uids): SQLite then never gives out
# a number twice, not even that of a deleted row (https://sqlite.org/autoinc.html).
_FIRST = _statements(
    """
    CREATE TABLE courses (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        git_url TEXT NOT NULL,
        branch TEXT,
        image TEXT NOT NULL,
        autopull INTEGER NOT NULL DEFAULT 0,
        archived INTEGER NOT NULL DEFAULT 0,
        commit_id TEXT,
        pulled_at TEXT
    ) STRICT
    """,
    """
    CREATE TABLE students (
        uid INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE
    ) STRICT
    """,
    f"INSERT INTO sqlite_sequence (name, seq) VALUES ('students', {FIRST_UID - 1})",
    """
    CREATE TABLE workspaces (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        course INTEGER NOT NULL REFERENCES courses (number),
        uid INTEGER NOT NULL REFERENCES students (uid),
        label TEXT NOT NULL UNIQUE,
        mode TEXT NOT NULL,
        intent TEXT NOT NULL,
        armed_spec TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL,
        UNIQUE (course, uid)
    ) STRICT
    """,
    "CREATE INDEX workspaces_by_uid ON workspaces (uid)",
    "CREATE INDEX workspaces_by_intent ON workspaces (intent)",
    """
    CREATE TABLE runs (
        workspace INTEGER PRIMARY KEY REFERENCES workspaces (number) ON DELETE CASCADE,
        secret TEXT NOT NULL UNIQUE,
        token TEXT NOT NULL,
        image TEXT NOT NULL,
        started_at TEXT NOT NULL,
        cookie_seen INTEGER NOT NULL,
        cookie_refused INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX nonces_by_expiry ON nonces (expires)",
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        message TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
)

_CLASSROOMS = _statements(
    "ALTER TABLE courses ADD COLUMN autobuild INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE courses ADD COLUMN public_builds INTEGER NOT NULL DEFAULT 1",
    """
    CREATE TABLE shares (
        token TEXT PRIMARY KEY,
        workspace INTEGER NOT NULL REFERENCES workspaces (number) ON DELETE CASCADE,
        notebook TEXT NOT NULL,
        shared_at TEXT NOT NULL,
        UNIQUE (workspace, notebook)
    ) STRICT, WITHOUT ROWID
    """,
    # What a course's notebooks say of themselves at one commit, as JSON: read once, whoever asks.
    """
    CREATE TABLE catalogs (
        course INTEGER PRIMARY KEY REFERENCES courses (number) ON DELETE CASCADE,
        commit_id TEXT NOT NULL,
        content TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE sites (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        course INTEGER NOT NULL REFERENCES courses (number) ON DELETE CASCADE,
        build TEXT NOT NULL,
        commit_id TEXT NOT NULL,
        job INTEGER NOT NULL,
        state TEXT NOT NULL,
        built_at TEXT NOT NULL,
        UNIQUE (course, build, commit_id)
    ) STRICT
    """,
    # What of another system was taken over already: an import that was interrupted goes on.
    """
    CREATE TABLE imports (
        source TEXT NOT NULL,
        item TEXT NOT NULL,
        fingerprint TEXT NOT NULL DEFAULT '',
        imported_at TEXT NOT NULL,
        PRIMARY KEY (source, item)
    ) STRICT, WITHOUT ROWID
    """,
)

# A secret (of a session, a link, a token) is kept as its digest only: a copy of this file opens nothing.
_PEOPLE = _statements(
    """
    CREATE TABLE users (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        email TEXT NOT NULL DEFAULT '',
        first_name TEXT NOT NULL DEFAULT '',
        last_name TEXT NOT NULL DEFAULT '',
        password TEXT NOT NULL DEFAULT '',
        admin INTEGER NOT NULL DEFAULT 0,
        staff INTEGER NOT NULL DEFAULT 0,
        active INTEGER NOT NULL DEFAULT 1,
        language TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL,
        last_login TEXT
    ) STRICT
    """,
    "CREATE INDEX users_by_email ON users (email COLLATE NOCASE)",
    "CREATE TABLE groups (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT",
    """
    CREATE TABLE memberships (
        group_number INTEGER NOT NULL REFERENCES groups (number) ON DELETE CASCADE,
        user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
        PRIMARY KEY (user, group_number)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX memberships_by_group ON memberships (group_number)",
    """
    CREATE TABLE course_groups (
        course INTEGER NOT NULL REFERENCES courses (number) ON DELETE CASCADE,
        group_number INTEGER NOT NULL REFERENCES groups (number) ON DELETE CASCADE,
        PRIMARY KEY (course, group_number)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX course_groups_by_group ON course_groups (group_number)",
    """
    CREATE TABLE course_staff (
        course INTEGER NOT NULL REFERENCES courses (number) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        entry TEXT NOT NULL,
        PRIMARY KEY (course, entry)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE identities (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
        PRIMARY KEY (issuer, subject)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX identities_by_user ON identities (user)",
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
        created_at TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        address TEXT NOT NULL,
        agent TEXT NOT NULL,
        how TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX sessions_by_user ON sessions (user)",
    """
    CREATE TABLE links (
        id TEXT PRIMARY KEY,
        user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
        purpose TEXT NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        created_by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX links_by_user ON links (user)",
    """
    CREATE TABLE tokens (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
        label TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT,
        last_used TEXT
    ) STRICT
    """,
    "CREATE INDEX tokens_by_user ON tokens (user)",
    """
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        address TEXT NOT NULL,
        outcome TEXT NOT NULL,
        detail TEXT NOT NULL,
        via TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_by_who ON audit (who)",
    "CREATE INDEX audit_by_subject ON audit (subject)",
    "ALTER TABLE jobs ADD COLUMN begun_by TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX jobs_by_subject ON jobs (subject)",
)

_MEASUREMENTS = _statements(
    """
    CREATE TABLE measurements (
        workspace INTEGER PRIMARY KEY REFERENCES workspaces (number) ON DELETE CASCADE,
        size INTEGER NOT NULL,
        files INTEGER NOT NULL,
        measured_at TEXT NOT NULL
    ) STRICT
    """,
)

STORE: tuple[Migration, ...] = (
    (1, "courses, students, workspaces, runs, nonces, jobs", _FIRST),
    (2, "classrooms: builds, shares, catalogs, imports", _CLASSROOMS),
    (3, "people: accounts, groups, sessions, tokens, audit", _PEOPLE),
    (4, "what workspaces take on the disk", _MEASUREMENTS),
)

_EVENTS = _statements(
    """
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        course TEXT NOT NULL,
        student TEXT NOT NULL,
        event TEXT NOT NULL,
        notebook TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX events_by_course ON events (course, at)",
)

# How far another system's events were taken over: here, so that it is written in one transaction with them.
_PAST = _statements(
    """
    CREATE TABLE imports (
        source TEXT NOT NULL,
        item TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        imported_at TEXT NOT NULL,
        PRIMARY KEY (source, item)
    ) STRICT, WITHOUT ROWID
    """,
)

_BY_STUDENT = _statements("CREATE INDEX events_by_student ON events (course, student)")

STATISTICS: tuple[Migration, ...] = (
    (1, "events", _EVENTS),
    (2, "past events", _PAST),
    (3, "events of one student", _BY_STUDENT),
    (4, "names as numbers, sums, counts", statistics_steps.sums),
)
