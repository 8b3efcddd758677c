from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.lifecycle import (
    Admitted,
    Dismissed,
    Event,
    Failed,
    Order,
    Ready,
    Seen,
    State,
    Visited,
    step,
)
from nbhostd.core.model import Phase, UnitState

EVENTS = st.one_of(
    st.just(Visited()),
    st.just(Admitted()),
    st.just(Ready()),
    st.just(Failed("start")),
    st.just(Dismissed("idle")),
    st.builds(Seen, st.sampled_from(UnitState), st.sampled_from(["success", "oom-kill", "exit-code"])),
)


def tell(*events: Event) -> tuple[State, list[Order]]:
    state = State()
    all_orders: list[Order] = []
    for event in events:
        state, orders = step(state, event)
        all_orders += orders
    return state, all_orders


def test_a_visit_waits_is_admitted_starts_and_is_ready() -> None:
    assert tell(Visited()) == (State(Phase.QUEUED), [Order.ENQUEUE])
    assert tell(Visited(), Admitted()) == (State(Phase.STARTING), [Order.ENQUEUE, Order.START])
    assert tell(Visited(), Admitted(), Ready())[0] == State(Phase.READY)


def test_a_second_visit_joins_the_first() -> None:
    assert tell(Visited(), Visited())[1] == [Order.ENQUEUE]
    assert tell(Visited(), Admitted(), Visited())[1] == [Order.ENQUEUE, Order.START]
    assert tell(Visited(), Admitted(), Ready(), Visited())[1] == [Order.ENQUEUE, Order.START]


def test_a_failed_start_is_forgotten_by_systemd_and_a_visit_tries_again() -> None:
    state, orders = tell(Visited(), Admitted(), Failed("image"))
    assert state == State(Phase.FAILED, "image")
    assert orders[-1] is Order.FORGET_FAILURE
    assert step(state, Visited()) == (State(Phase.QUEUED), (Order.ENQUEUE,))


def test_a_server_that_dies_is_told_apart_from_one_that_ends() -> None:
    ready = (Visited(), Admitted(), Ready())
    assert tell(*ready, Seen(UnitState.FAILED, "oom-kill"))[0] == State(Phase.FAILED, "memory")
    assert tell(*ready, Seen(UnitState.FAILED, "exit-code"))[0] == State(Phase.FAILED, "crashed")
    assert tell(*ready, Seen(UnitState.INACTIVE))[0] == State(Phase.ASLEEP, "ended")


def test_a_visit_during_the_stop_starts_again_afterwards() -> None:
    state, orders = tell(
        Visited(), Admitted(), Ready(), Dismissed("idle"), Visited(), Seen(UnitState.INACTIVE)
    )
    assert state == State(Phase.QUEUED)
    assert orders == [Order.ENQUEUE, Order.START, Order.STOP, Order.ENQUEUE]


def test_what_runs_already_is_adopted() -> None:
    assert tell(Seen(UnitState.ACTIVE)) == (State(Phase.READY), [])
    assert tell(Seen(UnitState.ACTIVATING)) == (State(Phase.STARTING), [Order.START])
    assert tell(Visited(), Seen(UnitState.ACTIVE)) == (State(Phase.READY), [Order.ENQUEUE, Order.LEAVE_QUEUE])


def test_an_inactive_unit_does_not_end_a_start_that_is_being_asked_for() -> None:
    assert tell(Visited(), Admitted(), Seen(UnitState.INACTIVE))[0] == State(Phase.STARTING)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_queue_and_service_are_asked_consistently(events: list[Event]) -> None:
    state, queued = State(), False
    for event in events:
        state, orders = step(state, event)
        for order in orders:
            if order is Order.ENQUEUE:
                assert not queued
                queued = True
            if order is Order.LEAVE_QUEUE or (order is Order.START and isinstance(event, Admitted)):
                assert queued
                queued = False
        assert queued == (state.phase is Phase.QUEUED)


@given(st.lists(EVENTS, max_size=40))
def test_from_anywhere_a_patient_student_gets_a_server(events: list[Event]) -> None:
    state = State()
    for event in events:
        state, _ = step(state, event)
    for event in (Visited(), Seen(UnitState.INACTIVE), Visited(), Admitted(), Ready()):
        state, _ = step(state, event)
    assert state.phase is Phase.READY
