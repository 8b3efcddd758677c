"""The one room where SQLite lives: a file, one thread that writes, a few that read beside it.

The rest of the package says what to do with a `Connection`; here is decided in which thread, in which
transaction, and what SQLite's errors mean to whoever asked.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection, Row
from typing import TypeVar

import sqlite_utils

from nbhostd.core.errors import NotNow, WorldError

__all__ = ["Connection", "Database", "Migration", "Row"]

log = logging.getLogger(__name__)

T = TypeVar("T")

Migration = tuple[int, str, Callable[[Connection], None]]
"""(number, name, what to do inside the transaction that also records it)."""

_BUSY_MILLISECONDS = 10_000
_READERS = 2
_LEDGER = "migrations"
_DAMAGED = "The database {} is damaged: restore it from a backup."


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's complaints about the world; a mistake in our own SQL passes through: it is a bug."""
    try:
        yield
    except (
        sqlite3.ProgrammingError,
        sqlite3.InterfaceError,
        sqlite3.NotSupportedError,
        sqlite3.IntegrityError,
    ):
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        detail = f"{path.name}: {error}"
        if code == sqlite3.SQLITE_FULL:
            raise NotNow("The server's disk is full.", retry_after=60, detail=detail) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise NotNow("The server's database is busy.", retry_after=5, detail=detail) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise WorldError(_DAMAGED.format(path), detail=detail) from error
        raise WorldError("The server's database cannot be used.", detail=detail) from error


class Database:
    """One SQLite file in WAL mode: writes in turn, on the disk when they return, and reads beside them.

    A write's transaction begins IMMEDIATE and is rolled back whole on any exception. A cancelled caller does
    not undo its write: the thread ends what it began.
    """

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._submitted = self._written = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"{path.stem}-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix=f"{path.stem}-reader")

    @classmethod
    async def open(
        cls, path: Path, migrations: Sequence[Migration], *, synchronous: str = "FULL", check: bool = True
    ) -> Database:
        """The database, checked and brought up to date; made (0600) when missing.

        `check` reads the whole file once. Raises WorldError when it is damaged or newer than this program.
        """
        database = cls(path, synchronous=synchronous)
        try:
            await asyncio.wrap_future(database._writer.submit(database._prepare, tuple(migrations), check))
        except BaseException:
            await database.close()
            raise
        return database

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds in the committed data, in one consistent view."""
        return await asyncio.wrap_future(self._readers.submit(self._read, work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once its transaction is on the disk."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue a write without waiting for it (RuntimeError once closed)."""
        done = self._writer.submit(self._write, work)
        self._submitted += 1
        return done

    @property
    def waiting(self) -> int:
        """How many writes are queued or under way."""
        # Each of the two numbers has one thread that changes it.
        return self._submitted - self._written

    async def size(self) -> int:
        """Bytes on the disk, with what is not merged into the file yet."""
        beside = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return await asyncio.to_thread(lambda: sum(p.stat().st_size for p in beside if p.exists()))

    async def copy(self, target: Path) -> None:
        """Write what is committed now to another file (0600), as it is at one moment; nobody waits for it meanwhile.

        Raises NotNow on a full disk, WorldError.
        """
        await asyncio.to_thread(self._copy, target)

    def _copy(self, target: Path) -> None:
        with database_errors(self._path):
            target.touch(mode=0o600)
            with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(target)) as copy:
                source.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
                source.execute("PRAGMA query_only = ON")
                # In one step: between two, a write of the daemon's would make it begin anew, and so for ever.
                source.backup(copy, pages=-1)

    async def close(self) -> None:
        """Finish the queued writes and close the file; being closed already is success."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        while self._connections:
            self._connections.pop().close()

    def _connection(self) -> Connection:
        """This thread's connection."""
        found: Connection | None = getattr(self._local, "connection", None)
        if found is None:
            # Closed by another thread, when this one has ended: hence check_same_thread.
            found = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connections.append(found)
            found.row_factory = Row
            found.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            found.execute(f"PRAGMA synchronous = {self._synchronous}")
            found.execute("PRAGMA foreign_keys = ON")
            self._local.connection = found
        return found

    def _read(self, work: Callable[[Connection], T]) -> T:
        with database_errors(self._path):
            connection = self._connection()
            connection.execute("PRAGMA query_only = ON")
            with _transaction(connection, "DEFERRED"):
                return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            with database_errors(self._path):
                connection = self._connection()
                with _transaction(connection, "IMMEDIATE"):
                    return work(connection)
        finally:
            self._written += 1

    def _prepare(self, migrations: tuple[Migration, ...], check: bool) -> None:
        with database_errors(self._path):
            self._path.touch(mode=0o600, exist_ok=True)
            connection = self._connection()
            connection.execute("PRAGMA journal_mode = WAL")
            if check:
                self._check(connection)
            self._migrate(connection, migrations)

    def _check(self, connection: Connection) -> None:
        faults = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
        if faults != ["ok"]:
            raise WorldError(_DAMAGED.format(self._path), detail="; ".join(faults))

    def _migrate(self, connection: Connection, migrations: tuple[Migration, ...]) -> None:
        """Apply what this file has not seen, each step and its record in one transaction."""
        known = sqlite_utils.Database(connection).table(_LEDGER)
        done = {int(row["number"]) for row in known.rows} if known.exists() else set()
        unknown = done - {number for number, _, _ in migrations}
        if unknown:
            raise WorldError(
                f"The database {self._path} was made by a newer nbhostd: step {max(unknown)} is unknown here."
            )
        for number, name, step in migrations:
            if number in done:
                continue
            with _transaction(connection, "IMMEDIATE"):
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {_LEDGER}"
                    " (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
                )
                step(connection)
                connection.execute(f"INSERT INTO {_LEDGER} (number, name) VALUES (?, ?)", (number, name))
            log.info("%s: step %d, %s, applied", self._path.name, number, name)


@contextmanager
def _transaction(connection: Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled back by itself, and then there is nothing left to undo.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
