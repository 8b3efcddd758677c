"""Metrics in memory: the second implementation of core.health.Metrics."""

from dataclasses import dataclass, field

from nbhostd.core.health import Gauges


@dataclass
class FakeMetrics:
    told: list[tuple[object, ...]] = field(default_factory=list)
    gauges: Gauges | None = None

    def happened(self, event: str) -> None:
        self.told.append(("happened", event))

    def served(self, seconds: float) -> None:
        self.told.append(("served", seconds))

    def stopped(self, reason: str) -> None:
        self.told.append(("stopped", reason))

    def failed(self, reason: str, *, starting: bool) -> None:
        self.told.append(("failed", reason, starting))

    def refused(self, reason: str) -> None:
        self.told.append(("refused", reason))

    def lagged(self, seconds: float) -> None:
        self.told.append(("lagged", seconds))

    def text(self, gauges: Gauges) -> bytes:
        self.gauges = gauges
        return b"text"
