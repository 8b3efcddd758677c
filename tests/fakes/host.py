"""A host whose facts a test sets: the second implementation of core.ports.Host; and a clock that stands still."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nbhostd.core.model import HostFacts
from nbhostd.core.vitals import Disk, Vitals

GB = 1 << 30


def some_facts() -> HostFacts:
    return HostFacts(
        cores=2, memory_total=16 * GB, memory_available=12 * GB, disk_free=50 * GB, disk_total=100 * GB
    )


def some_vitals() -> Vitals:
    return Vitals((0.5, 0.4, 0.3), 3600.0, 0.0, (Disk("/srv", 100 * GB, 50 * GB),))


@dataclass
class FakeHost:
    now_facts: HostFacts = field(default_factory=some_facts)
    now_vitals: Vitals = field(default_factory=some_vitals)

    def facts(self) -> HostFacts:
        return self.now_facts

    def vitals(self) -> Vitals:
        return self.now_vitals


@dataclass
class FakeClock:
    """Time goes on only when it is told to."""

    moment: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    ticks: float = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.ticks

    def pass_(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self.moment += timedelta(seconds=seconds)
        self.ticks += seconds
