"""Where a restore waits, <state>/restore/, until the daemon's start puts all of it in its place by renaming.

What is there is the site to be; `restore.json` beside it says of what, `restore.parts` how far it is. No step of the
swap can be lost: an interrupted one is gone on with at the next start, before the databases are opened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbhostd.adapters.database import Connection, Database
from nbhostd.adapters.migrations import STATISTICS, STORE
from nbhostd.adapters.published import disk_errors, sync
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.backup import DATABASE_FILES, DATABASES, REPLACED, TREES, Staging
from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName

log = logging.getLogger(__name__)

_WHAT = "restored site"
_NOTE = "restore.json"
_PARTS = "restore.parts"
_RESTORED = "restored.json"


class RestoreStage:
    """The Stage of `core/backup.py`, and the swap that ends it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._top = state / "restore"
        self._databases = self._top / DATABASES
        self._uids: dict[int, int] = {}

    async def present(self) -> Staging | None:
        """The restore that has begun, or None."""
        return await asyncio.to_thread(self._present)

    def _present(self) -> Staging | None:
        note = self._read(_NOTE)
        if note is None:
            return None
        parts: frozenset[str] = frozenset()
        with suppress(FileNotFoundError):
            # A line without its end was being written when the power failed: that part is done again.
            lines = (self._state / _PARTS).read_text(encoding="utf-8").split("\n")[:-1]
            parts = frozenset(lines)
        return Staging(str(note["id"]), note["told"], parts, "aside" in note)

    async def begin(self, id: str, told: Mapping[str, Any]) -> None:
        """An empty stage for this restore. Raises NotNow on a full disk, WorldError."""
        await asyncio.to_thread(self._begin, {"id": id, "told": dict(told)})

    def _begin(self, note: Mapping[str, Any]) -> None:
        self._uids = {}
        with disk_errors(_WHAT):
            self._top.mkdir(mode=0o700, exist_ok=True)
            (self._state / _PARTS).unlink(missing_ok=True)
            self._write(_NOTE, note)

    async def done(self, part: str) -> None:
        """Remember that a part is here, whole."""
        await asyncio.to_thread(self._done, part)

    def _done(self, part: str) -> None:
        with disk_errors(_WHAT), (self._state / _PARTS).open("a", encoding="utf-8") as file:
            file.write(f"{part}\n")
            file.flush()
            os.fsync(file.fileno())

    async def settle(self, now: datetime) -> None:
        """Bring the staged databases up to date; nothing in them runs, nobody is logged in.

        Raises WorldError when one is damaged, or made by a newer nbhostd.
        """
        self._uids = {}
        for name, steps in zip(DATABASE_FILES, (STORE, STATISTICS), strict=True):
            if not (self._databases / name).is_file():
                raise WorldError(f"The backup has no {name}.")
            database = await Database.open(self._databases / name, steps)
            try:
                if name == DATABASE_FILES[0]:
                    await database.write(lambda db: _lay_to_rest(db, now))
            finally:
                await database.close()

    async def workspaces(self) -> dict[int, int]:
        """The uid of each workspace, by its number; empty before the database is here."""
        if not self._uids and (self._databases / DATABASE_FILES[0]).is_file():
            store = await SqliteStore.open(self._databases / DATABASE_FILES[0])
            try:
                self._uids = {workspace.number: workspace.uid for workspace in await store.workspaces()}
            finally:
                await store.close()
        return self._uids

    async def courses(self) -> dict[CourseName, str | None]:
        """The commit that each course shows, as the staged database says."""
        store = await SqliteStore.open(self._databases / DATABASE_FILES[0])
        try:
            return {course.name: course.commit for course in await store.courses()}
        finally:
            await store.close()

    async def mirrored(self, course: CourseName) -> bool:
        """Whether the course's mirror is here."""
        return await asyncio.to_thread((self._top / "courses" / course / "git" / "HEAD").is_file)

    async def seal(self, now: datetime) -> None:
        """It is whole: the next start puts it in its place. Raises NotNow, WorldError."""
        await asyncio.to_thread(self._seal, now)

    def _seal(self, now: datetime) -> None:
        with disk_errors(_WHAT):
            for name in REPLACED:
                (self._top / name).mkdir(mode=0o755 if name == "local" else 0o700, exist_ok=True)
            note = self._read(_NOTE) or {}
            aside = f"before-restore-{now.astimezone(UTC):%Y%m%d-%H%M%S}"
            self._write(_NOTE, {**note, "aside": aside, "restored_at": now.isoformat()})

    async def clear(self) -> None:
        """Forget the restore and remove all of it but students' directories. Raises WorldError."""
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        with disk_errors(_WHAT):
            # Last of all the note: an interrupted clearing is gone on with.
            for path in self._top.iterdir() if self._top.is_dir() else ():
                if path.name == "workspaces":
                    path.rmdir()
                else:
                    shutil.rmtree(path)
            (self._state / _PARTS).unlink(missing_ok=True)
            (self._state / _NOTE).unlink(missing_ok=True)

    async def restored(self) -> Mapping[str, Any] | None:
        """What was put in its place last, or None."""
        note = await asyncio.to_thread(self._read, _RESTORED)
        return None if note is None else {**note, "aside": str(self._state / note["aside"])}

    # The swap

    def swap(self) -> bool:
        """Put a restore that is whole in its place; whether the site is a restored one whose units were not ended yet.

        To be called before the databases are opened. Raises WorldError: then it is gone on with at the next start.
        """
        note = self._read(_NOTE)
        if note is not None and "aside" in note:
            with disk_errors(_WHAT):
                self._swap(self._state / note["aside"])
                self._write(_RESTORED, {**note, "settled": False})
                (self._state / _PARTS).unlink(missing_ok=True)
                (self._state / _NOTE).unlink()
            log.warning("a restored site is in its place; what was here before is in %s", note["aside"])
        last = self._read(_RESTORED)
        return last is not None and last.get("settled") is False

    def settled(self) -> None:
        """The units of the site before are ended."""
        last = self._read(_RESTORED)
        if last is not None:
            with disk_errors(_WHAT):
                self._write(_RESTORED, {**last, "settled": True})

    def _swap(self, aside: Path) -> None:
        aside.mkdir(mode=0o700, exist_ok=True)
        for name in DATABASE_FILES:
            # A log of changes beside another database would be applied to it.
            self._change_places(self._databases / name, name, aside, first=(f"{name}-wal", f"{name}-shm"))
        for name in dict.fromkeys((*REPLACED, *TREES)):
            self._change_places(self._top / name, name, aside)
        for directory in (aside, self._state):
            sync(directory)
        if self._top.exists():
            shutil.rmtree(self._top)

    def _change_places(self, new: Path, name: str, aside: Path, first: tuple[str, ...] = ()) -> None:
        """What is staged as `new` becomes <state>/name. When there is no `new`, that was done in an earlier attempt."""
        if not new.exists():
            return
        for old in (*first, name):
            with suppress(FileNotFoundError):
                os.rename(self._state / old, aside / old)
        os.rename(new, self._state / name)
        sync(self._state)

    # Notes

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            note: dict[str, Any] = json.loads((self._state / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise WorldError(f"{self._state / name} cannot be read.", detail=str(error)) from error
        return note

    def _write(self, name: str, note: Mapping[str, Any]) -> None:
        new = self._state / f"{name}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(note, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, self._state / name)
        sync(self._state)


def _lay_to_rest(db: Connection, now: datetime) -> None:
    """Nothing runs and nobody is logged in: what did, did so on the computer that the backup is from."""
    db.execute("DELETE FROM runs")
    db.execute("UPDATE workspaces SET intent = 'cold', armed_spec = ''")
    db.execute(
        "UPDATE jobs SET state = 'lost', ended_at = ?, message = 'was under way when the backup was made'"
        " WHERE state = 'running'",
        (now.astimezone(UTC).isoformat(timespec="microseconds"),),
    )
    db.execute("DELETE FROM sessions")
