"""What every implementation of core.ports.Systemd keeps: run on the fake here, and in the machine on the real one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nbhostd.adapters.systemd import Systemd
from nbhostd.core.errors import WorldError
from nbhostd.core.model import UnitState
from nbhostd.core.unitspec import SocketServiceSpec, UnitSpec
from tests.fakes.systemd import FakeSystemd

SLEEP = ("/bin/sleep", "infinity")
GONE = (UnitState.ABSENT, UnitState.INACTIVE)


@dataclass
class Stage:
    """The manager under test, a directory that its sockets may live in, and a number that nobody else uses."""

    systemd: Systemd | FakeSystemd
    sockets: Path
    number: int

    def spec(self, argv: tuple[str, ...] = SLEEP) -> SocketServiceSpec:
        return SocketServiceSpec(
            socket=UnitSpec(
                f"nbh-{self.number}.socket",
                (
                    ("Description", "trial socket"),
                    ("Listen", (("Stream", str(self.sockets / f"{self.number}.sock")),)),
                    ("SocketMode", 0o600),
                    ("FlushPending", True),
                    ("RemoveOnStop", True),
                    ("CollectMode", "inactive-or-failed"),
                ),
            ),
            service=UnitSpec(
                f"nbh-{self.number}.service",
                (
                    ("Type", "exec"),
                    ("ExecStart", argv),
                    ("Slice", "nbh-c999.slice"),
                    ("SyslogIdentifier", "nbh/trial/trial"),
                    ("TimeoutStopUSec", 2_000_000),
                    ("CollectMode", "inactive-or-failed"),
                ),
            ),
            slices=(
                UnitSpec("nbh.slice", (("Description", "trial"), ("CPUWeight", 90))),
                UnitSpec("nbh-c999.slice", (("Description", "trial"),)),
            ),
        )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what will happen soon; a failure here is a time-out."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.02)


class SystemdContract:
    """Needs a fixture `stage`."""

    async def test_an_armed_socket_listens_and_its_service_waits(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE
        assert (await stage.systemd.status(spec.service.name)).state is UnitState.INACTIVE

    async def test_arming_twice_is_success(self, stage: Stage) -> None:
        await stage.systemd.arm(stage.spec())
        await stage.systemd.arm(stage.spec())

    async def test_a_started_service_is_active_since_a_known_time(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await stage.systemd.start(spec.service.name, timeout=10)
        status = await stage.systemd.status(spec.service.name)
        assert (status.state, status.result) == (UnitState.ACTIVE, "success")
        assert status.active_since is not None
        assert status.active_since.utcoffset() is not None

    async def test_after_a_stop_the_socket_is_still_armed(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await stage.systemd.start(spec.service.name, timeout=10)
        await stage.systemd.stop(spec.service.name, timeout=10)
        assert (await stage.systemd.status(spec.service.name)).state is UnitState.INACTIVE
        assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE
        await stage.systemd.start(spec.service.name, timeout=10)

    async def test_both_can_be_taken_down_and_armed_anew(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await stage.systemd.start(spec.service.name, timeout=10)
        await stage.systemd.stop(spec.socket.name, timeout=10)
        await stage.systemd.stop(spec.service.name, timeout=10)
        assert (await stage.systemd.status(spec.socket.name)).state in GONE
        assert (await stage.systemd.status(spec.service.name)).state in GONE
        await stage.systemd.arm(spec)
        assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE

    async def test_a_server_without_its_socket_is_not_armed_over(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await stage.systemd.start(spec.service.name, timeout=10)
        await stage.systemd.stop(spec.socket.name, timeout=10)
        with pytest.raises(WorldError):
            await stage.systemd.arm(spec)
        assert (await stage.systemd.status(spec.service.name)).state is UnitState.ACTIVE

    async def test_a_failed_start_says_so_and_leaves_the_socket(self, stage: Stage) -> None:
        spec = stage.spec(("/nonexistent/program",))
        await stage.systemd.arm(spec)
        with pytest.raises(WorldError, match="failed"):
            await stage.systemd.start(spec.service.name, timeout=10)
        assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE
        await stage.systemd.reset_failed(spec.service.name)
        assert (await stage.systemd.status(spec.service.name)).state in GONE

    async def test_what_is_not_there_cannot_start_but_may_stop(self, stage: Stage) -> None:
        unit = f"nbh-{stage.number}.service"
        assert (await stage.systemd.status(unit)).state is UnitState.ABSENT
        await stage.systemd.stop(unit, timeout=10)
        await stage.systemd.reset_failed(unit)
        with pytest.raises(WorldError):
            await stage.systemd.start(unit, timeout=10)

    async def test_units_are_listed_by_pattern(self, stage: Stage) -> None:
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await stage.systemd.start(spec.service.name, timeout=10)
        listed = {
            unit.name: unit.state
            for unit in await stage.systemd.list_units(["nbh-*.socket", "nbh-*.service"])
        }
        assert listed[spec.socket.name] is UnitState.ACTIVE
        assert listed[spec.service.name] is UnitState.ACTIVE
        assert await stage.systemd.list_units([f"nbh-{stage.number}0.*"]) == []

    async def test_changes_are_told_by_unit_name(self, stage: Stage) -> None:
        heard: list[str] = []
        stage.systemd.on_change(heard.append)
        spec = stage.spec()
        await stage.systemd.arm(spec)
        await until(lambda: spec.socket.name in heard)
        await stage.systemd.start(spec.service.name, timeout=10)
        await until(lambda: spec.service.name in heard)
        assert all(name.startswith("nbh") for name in heard)

    async def test_a_lone_service_runs_once(self, stage: Stage) -> None:
        unit = UnitSpec(f"nbhjob-{stage.number}.service", (("Type", "exec"), ("ExecStart", SLEEP)))
        assert await stage.systemd.run_service(unit) == "done"
        assert await stage.systemd.run_service(unit) == "exists"
        assert (await stage.systemd.status(unit.name)).state is UnitState.ACTIVE
        await stage.systemd.stop(unit.name, timeout=10)

    async def test_a_lone_service_that_cannot_start_has_failed(self, stage: Stage) -> None:
        unit = UnitSpec(
            f"nbhjob-{stage.number}.service", (("Type", "exec"), ("ExecStart", ("/nonexistent/program",)))
        )
        assert await stage.systemd.run_service(unit) == "failed"
        status = await stage.systemd.status(unit.name)
        assert (status.state, status.main_status) == (UnitState.FAILED, 203)
        await stage.systemd.reset_failed(unit.name)
        assert (await stage.systemd.status(unit.name)).state in GONE

    async def test_a_property_without_a_known_type_is_a_bug(self, stage: Stage) -> None:
        spec = stage.spec()
        odd = replace(spec.service, properties=(*spec.service.properties, ("Colour", "blue")))
        with pytest.raises(ValueError, match="Colour"):
            await stage.systemd.arm(replace(spec, service=odd))
