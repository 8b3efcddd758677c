"""Attempts, counted per key, forgotten with time."""

from __future__ import annotations

import pytest

from nbhostd.core.throttle import Throttle


def test_a_burst_is_free_and_then_it_takes_time() -> None:
    throttle = Throttle(burst=3, refill=10.0)
    for _ in range(3):
        assert throttle.wait("a", 0.0) == 0
        throttle.spend("a", 0.0)
    assert throttle.wait("a", 0.0) == 10.0
    assert throttle.wait("a", 4.0) == pytest.approx(6.0)
    assert throttle.wait("a", 10.0) == 0
    assert throttle.wait("b", 0.0) == 0


def test_who_has_shown_that_he_may_is_forgiven() -> None:
    throttle = Throttle(burst=1, refill=10.0)
    throttle.spend("a", 0.0)
    throttle.forgive("a")
    assert throttle.wait("a", 0.0) == 0


def test_a_flood_of_keys_stays_small_and_the_latest_are_kept() -> None:
    throttle = Throttle(burst=1, refill=1000.0, most=10)
    for number in range(100):
        throttle.spend(str(number), float(number))
    assert len(throttle._spent) <= 10
    assert throttle.wait("99", 99.0) > 0
    assert throttle.wait("0", 99.0) == 0
