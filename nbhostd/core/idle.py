"""When a running workspace is stopped: a clock for each of four states, verdicts with their reasons."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbhostd.core.config import Idle
from nbhostd.core.model import JupyterStatus

UNREACHABLE_CHECKS = 3
"""So many checks in a row without an answer, and a server is taken for dead."""


class Usage(enum.StrEnum):
    """How much a workspace is wanted."""

    BUSY = "busy"
    ACTIVE = "active"
    CONNECTED = "connected"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a running workspace. `status` is None when the server could not be asked, `unanswered` times in a row now."""

    started_at: datetime
    touched_at: datetime
    """When a person last did something through the proxy, or opened it."""
    connections: int
    """Open connections through the proxy."""
    status: JupyterStatus | None
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class IdleVerdict:
    """What to do with it and why; `reason` is a stable word."""

    stop: bool
    usage: Usage
    reason: str


def judge(settings: Idle, now: datetime, look: Look) -> IdleVerdict:
    """Whether to stop a running workspace. Could-not-ask is not idle: only repeated silence counts against it."""
    if now - look.started_at >= timedelta(seconds=settings.lifetime):
        return IdleVerdict(True, Usage.UNKNOWN, "lifetime")
    if look.status is None:
        if look.unanswered >= UNREACHABLE_CHECKS and look.connections == 0:
            return IdleVerdict(True, Usage.UNKNOWN, "unreachable")
        return IdleVerdict(False, Usage.UNKNOWN, "could not ask")
    if look.status.busy_kernels:
        return IdleVerdict(False, Usage.BUSY, "a cell is running")
    connected = look.connections > 0 or look.status.connections > 0
    allowed = settings.connected_after if connected else settings.abandoned_after
    quiet = now - max(look.touched_at, look.status.last_activity or look.touched_at)
    if quiet < timedelta(seconds=min(settings.abandoned_after, allowed)):
        return IdleVerdict(False, Usage.ACTIVE, "used lately")
    usage = Usage.CONNECTED if connected else Usage.ABANDONED
    if quiet >= timedelta(seconds=allowed):
        return IdleVerdict(True, usage, "idle")
    return IdleVerdict(False, usage, "a browser is connected")
