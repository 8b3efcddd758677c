from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.capacity import Queue, Verdict, admit, slots
from nbhostd.core.config import Admission
from nbhostd.core.model import HostFacts
from nbhostd.core.names import CourseName, StudentName, WorkspaceId

ROOMY = HostFacts(
    cores=2, memory_total=8 << 30, memory_available=6 << 30, disk_free=50 << 30, disk_total=100 << 30
)


def w(text: str) -> WorkspaceId:
    return WorkspaceId.parse(text)


@pytest.mark.parametrize(
    ("facts", "starting", "reason"),
    [
        (ROOMY, 0, "admitted"),
        (ROOMY, 3, "admitted"),
        (ROOMY, 4, "busy"),
        (replace(ROOMY, memory_available=600 << 20), 0, "memory"),
        (replace(ROOMY, memory_available=1000 << 20), 1, "admitted"),
        (replace(ROOMY, memory_available=1000 << 20), 2, "memory"),
        (replace(ROOMY, disk_free=1 << 20), 0, "disk"),
    ],
)
def test_verdicts_carry_their_reason(facts: HostFacts, starting: int, reason: str) -> None:
    assert admit(Admission(), facts, starting) == Verdict(reason == "admitted", reason)


def test_slots_are_two_per_core_unless_said() -> None:
    assert slots(Admission(), 3) == 6
    assert slots(replace(Admission(), starts_at_once=1), 3) == 1


def test_courses_take_turns_and_students_their_place() -> None:
    queue = Queue()
    for text in ("big/a", "big/b", "big/c", "small/z", "big/a"):
        queue.add(w(text))
    assert queue.order() == [w("big/a"), w("small/z"), w("big/b"), w("big/c")]
    assert [queue.position(w(text)) for text in ("small/z", "big/c", "other/x")] == [2, 4, 0]
    queue.remove(w("big/b"))
    queue.remove(w("big/never-there"))
    assert [queue.pop() for _ in range(len(queue))] == [w("big/a"), w("small/z"), w("big/c")]
    assert queue.position(w("big/a")) == 0
    assert queue.peek() is None
    with pytest.raises(LookupError):
        queue.pop()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), max_size=30))
def test_the_order_shown_is_the_order_in_which_they_go(pairs: list[tuple[str, str]]) -> None:
    queue = Queue()
    for course, student in pairs:
        queue.add(WorkspaceId(CourseName(course), StudentName(student)))
    shown = queue.order()
    assert len(shown) == len(queue) == len(set(pairs))
    assert [queue.pop() for _ in shown] == shown
