"""The contract of core.ports.Systemd on a real user manager, and what only a real one can do: die."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from nbhostd.adapters.systemd import Systemd
from nbhostd.core.errors import WorldError
from nbhostd.core.model import UnitState
from tests.adapters.contract_systemd import Stage, SystemdContract, until
from tests.machine.trial import Trial, as_root, trial_user

pytestmark = pytest.mark.machine

NUMBERS = itertools.count(9_000_001)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return trial_user()


@pytest.fixture
async def stage(trial: Trial) -> AsyncIterator[Stage]:
    """The real adapter, as the trial user, kept connected; whatever it made is gone afterwards."""
    number = next(NUMBERS)
    with trial.identity():
        systemd = Systemd(trial.bus)
        await systemd.connect()
        keeper = asyncio.create_task(systemd.keep_connected())
        yield Stage(systemd, trial.runtime, number)
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        for unit in (f"nbh-{number}.socket", f"nbh-{number}.service", f"nbhjob-{number}.service"):
            with suppress(WorldError):
                await systemd.stop(unit, timeout=10)
                await systemd.reset_failed(unit)
        await systemd.close()


class TestRealSystemd(SystemdContract):
    """Every promise of the contract."""


async def test_a_listening_socket_is_the_service_users_alone(stage: Stage) -> None:
    await stage.systemd.arm(stage.spec())
    assert (stage.sockets / f"{stage.number}.sock").stat().st_mode & 0o777 == 0o600


async def test_a_service_killed_from_outside_is_told(stage: Stage, trial: Trial) -> None:
    heard: list[str] = []
    stage.systemd.on_change(heard.append)
    spec = stage.spec()
    await stage.systemd.arm(spec)
    await stage.systemd.start(spec.service.name, timeout=10)
    heard.clear()
    as_root("kill", "-KILL", str(trial.main_pid(spec.service.name)))
    await until(lambda: spec.service.name in heard)
    assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE


async def test_a_start_that_takes_too_long_is_a_world_error(stage: Stage) -> None:
    spec = stage.spec()
    properties = tuple(
        ("Type", "notify") if name == "Type" else (name, value) for name, value in spec.service.properties
    )
    slow = type(spec)(spec.socket, type(spec.service)(spec.service.name, properties), spec.slices)
    await stage.systemd.arm(slow)
    with pytest.raises(WorldError, match="in time"):
        await stage.systemd.start(spec.service.name, timeout=0.5)
    assert (await stage.systemd.status(spec.service.name)).state is UnitState.ACTIVATING


async def test_many_starts_at_once_all_hear_of_their_end(stage: Stage) -> None:
    specs = []
    for offset in range(30):
        one = Stage(stage.systemd, stage.sockets, 9_100_000 + offset)
        specs.append(one.spec())
    await asyncio.gather(*(stage.systemd.arm(spec) for spec in specs))
    await asyncio.gather(*(stage.systemd.start(spec.service.name, timeout=20) for spec in specs))
    listed = await stage.systemd.list_units(["nbh-91000*.service"])
    assert [unit.state for unit in listed] == [UnitState.ACTIVE] * 30
    await asyncio.gather(*(stage.systemd.stop(spec.socket.name, timeout=20) for spec in specs))
    await asyncio.gather(*(stage.systemd.stop(spec.service.name, timeout=20) for spec in specs))


async def test_when_the_bus_goes_the_adapter_comes_back_and_says_so(stage: Stage, trial: Trial) -> None:
    heard: list[str] = []
    stage.systemd.on_change(heard.append)
    spec = stage.spec()
    await stage.systemd.arm(spec)
    heard.clear()
    await asyncio.to_thread(trial.run, "systemctl", "--user", "kill", "--signal=KILL", "dbus.service")
    await until(lambda: "" in heard)
    assert (await stage.systemd.status(spec.socket.name)).state is UnitState.ACTIVE
    heard.clear()
    await stage.systemd.start(spec.service.name, timeout=10)
    await until(lambda: spec.service.name in heard)


async def test_when_the_manager_re_executes_the_adapter_still_hears(stage: Stage, trial: Trial) -> None:
    heard: list[str] = []
    stage.systemd.on_change(heard.append)
    spec = stage.spec()
    await stage.systemd.arm(spec)
    await asyncio.to_thread(trial.run, "systemctl", "--user", "daemon-reexec")
    await until(lambda: "" in heard)
    heard.clear()
    await stage.systemd.start(spec.service.name, timeout=10)
    await until(lambda: spec.service.name in heard)


async def test_when_the_manager_is_killed_everything_is_gone_and_can_be_armed_anew(
    stage: Stage, trial: Trial
) -> None:
    heard: list[str] = []
    stage.systemd.on_change(heard.append)
    spec = stage.spec()
    await stage.systemd.arm(spec)
    await stage.systemd.start(spec.service.name, timeout=10)
    heard.clear()
    manager = f"user@{trial.uid}.service"
    pid = as_root("systemctl", "show", "--value", "--property=MainPID", manager).strip()
    as_root("kill", "-KILL", pid)
    # The package's drop-in restarts it by itself; the trial user has none.
    await until(
        lambda: "failed" in as_root("systemctl", "show", "--value", "--property=ActiveState", manager)
    )
    as_root("systemctl", "start", manager)
    await until(lambda: "" in heard)
    assert (await stage.systemd.status(spec.service.name)).state is UnitState.ABSENT
    await stage.systemd.arm(spec)
    await stage.systemd.start(spec.service.name, timeout=10)
