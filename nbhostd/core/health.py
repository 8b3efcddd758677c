"""Facts for whoever watches the site: is it ready, and how is it doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nbhostd.core.model import HostFacts, Phase

STOPS = frozenset(
    {"idle", "lifetime", "unreachable", "administrator", "logged out", "ended", "new image", "deleted"}
)
"""Why workspaces stop, in stable words; what is none of these is counted as 'other'."""
FAILURES = frozenset({"image", "start", "memory", "timeout", "crashed"})
"""Why workspaces fail."""


@dataclass(slots=True)
class Traffic:
    """What the proxy has carried since the daemon's start: plain numbers, as they change at every request."""

    requests: int = 0
    websockets: int = 0
    from_browsers: int = 0
    """Bytes of requests' bodies and of WebSockets."""
    to_browsers: int = 0


@dataclass(frozen=True, slots=True)
class Gauges:
    """How the site is at one moment."""

    phases: Mapping[Phase, int]
    queue: int
    requests: int
    """Requests and WebSockets that are under way."""
    host: HostFacts
    traffic: Traffic
    databases: Mapping[str, int]
    """Writes that wait for each database."""
    jobs: Sequence[tuple[str, str, int]] = field(default=())
    """(kind, state, how many)."""


class Metrics(Protocol):
    """Counts what happens. Nothing here names a person, a course or a notebook; nothing raises or waits."""

    def happened(self, event: str) -> None:
        """Something that statistics record: 'open', 'reset', 'start', 'stop', …"""

    def served(self, seconds: float) -> None:
        """A workspace that was asked for serves, so long after it was asked for."""

    def stopped(self, reason: str) -> None:
        """A workspace is being stopped, or has ended by itself."""

    def failed(self, reason: str, *, starting: bool) -> None:
        """A workspace did not start, or died."""

    def refused(self, reason: str) -> None:
        """A page was refused, with this stable word."""

    def lagged(self, seconds: float) -> None:
        """The loop came back so much later than it was asked to."""

    def text(self, gauges: Gauges) -> bytes:
        """All of it, as Prometheus reads it."""
