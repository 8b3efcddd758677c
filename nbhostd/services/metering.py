"""Tells the metrics what happens in the house, and how it is when somebody looks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from nbhostd.core.health import FAILURES, STOPS, Gauges, Metrics, Traffic
from nbhostd.core.lifecycle import State
from nbhostd.core.model import Phase
from nbhostd.core.names import WorkspaceId
from nbhostd.core.ports import Clock, Host, Statistics
from nbhostd.services.workspaces import Workspaces

_LAG_EVERY = 1.0


class CountedStatistics:
    """A Statistics that counts the events on their way."""

    def __init__(self, statistics: Statistics, metrics: Metrics) -> None:
        self._statistics = statistics
        self._metrics = metrics

    def record(self, now: datetime, workspace: WorkspaceId, event: str, notebook: str) -> None:
        """Queue one event; never raises, never blocks."""
        self._metrics.happened(event)
        self._statistics.record(now, workspace, event, notebook)


class Meter:
    """Follows the workspaces, and gathers the rest at each look."""

    def __init__(
        self, metrics: Metrics, workspaces: Workspaces, traffic: Traffic, host: Host, clock: Clock,
        waiting: Mapping[str, Callable[[], int]], jobs: Callable[[], Awaitable[Sequence[tuple[str, str, int]]]],
    ) -> None:  # fmt: skip
        self._metrics = metrics
        self._workspaces = workspaces
        self._traffic = traffic
        self._host = host
        self._clock = clock
        self._waiting = waiting
        self._jobs = jobs
        self._asked_for: dict[int, float] = {}
        workspaces.on_change(self._changed)

    async def text(self, under_way: int) -> bytes:
        """All metrics now, as Prometheus reads them. Raises WorldError when the database does not answer."""
        phases = Counter(entry.state.phase for entry in self._workspaces.entries)
        return self._metrics.text(
            Gauges(
                phases={phase: phases[phase] for phase in Phase},
                queue=self._workspaces.queue_length,
                requests=under_way,
                host=self._host.facts(),
                traffic=self._traffic,
                databases={name: waiting() for name, waiting in self._waiting.items()},
                jobs=await self._jobs(),
            )
        )

    async def watch_lag(self) -> None:
        """For ever: how much later than asked the loop comes back."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(_LAG_EVERY)
            self._metrics.lagged(max(0.0, self._clock.monotonic() - before - _LAG_EVERY))

    def _changed(self, number: int, before: State, after: State) -> None:
        if after.phase is before.phase:
            return
        match after.phase:
            case Phase.QUEUED:
                self._asked_for.setdefault(number, self._clock.monotonic())
                return
            case Phase.READY:
                since = self._asked_for.pop(number, None)
                # One that was found running, after a restart of the daemon, was not waited for.
                if since is not None:
                    self._metrics.served(self._clock.monotonic() - since)
            case Phase.FAILED:
                reason = after.reason if after.reason in FAILURES else "other"
                self._metrics.failed(reason, starting=self._asked_for.pop(number, None) is not None)
            case Phase.STOPPING:
                self._stopped(number, after)
            case Phase.ASLEEP if before.phase is not Phase.STOPPING:
                self._stopped(number, after)

    def _stopped(self, number: int, after: State) -> None:
        self._asked_for.pop(number, None)
        self._metrics.stopped(after.reason if after.reason in STOPS else "other")
