"""The Histories port on the courses' mirrors: git's names of every content that each notebook ever had."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

import pygit2
from pygit2.enums import SortMode

from nbhostd.core.errors import WorldError
from nbhostd.core.gist import LARGEST, gist
from nbhostd.core.names import NOTEBOOK_SUFFIXES, CourseName, NotebookPath
from nbhostd.core.progress import History

_MOST_COMMITS = 5000
_DEEPEST = 64
_MOST_READ = 16 << 20
"""Bytes of one notebook's versions that are read for their gists."""
_Gists = dict[NotebookPath, frozenset[str]]
# Keys of a dict are a set that keeps its order.
_Versions = dict[NotebookPath, dict[str, None]]


class MirrorHistories:
    """Below `root`, one directory per course."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[CourseName, tuple[str, History]] = {}
        self._gists: dict[CourseName, tuple[str, _Gists]] = {}
        self._turns: dict[CourseName, asyncio.Lock] = {}

    async def history(self, course: CourseName, commit: str) -> History:
        """Of all branches, as they are when `commit` is the published one; read once per commit. Raises WorldError."""
        async with self._turns.setdefault(course, asyncio.Lock()):
            known = self._known.get(course)
            if known is not None and known[0] == commit:
                return known[1]
            # Kept by the thread itself: whoever asked may have lost patience.
            return await asyncio.to_thread(self._read, course, commit)

    async def gists(self, course: CourseName, commit: str, path: NotebookPath) -> frozenset[str]:
        """Those of the notebook's contents in that history, of the latest if they are many. Raises WorldError."""
        versions = (await self.history(course, commit)).get(path, ())
        async with self._turns.setdefault(course, asyncio.Lock()):
            of_commit, known = self._gists.get(course, ("", {}))
            if of_commit != commit:
                known = {}
                self._gists[course] = (commit, known)
            if path not in known:
                # Kept by the thread itself: whoever asked may have lost patience.
                await asyncio.to_thread(self._read_gists, course, path, versions, known)
            return known[path]

    def _read_gists(
        self, course: CourseName, path: NotebookPath, versions: Collection[str], known: _Gists
    ) -> None:
        try:
            repository = pygit2.Repository(self._root / course / "git")
            known[path] = frozenset(_gists(repository, path.suffix, versions))
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise WorldError("The course's history cannot be read.", detail=str(error)) from error

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
    versions: _Versions = defaultdict(dict)
    seen: set[tuple[str, str]] = set()
    for one in _commits(repository, commit):
        _read_tree(one.peel(pygit2.Tree), "", versions, seen)
    return dict(versions)


def _gists(repository: pygit2.Repository, suffix: str, versions: Collection[str]) -> Iterator[str]:
    read = 0
    for version in versions:
        blob = repository[version]
        if isinstance(blob, pygit2.Blob) and blob.size <= LARGEST:
            read += blob.size
            if read > _MOST_READ:
                return
            yield gist(suffix, blob.data)


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
            versions[NotebookPath(prefix + name)].setdefault(str(entry.id))
