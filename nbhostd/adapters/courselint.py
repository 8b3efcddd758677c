"""The Inspector port on the published trees, which never change once they are there."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from nbhostd.core.errors import WorldError
from nbhostd.core.lint import Checkout, Finding, judge
from nbhostd.core.names import CourseName

_MOST_FILES = 20_000


class TreeInspector:
    """Judges `<courses>/<course>/public/<commit>/`, in a thread."""

    def __init__(self, courses: Path) -> None:
        self._courses = courses

    async def findings(self, course: CourseName, commit: str) -> list[Finding]:
        """Every fault in the tree of that commit, by file and line. Raises WorldError when it is not there (any more)."""
        return await asyncio.to_thread(_findings, self._courses / course / "public" / commit)


def _findings(top: Path) -> list[Finding]:
    files = _files(top)
    found = judge(Checkout(files, lambda name, limit: _read(top / name, limit)))
    if not top.is_dir():
        raise WorldError("The content of the course is not there any more.", detail=str(top))
    return found


def _files(top: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode) and len(found) < _MOST_FILES:
                found[os.path.relpath(path, top)] = status.st_size
    return found


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return None
