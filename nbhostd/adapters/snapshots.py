"""Copies of the databases for a backup, and the sizes of the service's own directories."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from nbhostd.adapters.database import Database
from nbhostd.adapters.migrations import STATISTICS, STORE
from nbhostd.adapters.published import disk_errors
from nbhostd.core.backup import DATABASE_FILES, DATABASES


class DatabaseSnapshots:
    """The Snapshots of `core/backup.py`."""

    def __init__(self, state: Path, store: Database, statistics: Database) -> None:
        self._state = state
        self._place = state / "backup"
        self._databases = dict(zip(DATABASE_FILES, (store, statistics), strict=True))

    async def take(self) -> None:
        """Copy both databases, each as it is at one moment. Raises NotNow on a full disk, WorldError."""
        await asyncio.to_thread(self._empty)
        for name, database in self._databases.items():
            await database.copy(self._place / DATABASES / name)

    async def discard(self) -> None:
        """Remove the copies; not being there is success."""
        await asyncio.to_thread(shutil.rmtree, self._place, ignore_errors=True)

    async def measure(self, path: str) -> int:
        """Bytes of what is at `path` below the state; 0 when nothing is."""
        return await asyncio.to_thread(_size, self._state / path)

    async def steps(self) -> dict[str, int]:
        """The newest step of each database: this program's, as both were brought up to date when they were opened."""
        return {name: steps[-1][0] for name, steps in zip(DATABASE_FILES, (STORE, STATISTICS), strict=True)}

    def _empty(self) -> None:
        with disk_errors("copy of the databases"):
            shutil.rmtree(self._place, ignore_errors=True)
            (self._place / DATABASES).mkdir(mode=0o700, parents=True)


def _size(top: Path) -> int:
    if not top.is_dir() or top.is_symlink():
        return os.lstat(top).st_size if os.path.lexists(top) else 0
    total = 0
    for directory, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size
            except OSError:
                continue  # whoever works there has just removed it
    return total
