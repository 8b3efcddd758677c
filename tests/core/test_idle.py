from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbhostd.core.config import Idle
from nbhostd.core.idle import IdleVerdict, Look, Usage, judge
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
