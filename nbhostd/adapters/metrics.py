"""The Metrics port for Prometheus: prometheus_client's only room."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from nbhostd.adapters.database import Database
from nbhostd.core.health import Gauges

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `text` returns: the text format that every Prometheus reads."""

_STARTS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_MOST_WORDS = 200
"""Different words that one counter tells apart; they are the program's own, so there are never so many."""


class PrometheusMetrics:
    """Counters of the daemon's life, and gauges of the moment at which it is asked."""

    def __init__(self, version: str) -> None:
        # When a counter was made says nothing here: all begin with the daemon.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        self._known: dict[str, set[str]] = {}
        self._moment = _Moment(version)
        self._registry.register(self._moment)
        ProcessCollector(registry=self._registry)
        self._events = self._counter("events", "What happened: notebooks opened, servers started.", "event")
        self._stops = self._counter("stops", "Workspaces that were stopped or ended.", "reason")
        self._failures = self._counter(
            "failures", "Workspaces that did not start, or died.", "reason", "during"
        )
        self._refusals = self._counter("refusals", "Pages and launches that were refused.", "reason")
        self._starts = Histogram(
            "nbhostd_start_seconds", "From the visit that asked for a workspace until it serves, waiting included.",
            buckets=_STARTS, registry=self._registry,
        )  # fmt: skip
        self._lag = Histogram(
            "nbhostd_loop_lag_seconds", "How late the event loop comes back, looked at each second.", buckets=_LAGS,
            registry=self._registry,
        )  # fmt: skip

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"nbhostd_{name}", help, labels, registry=self._registry)

    def happened(self, event: str) -> None:
        """Something that statistics record."""
        self._events.labels(self._word("event", event)).inc()

    def served(self, seconds: float) -> None:
        """A workspace that was asked for serves."""
        self._starts.observe(seconds)

    def stopped(self, reason: str) -> None:
        """A workspace is being stopped, or has ended."""
        self._stops.labels(self._word("stop", reason)).inc()

    def failed(self, reason: str, *, starting: bool) -> None:
        """A workspace did not start, or died."""
        self._failures.labels(self._word("failure", reason), "start" if starting else "run").inc()

    def refused(self, reason: str) -> None:
        """A page was refused."""
        self._refusals.labels(self._word("refusal", reason)).inc()

    def lagged(self, seconds: float) -> None:
        """The loop came back late."""
        self._lag.observe(seconds)

    def text(self, gauges: Gauges) -> bytes:
        """All of it, in Prometheus' text format."""
        self._moment.gauges = gauges
        return generate_latest(self._registry)

    def _word(self, kind: str, word: str) -> str:
        known = self._known.setdefault(kind, set())
        if word not in known:
            if len(known) >= _MOST_WORDS:
                return "other"
            known.add(word)
        return word


class _Moment(Collector):
    """The gauges of the moment at which it is asked."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.gauges: Gauges | None = None

    def describe(self) -> Iterator[Metric]:
        """Nothing: it is registered before there is a moment."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Everything that is read off at the moment."""
        now = self.gauges
        if now is None:
            return
        info = {"version": self._version, "python": platform.python_version()}
        yield InfoMetricFamily("nbhostd", "Which nbhostd it is.", value=info)
        phases = {str(phase): count for phase, count in now.phases.items()}
        yield _labelled(
            "workspaces", "Workspaces that were used in the daemon's life, by phase.", "phase", phases
        )
        yield _gauge("queue_length", "Students who wait for a start.", now.queue)
        yield _gauge("connections", "Requests and WebSockets of notebooks under way.", now.requests)
        yield _labelled("database_queue", "Writes that wait for a database.", "database", dict(now.databases))
        host = now.host
        yield _gauge("host_memory_total_bytes", "Memory of the computer.", host.memory_total)
        yield _gauge("host_memory_available_bytes", "Memory that starts may take.", host.memory_available)
        yield _gauge("state_disk_total_bytes", "Size of the state's disk.", host.disk_total)
        yield _gauge("state_disk_free_bytes", "What is free on the state's disk.", host.disk_free)
        for name, pressure in (("cpu", host.cpu_pressure), ("memory", host.memory_pressure)):
            if pressure is not None:
                yield _gauge(f"host_{name}_pressure_ratio", f"Share of 10 s in which tasks waited for {name}.",
                             pressure / 100)  # fmt: skip
        jobs = GaugeMetricFamily("nbhostd_jobs", "Jobs that are remembered.", labels=["kind", "state"])
        for kind, state, count in now.jobs:
            jobs.add_metric([kind, state], count)
        yield jobs
        yield from _traffic(now)


def _traffic(now: Gauges) -> Iterator[Metric]:
    traffic = now.traffic
    yield _count("proxy_requests", "Requests that went to notebook servers.", traffic.requests)
    yield _count("proxy_websockets", "WebSockets that were opened to notebook servers.", traffic.websockets)
    carried = CounterMetricFamily(
        "nbhostd_proxy_bytes", "Bytes of bodies and WebSockets.", labels=["direction"]
    )
    carried.add_metric(["from_browsers"], traffic.from_browsers)
    carried.add_metric(["to_browsers"], traffic.to_browsers)
    yield carried


def _gauge(name: str, help: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"nbhostd_{name}", help, value=value)


def _count(name: str, help: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"nbhostd_{name}", help, value=value)


def _labelled(name: str, help: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"nbhostd_{name}", help, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


async def count_jobs(database: Database) -> list[tuple[str, str, int]]:
    """(kind, state, how many) of the jobs that the store remembers."""
    query = "SELECT kind, state, count(*) FROM jobs GROUP BY kind, state ORDER BY kind, state"
    return await database.read(
        lambda db: [(str(row[0]), str(row[1]), int(row[2])) for row in db.execute(query)]
    )
