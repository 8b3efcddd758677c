"""The predecessor's database, read and never touched: the one other file that SQLite opens here."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbhostd.core.errors import WorldError
from nbhostd.core.predecessor import OldCourse

_LOGS = ("-wal", "-journal")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """What is taken over of it."""

    identity: str
    courses: list[OldCourse]
    people: bytes
    problems: list[str]


def read_database(path: Path) -> OldDatabase:
    """Everything of the database that is taken over. Raises WorldError when it is none, or in use."""
    for suffix in _LOGS:
        log = path.with_name(path.name + suffix)
        if log.exists() and log.stat().st_size:
            raise WorldError(f"{path} is in use ({log.name}): stop the predecessor first, or give a copy.")
    with _errors(path), closing(_opened(path)) as db:
        rows = _rows(db, "courses_coursedir")
        if rows is None:
            raise WorldError(f"{path} is no database of the predecessor: it has no courses.")
        users, groups = _rows(db, "auth_user") or [], _rows(db, "auth_group") or []
        people = _people(db, users, groups, rows)
        return OldDatabase(_identity(db, path), [_course(row) for row in rows], people, _doubles(rows))


def quietly(path: str, flags: int) -> int:
    """An opener that leaves the time of last access as it is, where we may."""
    try:
        return os.open(path, flags | os.O_NOATIME | os.O_CLOEXEC)
    except PermissionError:
        return os.open(path, flags | os.O_CLOEXEC)


def _opened(path: Path) -> sqlite3.Connection:
    # A copy in memory: SQLite never sees the file, and can neither lock it nor write beside it.
    with open(path, "rb", opener=quietly) as file:
        data = bytearray(file.read())
    if data[18:20] == b"\2\2":
        # It was used with a write-ahead log, which is empty: https://sqlite.org/fileformat2.html#the_database_header
        data[18:20] = b"\1\1"
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.text_factory = lambda text: text.decode(errors="replace")
    if data:
        db.deserialize(bytes(data))
    return db


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise WorldError(f"{path} cannot be read: {error}.") from error


def _rows(db: sqlite3.Connection, table: str) -> list[Row] | None:
    """Every column of a table, whatever its version calls them; None without the table."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone():
        return None
    return [dict(row) for row in db.execute(f'SELECT * FROM "{table}" ORDER BY rowid')]


def _identity(db: sqlite3.Connection, path: Path) -> str:
    """The same for every copy of this site: when its first migrations ran, to the microsecond."""
    applied = [str(row.get("applied")) for row in _rows(db, "django_migrations") or []][:5]
    return hashlib.sha256("\n".join(applied or [str(path.resolve())]).encode()).hexdigest()[:24]


def _course(row: Row) -> OldCourse:
    url = str(row.get("giturl") or "none").strip()
    return OldCourse(
        str(row["coursename"]),
        None if url == "none" else url,
        str(row.get("image") or "none"),
        bool(row.get("autopull")),
        bool(row.get("autobuild")),
        bool(row.get("archived")),
    )


def _doubles(rows: list[Row]) -> list[str]:
    names = [str(row["coursename"]) for row in rows]
    doubles = sorted({name for name in names if names.count(name) > 1})
    return [f"course {name}: is in the database more than once; the first counts" for name in doubles]


def _people(db: sqlite3.Connection, users: list[Row], groups: list[Row], courses: list[Row]) -> bytes:
    """All of it as it is, with the groups' names in place of their numbers; the passwords are Django's hashes."""
    names = {group["id"]: str(group["name"]) for group in groups}
    of_user = _members(db, "auth_user_groups", "user_id", names)
    of_course = _members(db, "courses_coursedir_registered_groups", "coursedir_id", names)
    shape = {
        "users": [{**user, "groups": of_user.get(user.get("id"), [])} for user in users],
        "groups": sorted(names.values()),
        "courses": [
            {
                "name": str(course["coursename"]),
                "staff": str(course.get("staff_usernames") or "").split(),
                "groups": of_course.get(course.get("id"), []),
            }
            for course in courses
        ],
    }
    return json.dumps(shape, ensure_ascii=False, indent=1, default=str).encode()


def _members(
    db: sqlite3.Connection, table: str, owner: str, names: dict[object, str]
) -> dict[object, list[str]]:
    found: dict[object, list[str]] = {}
    for row in _rows(db, table) or []:
        if row.get("group_id") in names:
            found.setdefault(row.get(owner), []).append(names[row["group_id"]])
    return found
