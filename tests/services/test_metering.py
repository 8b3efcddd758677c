"""What happens to workspaces is counted: how long a start took its student, why it failed, why it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from nbhostd.core.health import Traffic
from nbhostd.core.lifecycle import Dismissed
from nbhostd.core.model import Phase
from nbhostd.core.names import WorkspaceId
from nbhostd.services.metering import CountedStatistics, Meter
from tests.fakes.metrics import FakeMetrics
from tests.services.cast import NOON, Cast, Events

ALICE = WorkspaceId.parse("python/alice")


class Scene:
    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.metrics = FakeMetrics()
        self.meter = Meter(
            self.metrics, cast.workspaces, Traffic(requests=7), cast.host, cast.clock, {"nbhostd": lambda: 3}, self.jobs
        )  # fmt: skip

    async def jobs(self) -> list[tuple[str, str, int]]:
        return [("pull", "succeeded", 2)]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    cast = Cast()
    await cast.add_course("python")
    yield Scene(cast)
    await cast.tasks.close()


def test_events_are_counted_on_their_way() -> None:
    metrics, events = FakeMetrics(), Events()
    CountedStatistics(events, metrics).record(NOON, ALICE, "open", "w1")
    assert events.seen == [("python/alice", "open")]
    assert metrics.told == [("happened", "open")]


async def test_a_start_takes_as_long_as_its_student_waits(scene: Scene) -> None:
    scene.cast.set_memory(0)
    await scene.cast.open("python/alice")
    scene.cast.clock.later(seconds=4)
    scene.cast.set_memory(6 << 30)
    scene.cast.workspaces.pump()
    await scene.cast.workspaces.wait(ALICE, 5)
    assert scene.metrics.told == [("served", 4.0)]


async def test_a_start_that_fails_and_a_server_that_dies_are_two_things(scene: Scene) -> None:
    scene.cast.systemd.fail_next["nbh-1.service"] = 2
    await scene.cast.open("python/alice")
    await scene.cast.workspaces.wait(ALICE, 5)
    assert scene.metrics.told == [("failed", "start", True)]
    await scene.cast.opened("python/alice")
    scene.cast.systemd.kill("nbh-1.service", "oom-kill")
    await scene.cast.settle()
    assert scene.metrics.told[1:] == [("served", 0.0), ("failed", "memory", False)]


async def test_a_stop_is_counted_once_with_its_reason(scene: Scene) -> None:
    await scene.cast.opened("python/alice")
    entry = scene.cast.workspaces.entries.by_id(ALICE)
    assert entry is not None
    scene.cast.workspaces.tell(entry, Dismissed("idle"))
    await scene.cast.settle()
    assert scene.cast.workspaces.place(ALICE).phase is Phase.ASLEEP
    assert scene.metrics.told == [("served", 0.0), ("stopped", "idle")]
    await scene.cast.opened("python/alice")
    await scene.cast.workspaces.stop(ALICE, "a sentence that somebody made up")
    assert scene.metrics.told[-1] == ("stopped", "other")


async def test_the_moment_is_gathered_when_somebody_looks(scene: Scene) -> None:
    await scene.cast.opened("python/alice")
    assert await scene.meter.text(5) == b"text"
    gauges = scene.metrics.gauges
    assert gauges is not None
    assert {phase: count for phase, count in gauges.phases.items() if count} == {Phase.READY: 1}
    assert set(gauges.phases) == set(Phase)
    assert (gauges.queue, gauges.requests, gauges.traffic.requests) == (0, 5, 7)
    assert (gauges.databases, gauges.jobs) == ({"nbhostd": 3}, [("pull", "succeeded", 2)])


async def test_the_loops_lag_is_what_a_second_takes_too_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):
        pass

    async def sleep(seconds: float) -> None:
        scene.cast.clock.later(seconds=seconds + 0.25)
        if scene.metrics.told:
            raise Enough

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Enough):
        await scene.meter.watch_lag()
    assert scene.metrics.told == [("lagged", 0.25)]
