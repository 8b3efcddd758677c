"""A Git in memory: upstream repositories are dictionaries, and a pull copies one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.giturl import GitUrl
from nbhostd.core.names import CourseName

Files = dict[str, bytes]


@dataclass
class FakeGit:
    """`upstream(url, branch, files)` is a push; `broken[url]` is what a fetch raises."""

    broken: dict[str, NbhostdError] = field(default_factory=dict)
    _upstreams: dict[str, dict[str, Files]] = field(default_factory=dict)
    _commits: dict[CourseName, dict[str, Files]] = field(default_factory=dict)
    _trees: dict[CourseName, dict[str, Files]] = field(default_factory=dict)
    _current: dict[CourseName, str] = field(default_factory=dict)

    def upstream(self, url: str, branch: str, files: Files) -> None:
        self._upstreams.setdefault(url, {})[branch] = dict(files)

    async def fetch(
        self, course: CourseName, url: str, branch: str | None, on_line: Callable[[str], None]
    ) -> str:
        shown = GitUrl.parse(url).shown
        if url in self.broken:
            raise self.broken[url]
        branches = self._upstreams.get(url)
        if branches is None:
            raise Refused("The repository cannot be read: it is not there.", reason="bad-git-url")
        if not branches:
            raise Refused("The repository is empty.", reason="empty-repository")
        chosen = branch or ("main" if "main" in branches else sorted(branches)[0])
        if chosen not in branches:
            raise Refused(f"The repository has no branch “{chosen}”.", reason="no-such-branch")
        commit = hashlib.sha1(repr(sorted(branches[chosen].items())).encode()).hexdigest()
        self._commits.setdefault(course, {})[commit] = branches[chosen]
        on_line(f"asking {shown}")
        return commit

    async def export(self, course: CourseName, commit: str, on_line: Callable[[str], None]) -> None:
        self._trees.setdefault(course, {})[commit] = self._commits[course][commit]
        self._current[course] = commit

    async def changes(self, course: CourseName, old: str, new: str) -> int | None:
        commits = self._commits.get(course, {})
        if old not in commits or new not in commits:
            return None
        names = {*commits[old], *commits[new]}
        return sum(commits[old].get(name) != commits[new].get(name) for name in names)

    async def files(self, course: CourseName) -> frozenset[str]:
        return frozenset(self._tree(course))

    async def read(self, course: CourseName, path: str, *, limit: int = 1 << 20) -> bytes | None:
        content = self._tree(course).get(path)
        return None if content is None else content[:limit]

    async def prune(self, course: CourseName, keep: Iterable[str]) -> None:
        kept = {*keep, self._current.get(course)}
        self._trees[course] = {c: tree for c, tree in self._trees.get(course, {}).items() if c in kept}

    async def delete(self, course: CourseName) -> None:
        for kept in (self._commits, self._trees, self._current):
            kept.pop(course, None)

    def _tree(self, course: CourseName) -> Files:
        current = self._current.get(course)
        return self._trees[course][current] if current else {}
