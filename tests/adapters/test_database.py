"""One SQLite file: transactions, migrations, damage, a full disk, SIGKILL."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.adapters.database import Connection, Database, Migration
from nbhostd.core.errors import NotNow, WorldError


def _create(db: Connection) -> None:
    db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT")


def _index(db: Connection) -> None:
    db.execute("CREATE INDEX t_by_text ON t (text)")


STEPS: tuple[Migration, ...] = ((1, "t", _create), (2, "index", _index))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "d.db", STEPS)
    yield opened
    await opened.close()


def _numbers(db: Connection) -> list[int]:
    return [row["n"] for row in db.execute("SELECT n FROM t ORDER BY n")]


async def insert(database: Database, number: int, text: str = "") -> None:
    def work(db: Connection) -> None:
        db.execute("INSERT INTO t VALUES (?, ?)", (number, text))

    await database.write(work)


async def test_a_write_is_seen_by_the_next_read(database: Database) -> None:
    await insert(database, 1)
    assert await database.read(_numbers) == [1]


async def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    def half(db: Connection) -> None:
        db.execute("INSERT INTO t VALUES (1, '')")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(half)
    await insert(database, 2)
    assert await database.read(_numbers) == [2]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(WorldError):
        await database.read(lambda db: db.execute("INSERT INTO t VALUES (1, '')"))


async def test_a_hundred_writers_at_once_each_get_their_turn(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(insert(database, number))
    assert await database.read(_numbers) == list(range(100))


async def test_a_cancelled_caller_does_not_stop_the_write(database: Database) -> None:
    writing = asyncio.ensure_future(insert(database, 1))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await insert(database, 2)
    assert 2 in await database.read(_numbers)


async def test_durability_is_as_asked_for(tmp_path: Path) -> None:
    for mode, level in (("FULL", 2), ("NORMAL", 1)):
        database = await Database.open(tmp_path / f"{mode}.db", STEPS, synchronous=mode)
        pragmas = await database.write(
            lambda db: [
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
            ]
        )
        assert pragmas == [level, "wal", 1, 10_000]
        await database.close()


async def test_steps_are_applied_once_and_new_ones_later(tmp_path: Path) -> None:
    first = await Database.open(tmp_path / "d.db", STEPS[:1])
    await insert(first, 1)
    await first.close()
    second = await Database.open(tmp_path / "d.db", STEPS)
    assert await second.read(_numbers) == [1]
    indexes = await second.read(lambda db: [row["name"] for row in db.execute("PRAGMA index_list(t)")])
    assert indexes == ["t_by_text"]
    await second.close()


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    def breaks(db: Connection) -> None:
        db.execute("CREATE TABLE half (n INTEGER)")
        raise LookupError

    with pytest.raises(LookupError):
        await Database.open(tmp_path / "d.db", (*STEPS, (3, "breaks", breaks)))
    repaired = await Database.open(tmp_path / "d.db", STEPS)
    tables = await repaired.read(lambda db: [row["name"] for row in db.execute("PRAGMA table_list")])
    assert "half" not in tables
    await repaired.close()


async def test_a_file_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    newer = await Database.open(tmp_path / "d.db", STEPS)
    await newer.close()
    with pytest.raises(WorldError, match="newer nbhostd"):
        await Database.open(tmp_path / "d.db", STEPS[:1])


async def test_a_damaged_file_is_named_at_start(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    database = await Database.open(path, STEPS)
    await database.write(
        lambda db: db.executemany("INSERT INTO t VALUES (?, ?)", [(n, "y" * 90) for n in range(5000, 9000)])
    )
    await database.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(WorldError, match="is damaged"):
        await Database.open(path, STEPS)


async def test_a_file_that_is_no_database_is_an_error_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "d.db").write_bytes(b"this is not a database" * 300)
    with pytest.raises(WorldError, match="is damaged"):
        await Database.open(tmp_path / "d.db", STEPS)


async def test_a_full_disk_means_not_now_and_loses_nothing(database: Database) -> None:
    await insert(database, 1)
    await database.write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(NotNow) as refusal:
        await insert(database, 2, "x" * 1_000_000)
    assert "full" in refusal.value.message
    await database.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await insert(database, 3)
    assert await database.read(_numbers) == [1, 3]


async def test_a_mistake_in_our_own_sql_is_a_bug(database: Database) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        await database.read(lambda db: db.execute("SELECT ?", ()))
    await insert(database, 1)
    with pytest.raises(sqlite3.IntegrityError):
        await insert(database, 1)


_WRITES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from nbhostd.adapters.database import Database
from tests.adapters.test_database import STEPS, insert

async def main():
    database = await Database.open(Path(sys.argv[1]), STEPS)
    for number in range(1_000_000):
        await insert(database, number, "x" * 1000)
        print(number, flush=True)

asyncio.run(main())
"""


def _write_until_killed(path: Path) -> int:
    """The last number whose write had returned when the process was killed."""
    command = [sys.executable, "-c", _WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 50:
                break
        process.send_signal(signal.SIGKILL)
        return max(50, *(int(line) for line in process.stdout.read().split()), 50)


async def test_what_a_write_returned_for_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    promised = await asyncio.to_thread(_write_until_killed, path)
    database = await Database.open(path, STEPS)
    numbers = await database.read(_numbers)
    assert numbers[: promised + 1] == list(range(promised + 1))
    assert len(numbers) <= promised + 2
    await database.close()
