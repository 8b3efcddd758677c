"""What the teachers' pages ask of the outside world about a course's content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nbhostd.core.lint import Finding
from nbhostd.core.names import CourseName


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as people speak of it: when it was made, and the first line of its message."""

    made_at: datetime
    title: str


class Commits(Protocol):
    """The commits of courses' mirrors."""

    async def commit(self, course: CourseName, commit: str) -> Commit | None:
        """That commit; None when it is not there."""


class Inspector(Protocol):
    """Reads published trees with a course author's eyes."""

    async def findings(self, course: CourseName, commit: str) -> Sequence[Finding]:
        """Every fault in the tree of that commit, by file and line. Raises WorldError when it is not there (any more)."""
