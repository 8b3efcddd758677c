from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbhostd.core.config import Idle
from nbhostd.core.idle import IdleVerdict, Look, Notice, Usage, judge, notice, poll_pause, round_pause
from nbhostd.core.model import JupyterStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUIET = JupyterStatus(kernels=1, busy_kernels=0, connections=0, last_activity=NOW - timedelta(hours=3))
LOOK = Look(
    started_at=NOW - timedelta(hours=5), touched_at=NOW - timedelta(hours=3), connections=0, status=QUIET
)


@pytest.mark.parametrize(
    ("look", "verdict"),
    [
        (LOOK, IdleVerdict(True, Usage.ABANDONED, "idle")),
        (
            replace(LOOK, status=replace(QUIET, busy_kernels=1)),
            IdleVerdict(False, Usage.BUSY, "a cell is running"),
        ),
        (
            replace(LOOK, touched_at=NOW - timedelta(minutes=5)),
            IdleVerdict(False, Usage.ACTIVE, "used lately"),
        ),
        (replace(LOOK, connections=1), IdleVerdict(True, Usage.CONNECTED, "idle")),
        (
            replace(LOOK, connections=1, touched_at=NOW - timedelta(minutes=40)),
            IdleVerdict(False, Usage.CONNECTED, "a browser is connected"),
        ),
        (replace(LOOK, status=None), IdleVerdict(False, Usage.UNKNOWN, "could not ask")),
        (replace(LOOK, status=None, unanswered=3), IdleVerdict(True, Usage.UNKNOWN, "unreachable")),
        (
            replace(LOOK, status=None, unanswered=3, connections=1),
            IdleVerdict(False, Usage.UNKNOWN, "could not ask"),
        ),
        (
            replace(LOOK, status=replace(QUIET, last_activity=None), touched_at=NOW),
            IdleVerdict(False, Usage.ACTIVE, "used lately"),
        ),
        (
            replace(LOOK, started_at=NOW - timedelta(days=1), status=replace(QUIET, busy_kernels=1)),
            IdleVerdict(True, Usage.UNKNOWN, "lifetime"),
        ),
    ],
)
def test_verdicts(look: Look, verdict: IdleVerdict) -> None:
    assert judge(Idle(), NOW, look) == verdict


def test_a_last_activity_in_the_future_does_not_hurt() -> None:
    look = replace(LOOK, status=replace(QUIET, last_activity=NOW + timedelta(days=3)))
    assert not judge(Idle(), NOW, look).stop


BUSY = replace(QUIET, busy_kernels=1)
CONNECTED = replace(LOOK, connections=1)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (replace(CONNECTED, touched_at=NOW - minutes(114)), None),
        (replace(CONNECTED, touched_at=NOW - minutes(116)), Notice(NOW + minutes(4), "idle")),
        (replace(CONNECTED, touched_at=NOW - minutes(121)), Notice(NOW - minutes(1), "idle")),
        (replace(CONNECTED, touched_at=NOW - minutes(116), status=BUSY), None),
        (replace(CONNECTED, touched_at=NOW - minutes(116), status=None), None),
        (
            replace(CONNECTED, touched_at=NOW, started_at=NOW - minutes(24 * 60 - 3), status=BUSY),
            Notice(NOW + minutes(3), "lifetime"),
        ),
    ],
    ids=["early", "near", "overdue", "busy", "could-not-ask", "lifetime"],
)
def test_a_stop_is_announced_when_it_is_near(look: Look, expected: Notice | None) -> None:
    assert notice(Idle(), NOW, look) == expected


def test_a_short_limit_is_announced_for_half_of_it_and_looked_at_often_enough() -> None:
    short = Idle(check_every=60, abandoned_after=20, connected_after=40)
    look = replace(CONNECTED, touched_at=NOW - timedelta(seconds=19))
    assert notice(short, NOW, look) is None
    assert notice(short, NOW + timedelta(seconds=1), look) == Notice(NOW + timedelta(seconds=21), "idle")
    assert (round_pause(short), poll_pause(short)) == (5, 5)
    assert (round_pause(Idle()), poll_pause(Idle())) == (60, 30)


def test_what_is_announced_is_what_happens() -> None:
    look = replace(CONNECTED, touched_at=NOW - minutes(117))
    coming = notice(Idle(), NOW, look)
    assert coming is not None
    assert judge(Idle(), coming.at, look) == IdleVerdict(True, Usage.CONNECTED, "idle")
    assert not judge(Idle(), coming.at - timedelta(seconds=1), look).stop
