"""The LocalFiles port: what an administrator lays over a course, in <state>/local/<course>/.

Only the administrator writes there; the service makes none of it, and reads nothing that a link leads out of it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName


class LocalDirectory:
    """The directory `root`, with a directory per course; neither needs to exist."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read(self, course: CourseName, name: str, *, limit: int = 1 << 20) -> bytes | None:
        """The first `limit` bytes of a file, or None when there is none. Raises WorldError when it cannot be read."""
        return await asyncio.to_thread(self._read, course, name, limit)

    def path(self, course: CourseName, name: str) -> str | None:
        """Where a file or directory of that name is, absolute and without links, or None."""
        top = os.path.realpath(self._root / course)
        found = os.path.realpath(os.path.join(top, name))
        inside = os.path.dirname(top) == os.path.realpath(self._root) and found.startswith(top + os.sep)
        return found if inside and (os.path.isdir(found) or os.path.isfile(found)) else None

    def version(self, course: CourseName, name: str) -> str:
        """Differs whenever the file does; '' when there is none."""
        path = self.path(course, name)
        if path is None:
            return ""
        try:
            status = os.stat(path)
        except OSError:
            return ""
        return f"{status.st_ino}.{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"

    def _read(self, course: CourseName, name: str, limit: int) -> bytes | None:
        path = self.path(course, name)
        if path is None or os.path.isdir(path):
            return None
        try:
            with open(path, "rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            where = f"{self._root / course / name}"
            raise WorldError(
                f"The service cannot read {where}: {error.strerror}.", detail=str(error)
            ) from error
