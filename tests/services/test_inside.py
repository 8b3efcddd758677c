"""What an open page hears: how its workspace stands, that it is kept, where its former version is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from nbhostd.core.errors import Refused
from nbhostd.core.model import JupyterStatus, Mode, Phase, Route
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.services.inside import Inside
from tests.services.cast import NOON, Cast

ALICE = WorkspaceId.parse("python/alice")
A = NotebookPath("w1/a.md")
IDLE = JupyterStatus(kernels=1, busy_kernels=0, connections=1, last_activity=NOON)


class Kernel:
    """Counts what a test says."""

    def __init__(self) -> None:
        self.kills = {"/nbh-1.service": 0}

    def memory_kills(self, control_group: str) -> int:
        return self.kills[control_group]


@pytest.fixture
async def cast() -> AsyncIterator[Cast]:
    cast = Cast()
    await cast.add_course("python")
    cast.jupyter.status_of = {1: IDLE}
    yield cast
    await cast.tasks.close()


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def inside(cast: Cast, kernel: Kernel) -> Inside:
    return Inside(cast.workspaces, cast.courses, cast.desk, kernel, cast.events)


async def opened(cast: Cast) -> str:
    run = await cast.opened("python/alice")
    unit = cast.systemd.units["nbh-1.service"]
    unit.status = replace(unit.status, control_group="/nbh-1.service")
    return run.secret


def route(cast: Cast, secret: str) -> Route:
    found = cast.workspaces.route(secret)
    assert found is not None
    return found


async def test_a_stop_is_announced_and_put_off(cast: Cast, inside: Inside) -> None:
    secret = await opened(cast)
    cast.clock.later(minutes=116)
    assert (await inside.glance(route(cast, secret))).stops_in is None  # no round has looked yet
    await cast.idle_round()
    glance = await inside.glance(route(cast, secret))
    assert (glance.stops_in, glance.stops_because) == (240, "idle")
    cast.clock.later(minutes=1)
    assert (await inside.glance(route(cast, secret))).stops_in == 180  # asking is no use of it

    inside.keep(route(cast, secret))
    assert (await inside.glance(route(cast, secret))).stops_in is None
    cast.clock.later(minutes=10)
    await cast.idle_round()
    assert cast.workspaces.place(ALICE).phase is Phase.READY


async def test_nobody_keeps_what_has_stopped(cast: Cast, inside: Inside) -> None:
    secret = await opened(cast)
    cast.clock.later(hours=3)
    await cast.idle_round()
    await cast.settle()
    glance = await inside.glance(route(cast, secret))
    assert (glance.phase, glance.stops_in, glance.stops_because) == (Phase.ASLEEP, None, "idle")
    with pytest.raises(Refused) as refused:
        inside.keep(route(cast, secret))
    assert refused.value.status == 410
    assert cast.workspaces.place(ALICE).phase is Phase.ASLEEP


async def test_what_an_earlier_run_was_seen_doing_says_nothing_of_this_one(
    cast: Cast, inside: Inside
) -> None:
    await opened(cast)
    cast.clock.later(hours=3)
    await cast.idle_round()
    await cast.settle()
    secret = await opened(cast)
    assert (await inside.glance(route(cast, secret))).stops_in is None


async def test_memory_kills_are_those_of_the_unit_and_systemd_is_asked_once(
    cast: Cast, inside: Inside, kernel: Kernel
) -> None:
    secret = await opened(cast)
    assert (await inside.glance(route(cast, secret))).memory_kills == 0
    kernel.kills["/nbh-1.service"] = 2
    cast.systemd.away = True
    glance = await inside.glance(route(cast, secret))
    assert (glance.memory_kills, glance.memory_limit) == (2, 2 << 30)


async def test_a_reset_keeps_the_former_version_and_is_remembered(cast: Cast, inside: Inside) -> None:
    secret = await opened(cast)
    kept = await inside.reset(route(cast, secret), A)
    assert kept == "before-reset/20261123T120000Z"
    assert cast.desk.files[1, A] == 2
    assert cast.events.seen[-1] == ("python/alice", "reset")


async def test_a_clone_is_not_reset(cast: Cast, inside: Inside) -> None:
    secret = await opened(cast)
    there = route(cast, secret)
    with pytest.raises(Refused) as refused:
        await inside.reset(replace(there, workspace=replace(there.workspace, mode=Mode.CLASSROOM)), A)
    assert refused.value.status == 409
    assert cast.desk.files[1, A] == 1
