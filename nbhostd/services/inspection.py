"""Inspection: what is wrong in each course's content, looked for once per commit and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nbhostd.core.lint import Finding
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.ports_teaching import Inspector
from nbhostd.services.tasks import Tasks

_PATIENCE = 2.0
"""Seconds that a page waits; then it says that somebody is looking."""


class Inspection:
    """Whoever asks while a course is being looked at waits for that, and does not begin again."""

    def __init__(self, inspector: Inspector, tasks: Tasks, *, patience: float = _PATIENCE) -> None:
        self._inspector = inspector
        self._tasks = tasks
        self._patience = patience
        self._known: dict[CourseName, tuple[str, asyncio.Task[Sequence[Finding]]]] = {}

    def renew(self, course: Course) -> None:
        """Look at a course that has just changed, in the background."""
        if course.commit is not None:
            self._looking(course.name, course.commit)

    async def findings(self, course: Course) -> Sequence[Finding] | None:
        """What is wrong in the course's published commit; None while that is not known yet. Raises WorldError."""
        if course.commit is None:
            return ()
        looking = self._looking(course.name, course.commit)
        done, _ = await asyncio.wait({looking}, timeout=self._patience)
        return looking.result() if done else None

    def _looking(self, name: CourseName, commit: str) -> asyncio.Task[Sequence[Finding]]:
        known = self._known.get(name)
        if known is None or known[0] != commit or _failed(known[1]):
            task = self._tasks.spawn(f"inspection of {name}", self._look(name, commit))
            known = self._known[name] = (commit, task)
        return known[1]

    async def _look(self, name: CourseName, commit: str) -> Sequence[Finding]:
        return await self._inspector.findings(name, commit)


def _failed(looking: asyncio.Task[Sequence[Finding]]) -> bool:
    return looking.done() and (looking.cancelled() or looking.exception() is not None)
