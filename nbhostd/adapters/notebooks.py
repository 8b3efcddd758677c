"""The NotebookReader port: headers of notebooks, read from the published trees a few at a time, in a thread."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from nbhostd.core.catalog import MOST_NOTEBOOKS
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.names import NOTEBOOK_SUFFIXES, CourseName, NotebookPath
from nbhostd.core.notebookmeta import LARGEST_IPYNB, LONGEST_HEAD, NotebookFacts, read_head

_SLICE = 8
"""Notebooks read before everybody else has a turn: a parser holds the interpreter."""

_PAUSE = 0.01


class TreeNotebooks:
    """Notebooks of the trees `<courses>/<course>/public/<commit>/`, which never change once they are there."""

    def __init__(self, courses: Path) -> None:
        self._courses = courses

    async def facts(self, course: CourseName, commit: str) -> dict[NotebookPath, NotebookFacts]:
        """Of every notebook of that commit, by path. Raises WorldError when its tree is not there (any more)."""
        top = self._courses / course / "public" / commit
        paths = await asyncio.to_thread(_notebooks, top)
        found: dict[NotebookPath, NotebookFacts] = {}
        for start in range(0, len(paths), _SLICE):
            found.update(await asyncio.to_thread(_slice, top, paths[start : start + _SLICE]))
            await asyncio.sleep(_PAUSE)
        if not await asyncio.to_thread(top.is_dir):  # it was removed meanwhile, and files seemed unreadable
            raise _gone(commit)
        return found


def _notebooks(top: Path) -> list[NotebookPath]:
    if not top.is_dir():
        raise _gone(top.name)
    found = []
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith(NOTEBOOK_SUFFIXES) and stat.S_ISREG(os.lstat(path).st_mode):
                try:
                    found.append(NotebookPath.parse(os.path.relpath(path, top)))
                except Refused:
                    continue  # a name that no launch can mean
    return sorted(found)[:MOST_NOTEBOOKS]


def _slice(top: Path, paths: list[NotebookPath]) -> dict[NotebookPath, NotebookFacts]:
    return {path: read_head(path, _content(top / path)).facts for path in paths}


def _content(path: Path) -> bytes | None:
    """What is needed of a file; None when it is more than is ever read."""
    limit = LARGEST_IPYNB if path.suffix == ".ipynb" else LONGEST_HEAD
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            content = file.read(limit + 1)
    except OSError:
        return None
    return None if path.suffix == ".ipynb" and len(content) > limit else content


def _gone(commit: str) -> WorldError:
    return WorldError("The course's content is not on the server.", detail=f"no tree of {commit}")
