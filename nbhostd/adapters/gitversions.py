"""The Histories port on the courses' mirrors: git's names of every content that each notebook ever had."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pygit2
from pygit2.enums import SortMode

from nbhostd.core.errors import WorldError
from nbhostd.core.names import NOTEBOOK_SUFFIXES, CourseName, NotebookPath
from nbhostd.core.progress import History

_MOST_COMMITS = 5000
_DEEPEST = 64
_Versions = dict[NotebookPath, set[str]]


class MirrorHistories:
    """Below `root`, one directory per course."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[CourseName, tuple[str, History]] = {}
        self._turns: dict[CourseName, asyncio.Lock] = {}

    async def history(self, course: CourseName, commit: str) -> History:
        """Of all branches, as they are when `commit` is the published one; read once per commit. Raises WorldError."""
        async with self._turns.setdefault(course, asyncio.Lock()):
            known = self._known.get(course)
            if known is not None and known[0] == commit:
                return known[1]
            # Kept by the thread itself: whoever asked may have lost patience.
            return await asyncio.to_thread(self._read, course, commit)

    def _read(self, course: CourseName, commit: str) -> History:
        try:
            repository = pygit2.Repository(self._root / course / "git")
            history = _history(repository, commit)
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise WorldError("The course's history cannot be read.", detail=str(error)) from error
        self._known[course] = (commit, history)
        return history


def _history(repository: pygit2.Repository, commit: str) -> History:
    """In steps of what a commit changed: a directory that was seen at its place is not read again."""
    versions: _Versions = defaultdict(set)
    seen: set[tuple[str, str]] = set()
    for one in _commits(repository, commit):
        _read_tree(one.peel(pygit2.Tree), "", versions, seen)
    return dict(versions)


def _commits(repository: pygit2.Repository, commit: str) -> Iterator[pygit2.Commit]:
    walker = repository.walk(repository[commit].id, SortMode.TIME)
    for name in repository.branches.local:
        walker.push(repository.branches.local[name].peel(pygit2.Commit).id)
    for count, one in enumerate(walker):
        if count >= _MOST_COMMITS:
            return
        yield one


def _read_tree(tree: pygit2.Tree, prefix: str, versions: _Versions, seen: set[tuple[str, str]]) -> None:
    key = (prefix, str(tree.id))
    if key in seen or prefix.count("/") > _DEEPEST:
        return
    seen.add(key)
    for entry in tree:
        name = (entry.raw_name or b"").decode(errors="replace")
        if isinstance(entry, pygit2.Tree):
            _read_tree(entry, f"{prefix}{name}/", versions, seen)
        elif isinstance(entry, pygit2.Blob) and name.endswith(NOTEBOOK_SUFFIXES):
            versions[NotebookPath(prefix + name)].add(str(entry.id))
