"""Counts what runs, every five minutes, and leaves less of what is old."""

from __future__ import annotations

from collections import Counter
from datetime import date

from nbhostd.core.counts import Counts, Gauges, Running
from nbhostd.core.model import Phase
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Clock, Store
from nbhostd.services.entries import Entries


class Counting:
    """One count each time it is called."""

    def __init__(self, entries: Entries, store: Store, gauges: Gauges, counts: Counts, clock: Clock) -> None:
        self._entries = entries
        self._store = store
        self._gauges = gauges
        self._counts = counts
        self._clock = clock
        self._thinned: date | None = None

    async def __call__(self) -> None:
        """Count now; once a day, thin what is old."""
        now = self._clock.now()
        workspaces: Counter[CourseName] = Counter()
        kernels: Counter[CourseName] = Counter()
        for entry in self._entries:
            if entry.state.phase is Phase.READY:
                course = entry.workspace.id.course
                workspaces[course] += 1
                status = entry.seen.status if entry.seen is not None else None
                kernels[course] += status.kernels if status is not None else 0
        courses = {
            course: Running(count, kernels[course], len(await self._store.workspaces(course)))
            for course, count in workspaces.items()
        }
        await self._counts.add(
            now, self._gauges.read(), Running(workspaces.total(), kernels.total()), courses
        )
        if self._thinned != now.date():
            await self._counts.thin(now)
            self._thinned = now.date()
