"""Commits and an inspector over the fake Git's trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nbhostd.core.errors import WorldError
from nbhostd.core.lint import Checkout, Finding, judge
from nbhostd.core.names import CourseName
from nbhostd.core.ports_teaching import Commit
from tests.fakes.git import FakeGit


@dataclass
class FakeCommits:
    """All made at the same moment."""

    git: FakeGit
    title: str = "a change"

    async def commit(self, course: CourseName, commit: str) -> Commit | None:
        if commit not in self.git._commits.get(course, {}):
            return None
        return Commit(datetime(2026, 1, 2, 3, 4, tzinfo=UTC), self.title)


@dataclass
class FakeInspector:
    """`asked` is what was really looked at."""

    git: FakeGit
    asked: list[str] = field(default_factory=list)

    async def findings(self, course: CourseName, commit: str) -> Sequence[Finding]:
        self.asked.append(commit)
        tree = self.git._trees.get(course, {}).get(commit)
        if tree is None:
            raise WorldError("The content of the course is not there any more.")
        sizes = {path: len(content) for path, content in tree.items()}
        return judge(Checkout(sizes, lambda path, limit: tree[path][:limit] if path in tree else None))
