"""Ready or not: each world asked now and then, its trouble said once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from nbhostd.core.config import Config
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.services.health import Check, Health, bus_is_well, disk_is_well
from tests.fakes.host import FakeClock, FakeHost, some_facts
from tests.fakes.systemd import FakeSystemd


class World:
    def __init__(self) -> None:
        self.asked = 0
        self.trouble: Exception | None = None

    async def __call__(self) -> None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble


async def test_each_is_named_with_its_state() -> None:
    good, bad = World(), World()
    bad.trouble = WorldError("It is broken.")
    health = Health({"bus": Check(good), "disk": Check(bad)}, FakeClock())
    assert await health.state() == {"bus": True, "disk": False}


async def test_a_flood_of_questions_asks_each_world_once() -> None:
    world, clock = World(), FakeClock()
    health = Health({"bus": Check(world), "podman": Check(world, believed=60.0)}, clock)
    await asyncio.gather(*(health.state() for _ in range(100)))
    assert world.asked == 2
    clock.pass_(6)
    await health.state()
    assert world.asked == 3
    clock.pass_(60)
    await health.state()
    assert world.asked == 5


async def test_trouble_is_said_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world, clock = World(), FakeClock()
    world.trouble = WorldError("It is broken.", detail="errno 5")
    health = Health({"podman": Check(world, believed=60.0)}, clock)
    for _ in range(3):
        assert await health.state() == {"podman": False}
        clock.pass_(6)
    assert [record.message for record in caplog.records] == ["not ready: podman: It is broken. (errno 5)"]
    world.trouble = None
    assert await health.state() == {"podman": True}
    assert caplog.records[-1].message == "ready again: podman"


async def test_a_world_that_does_not_answer_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbhostd.services.health._PATIENCE", 0.01)
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask() -> None:
        await never

    assert await Health({"bus": Check(ask)}, FakeClock()).state() == {"bus": False}


async def test_the_bus_is_well_when_the_desk_listens() -> None:
    systemd = FakeSystemd()
    with pytest.raises(WorldError, match="does not listen"):
        await bus_is_well(systemd)


async def test_the_disk_is_well_while_workspaces_may_start() -> None:
    host = FakeHost()
    await disk_is_well(host, Config)
    host.now_facts = replace(some_facts(), disk_free=1000)
    with pytest.raises(NotNow, match="disk_reserve"):
        await disk_is_well(host, Config)
