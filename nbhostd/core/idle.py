"""When a running workspace is stopped: a clock for each of four states, verdicts with their reasons, and notice of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbhostd.core.config import Idle
from nbhostd.core.model import JupyterStatus

UNREACHABLE_CHECKS = 3
"""So many checks in a row without an answer, and a server is taken for dead."""
LONGEST_NOTICE = timedelta(minutes=5)
"""How long before a stop its pages are told; half the limit, where that is less."""
_USUAL_PAUSE = 30.0
_LOOKS_PER_NOTICE = 4


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


@dataclass(frozen=True, slots=True)
class Notice:
    """A stop that is near: when, and why ('idle', which a person can put off, or 'lifetime', which nobody can)."""

    at: datetime
    because: str


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
    connected, allowed = _allowance(settings, look, look.status)
    quiet = now - _last_use(look, look.status)
    if quiet < min(timedelta(seconds=settings.abandoned_after), allowed):
        return IdleVerdict(False, Usage.ACTIVE, "used lately")
    usage = Usage.CONNECTED if connected else Usage.ABANDONED
    if quiet >= allowed:
        return IdleVerdict(True, usage, "idle")
    return IdleVerdict(False, usage, "a browser is connected")


def _allowance(settings: Idle, look: Look, status: JupyterStatus) -> tuple[bool, timedelta]:
    """Whether a browser is connected, and how long nothing may happen then."""
    connected = look.connections > 0 or status.connections > 0
    return connected, timedelta(seconds=settings.connected_after if connected else settings.abandoned_after)


def _last_use(look: Look, status: JupyterStatus) -> datetime:
    return max(look.touched_at, status.last_activity or look.touched_at)


def notice(settings: Idle, now: datetime, look: Look) -> Notice | None:
    """The stop that `judge` will decide on soon if nothing happens, once it is near enough to be announced."""
    lifetime = timedelta(seconds=settings.lifetime)
    coming = [(look.started_at + lifetime, "lifetime", lifetime)]
    if look.status is not None and not look.status.busy_kernels:
        _, allowed = _allowance(settings, look, look.status)
        coming.append((_last_use(look, look.status) + allowed, "idle", allowed))
    at, because, limit = min(coming)
    return Notice(at, because) if at - now <= _announced_before(limit) else None


def _announced_before(limit: timedelta) -> timedelta:
    return min(LONGEST_NOTICE, limit / 2)


def poll_pause(settings: Idle) -> float:
    """Seconds between two questions of an open page, so that it hears of a stop in time."""
    shortest = timedelta(seconds=min(settings.connected_after, settings.lifetime))
    return max(1.0, min(_USUAL_PAUSE, _announced_before(shortest).total_seconds() / _LOOKS_PER_NOTICE))


def round_pause(settings: Idle) -> float:
    """Seconds between two rounds: as configured, and less where a limit is so short that stops would come late."""
    shortest = min(settings.abandoned_after, settings.connected_after, settings.lifetime)
    return max(1.0, min(settings.check_every, shortest / _LOOKS_PER_NOTICE))
