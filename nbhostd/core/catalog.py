"""What keeping a catalogue of notebooks asks of the outside world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.notebookmeta import NotebookFacts

Facts = Mapping[NotebookPath, NotebookFacts]

MOST_NOTEBOOKS = 10_000
"""Of one course; those after them are called by their paths."""


class NotebookReader(Protocol):
    """Reads what the notebooks of a published tree say of themselves."""

    async def facts(self, course: CourseName, commit: str) -> Facts:
        """Of every notebook of that commit, by path. Raises WorldError when its tree is not there (any more)."""


class Catalogs(Protocol):
    """What was read already: one catalogue per course, of one commit."""

    async def load(self, course: int, commit: str) -> Facts | None:
        """What was saved for that course (its number) at that commit, or None."""

    async def save(self, course: int, commit: str, facts: Facts) -> None:
        """Keep this instead of what was there; a course that is gone is left alone."""
