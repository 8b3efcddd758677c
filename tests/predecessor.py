"""Builds a predecessor's data root, with the formats that it wrote over the years and the accidents that happen."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

THEN = 1_500_000_000
HASH = "0123456789abcdef0123456789abcdef"
TABLES = """
CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT);
CREATE TABLE auth_user (id INTEGER PRIMARY KEY, password TEXT, last_login TEXT, is_superuser INTEGER, username TEXT,
    first_name TEXT, last_name TEXT, email TEXT, is_staff INTEGER, is_active INTEGER, date_joined TEXT);
CREATE TABLE auth_group (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE auth_user_groups (id INTEGER PRIMARY KEY, user_id INTEGER, group_id INTEGER);
CREATE TABLE courses_coursedir (id INTEGER PRIMARY KEY, coursename TEXT, giturl TEXT, image TEXT, autopull INTEGER,
    autobuild INTEGER, archived INTEGER, staff_usernames TEXT);
CREATE TABLE courses_coursedir_registered_groups (id INTEGER PRIMARY KEY, coursedir_id INTEGER, group_id INTEGER);
"""
EVENTS = """\
2016-09-01T08:00:00 python 0123456789abcdef0123456789abcdef w1/intro.ipynb
2017-09-01T08:00:00 python alice w1/intro created
2018-09-01T08:00:00 python alice w1/intro created 7000
2018-09-01T09:00:00 python alice - killing -
2018-09-01T09:30:00 python alice killing - -
2019-09-01T08:00:00 python alice w1/un nom à espaces existing 7001
2019-09-01T08:00:01 python alice w1/chapter 12 existing 7001
garbage
2020-13-45T08:00:00 python alice w1/intro existing 7002
2024-09-01T08:00:00 python bob w1/intro existing 7003
"""
COUNTS = """\
# names
2020-01-01T00:00:00 1 2 3
nothing
2024-01-01T00:00:00 2 0 5 40 110 111 112 113 114 115 116 117 118 119 120 121 7 8
"""
NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'


@dataclass
class Predecessor:
    root: Path
    uid: int = 1234
    first_migration: str = "2016-08-01 10:11:12.131415"
    """What tells one site from another."""
    courses: list[tuple[object, ...]] = field(default_factory=list)

    def database(self) -> None:
        """The database, as Django has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "db.sqlite3").unlink(missing_ok=True)
        db = sqlite3.connect(self.root / "db.sqlite3")
        db.executescript(TABLES)
        db.execute("INSERT INTO django_migrations VALUES (1, 'auth', '0001', ?)", (self.first_migration,))
        db.execute(
            "INSERT INTO auth_user VALUES (1, 'pbkdf2_sha256$600000$salt$hash', NULL, 0, 'alice', 'Alice', 'É',"
            " 'alice@example.org', 0, 1, '2020-01-01')"
        )
        db.execute("INSERT INTO auth_group VALUES (1, 'année 2020')")
        db.execute("INSERT INTO auth_user_groups VALUES (1, 1, 1)")
        for number, course in enumerate(self.courses, 1):
            db.execute("INSERT INTO courses_coursedir VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, *course))
        db.execute("INSERT INTO courses_coursedir_registered_groups VALUES (1, 1, 1)")
        db.commit()
        db.close()

    def course(
        self, name: str, url: str = "none", image: str = "none", flags: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """One more course; `flags` are autopull, autobuild, archived."""
        self.courses.append((name, url, image, *flags, "alice @profs"))
        self.database()

    def repository(self, course: str, files: dict[str, str]) -> Path:
        """courses-git/<course>, a clone with a working tree."""
        place = self.root / "courses-git" / course
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(content)
        git("init", "-q", "-b", "main", at=place)
        git("add", "-A", at=place)
        git("-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "-q", "-m", "first", at=place)
        return place

    def write(
        self, path: str, content: str | bytes = "x", *, mtime: int = THEN, owner: int | None = None
    ) -> Path:
        """A file of the root, a student's by default."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(file, (mtime, mtime))
        self.own(file, self.uid if owner is None else owner)
        return file

    def own(self, file: Path, uid: int) -> None:
        if os.getuid() == 0:
            os.chown(file, uid, uid, follow_symlinks=False)

    def site(
        self, python: str = "python", algo: str = "algo", image: str = "nbhosting/scipy-notebook"
    ) -> None:
        """The usual: two courses, a MOOC's student, a classroom's, and what goes with them."""
        self.course(python, "https://git.invalid/python.git", image, (1, 1, 0))
        self.course(algo, "none", python, (0, 0, 1))
        for course in (python, algo):
            self.repository(course, {"w1/intro.md": "# first\n", "nbhosting/nbhosting.yaml": "{}\n"})
        self.write(
            f"local/{python}/nbhosting.yaml",
            "general: {notebook-url-format: 'lab/tree/{notebook}'}\n",
            owner=0,
        )
        self.write(f"local/{python}/Dockerfile", "FROM nbhosting/minimal-notebook\n", owner=0)
        self.write(f"droparea/{python}/exam/sujet d'été.txt", "subject", owner=0)
        self.write(f"raw/{python}/events.raw", EVENTS, owner=0)
        self.write(f"raw/{python}/counts.raw", COUNTS, owner=0)
        self.write(f"students/alice/{python}/w1/intro.ipynb", NOTEBOOK)
        self.write(f"students/alice/{python}/w1/un nom à espaces.ipynb", NOTEBOOK)
        self.write(f"students/alice/{python}/.port", "7000")
        self.write(f"students/alice/{python}/.nbautoeval", "traces")
        self.write(f"students/alice/{python}/DROPPED/exam/sujet d'été.txt", "with her notes", owner=0)
        self.write(f"students/{HASH}/{python}/w1/intro.md", "# hers\n")
        git(
            "clone",
            "-q",
            str(self.root / "courses-git" / algo),
            str(self.root / "students/bob" / algo),
            at=self.root,
        )
        self.write(f"students/bob/{algo}/w1/intro.md", "# changed by bob\n")

    def accidents(self) -> None:
        """What one finds after eight years."""
        alice = self.root / "students/alice/python"
        os.mkfifo(alice / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(alice)  # a socket's path may be 107 bytes long
            try:
                listener.bind("sock")
            finally:
                os.chdir(here)
        (alice / "loop").symlink_to("loop")
        (alice / "data").symlink_to("/home/jovyan/static/data")
        (alice / "out").symlink_to("/etc/passwd")
        self.write("students/alice/python/one", "linked")
        os.link(alice / "one", alice / "two")
        with (alice / "huge").open("wb") as huge:
            huge.truncate(17 << 30)
        self.write("students/alice/python/caf\u0065\u0301.txt", "NFD")
        self.write(os.fsdecode(b"students/alice/python/latin-\xe9.txt"), "latin 1")
        for number in range(2000):
            self.write(f"students/alice/python/many/{number}")
        deep = alice
        for _ in range(120):
            deep = deep / "d"
        deep.mkdir(parents=True)
        self.write("students/-odd/python/a", "x")
        self.write("students/ren\u00e9/python/a", "NFC")
        self.write("students/rene\u0301/python/a", "NFD")
        self.write("students/alice/gone/a", "of a course that was deleted")
        (self.root / "students/linked").symlink_to("alice")


def git(*arguments: str, at: Path) -> None:
    subprocess.run(["git", "-C", str(at), *arguments], check=True, capture_output=True)


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything that could have been changed in a tree, access times included."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (b".", *folders, *files):
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            at = seen.st_atime_ns if name in files else 0
            found[repr(path)] = (
                seen.st_mode,
                seen.st_uid,
                seen.st_size,
                seen.st_mtime_ns,
                seen.st_ctime_ns,
                at,
            )
    return found
