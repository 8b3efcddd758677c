"""Catalogues in memory, and a reader of the fake Git's trees."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from nbhostd.core.catalog import Facts
from nbhostd.core.errors import WorldError
from nbhostd.core.names import NOTEBOOK_SUFFIXES, CourseName, NotebookPath
from nbhostd.core.notebookmeta import read_head
from tests.fakes.git import FakeGit


@dataclass
class FakeCatalogs:
    """The table; `gone` are the numbers of courses that do not exist."""

    gone: set[int] = field(default_factory=set)
    _rows: dict[int, tuple[str, Facts]] = field(default_factory=dict)

    async def load(self, course: int, commit: str) -> Facts | None:
        row = self._rows.get(course)
        return row[1] if row and row[0] == commit else None

    async def save(self, course: int, commit: str, facts: Facts) -> None:
        if course not in self.gone:
            self._rows[course] = (commit, dict(facts))


@dataclass
class FakeNotebooks:
    """`asked` is what was really read."""

    git: FakeGit
    asked: list[str] = field(default_factory=list)

    async def facts(self, course: CourseName, commit: str) -> Facts:
        self.asked.append(commit)
        await asyncio.sleep(0)  # as the real one: others have a turn
        tree = self.git._trees.get(course, {}).get(commit)
        if tree is None:
            raise WorldError("The course's content is not on the server.")
        return {
            NotebookPath(path): read_head(NotebookPath(path), content).facts
            for path, content in sorted(tree.items())
            if path.endswith(NOTEBOOK_SUFFIXES)
        }
