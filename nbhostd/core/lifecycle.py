"""A workspace's life as a pure machine: `step(state, event) -> (state, orders)`.

    ASLEEP ──visit──▶ QUEUED ──admitted──▶ STARTING ──ready──▶ READY ──dismiss──▶ STOPPING ──gone──▶ ASLEEP
      ▲                                       │ failed                │ gone (stopped or failed by itself)
      └───────────── visit: starts again ── FAILED ◀──────────────────┘

Files are prepared before the visit is told here: the machine knows of the container only.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from nbhostd.core.model import Phase, UnitState


class Order(enum.StrEnum):
    """What the service has to do next, in order."""

    ENQUEUE = "enqueue"
    LEAVE_QUEUE = "leave-queue"
    START = "start"
    STOP = "stop"
    FORGET_FAILURE = "forget-failure"


@dataclass(frozen=True, slots=True)
class State:
    """Where a workspace stands. `reason`: a stable word for a failure or a stop; `again`: visited while stopping."""

    phase: Phase = Phase.ASLEEP
    reason: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Visited:
    """A person wants it running."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Its turn has come."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The server answers."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The start went wrong; `reason` is a stable word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """We want it stopped."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotStopped:
    """systemd did not do what we asked: it still runs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What systemd says of the service, unasked or at a tick."""

    unit: UnitState
    result: str = "success"


Event = Visited | Admitted | Ready | Failed | Dismissed | NotStopped | Seen
Step = tuple[State, tuple[Order, ...]]

_GONE = (UnitState.ABSENT, UnitState.INACTIVE, UnitState.FAILED)


def step(state: State, event: Event) -> Step:
    """The next state, and what to do to get there. Events that change nothing return the state as it is and no order."""
    match event:
        case Visited():
            return _visited(state)
        case Admitted() if state.phase is Phase.QUEUED:
            return State(Phase.STARTING), (Order.START,)
        case Ready() if state.phase is Phase.STARTING:
            return State(Phase.READY), ()
        case Failed(reason) if state.phase is Phase.STARTING:
            return State(Phase.FAILED, reason), (Order.FORGET_FAILURE,)
        case Dismissed(reason):
            return _dismissed(state, reason)
        case NotStopped() if state.phase is Phase.STOPPING:
            # Waiting for an end that may never come would lock its student out.
            return State(Phase.READY), ()
        case Seen(unit, result):
            return _seen(state, unit, result)
    return state, ()


def _visited(state: State) -> Step:
    match state.phase:
        case Phase.ASLEEP | Phase.FAILED:
            return State(Phase.QUEUED), (Order.ENQUEUE,)
        case Phase.STOPPING:
            return replace(state, again=True), ()
    return state, ()


def _dismissed(state: State, reason: str) -> Step:
    match state.phase:
        case Phase.QUEUED:
            return State(Phase.ASLEEP, reason), (Order.LEAVE_QUEUE,)
        case Phase.STARTING:
            return State(Phase.STOPPING, reason), (Order.STOP,)
        case Phase.READY:
            return State(Phase.STOPPING, reason), (Order.STOP,)
        case Phase.STOPPING:
            return replace(state, again=False), ()
    return state, ()


def _seen(state: State, unit: UnitState, result: str) -> Step:
    if unit in _GONE:
        if state.phase is Phase.STOPPING:
            if state.reason == "ended" and not state.again and result != "success":
                return State(Phase.FAILED, _failure(result)), (Order.FORGET_FAILURE,)
            ended = State(Phase.ASLEEP, state.reason)
            return _visited(ended) if state.again else (ended, ())
        if state.phase is Phase.READY:
            if unit is UnitState.FAILED or result != "success":
                return State(Phase.FAILED, _failure(result)), (Order.FORGET_FAILURE,)
            return State(Phase.ASLEEP, "ended"), ()
        return state, ()
    if unit is UnitState.ACTIVE and state.phase in (Phase.ASLEEP, Phase.FAILED, Phase.QUEUED):
        orders = (Order.LEAVE_QUEUE,) if state.phase is Phase.QUEUED else ()
        return State(Phase.READY), orders
    if unit is UnitState.ACTIVATING and state.phase in (Phase.ASLEEP, Phase.FAILED):
        return State(Phase.STARTING), (Order.START,)
    if unit is UnitState.DEACTIVATING and state.phase is Phase.READY:
        return State(Phase.STOPPING, "ended"), ()
    return state, ()


def _failure(result: str) -> str:
    return {"oom-kill": "memory", "timeout": "timeout"}.get(result, "crashed")
