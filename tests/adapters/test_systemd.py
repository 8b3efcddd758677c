"""The user manager: the contract on the fake, and what the real adapter does on a bus that misbehaves."""

from pathlib import Path

import pytest

from nbhostd.adapters.systemd import Systemd, unit_errors
from nbhostd.adapters.unit_jobs import UnitJobs
from nbhostd.adapters.unit_types import typed, unit_of_path, unit_state, unit_status
from nbhostd.core.errors import WorldError
from nbhostd.core.model import UnitState
from tests.adapters.contract_systemd import Stage, SystemdContract
from tests.fakes.systemd import FakeSystemd


class TestFakeSystemd(SystemdContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Stage:
        return Stage(FakeSystemd(), tmp_path, 7)


async def test_no_bus_is_a_world_error(tmp_path: Path) -> None:
    systemd = Systemd(f"unix:path={tmp_path}/bus", bus_patience=0.3)
    with pytest.raises(WorldError, match="cannot be reached"):
        await systemd.connect()
    with pytest.raises(WorldError, match="cannot be reached"):
        await systemd.status("nbh-1.service")
    await systemd.close()


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), EOFError()])
def test_errors_of_the_bus_are_translated_at_the_door(error: Exception) -> None:
    with pytest.raises(WorldError), unit_errors("nbh-1.service"):
        raise error


def test_a_bug_is_not_translated() -> None:
    with pytest.raises(KeyError), unit_errors("nbh-1.service"):
        raise KeyError("bug")


def test_the_name_of_a_unit_is_read_from_its_path() -> None:
    assert unit_of_path("/org/freedesktop/systemd1/unit/nbh_2d12_2eservice") == "nbh-12.service"
    assert unit_of_path("/org/freedesktop/systemd1/unit/nbh_2dc3_2eslice") == "nbh-c3.slice"


def test_values_get_the_types_that_systemd_wants() -> None:
    assert typed("MemoryMax", 1 << 30) == ("t", 1 << 30)
    assert typed("Delegate", True) == ("b", True)
    assert typed("OOMScoreAdjust", 500) == ("i", 500)
    assert typed("ExecStart", ("/bin/a", "-b", "c d")) == (
        "a(sasb)",
        [["/bin/a", ["/bin/a", "-b", "c d"], False]],
    )
    assert typed("Listen", (("Stream", "/x"),)) == ("a(ss)", [["Stream", "/x"]])
    assert typed("Environment", ("A=1", "B=2")) == ("as", ["A=1", "B=2"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Colour", "blue"),
        ("MemoryMax", "1G"),
        ("MemoryMax", True),
        ("Delegate", 1),
        ("ExecStart", "/bin/true"),
        ("ExecStart", ("true",)),
        ("ExecStart", ()),
        ("ExecStart", (("/bin/true",),)),
        ("Environment", "A=1"),
    ],
)
def test_an_ill_typed_property_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        typed(name, value)  # type: ignore[arg-type]


def test_what_is_not_accounted_is_none() -> None:
    common = {
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "ActiveEnterTimestamp": 0,
    }
    status = unit_status("nbh-1.service", common, {"MemoryCurrent": 2**64 - 1, "TasksCurrent": 3})
    assert (status.memory, status.tasks, status.active_since) == (None, 3, None)
    assert unit_status("x", common | {"LoadState": "not-found"}, {}).state is UnitState.ABSENT


def test_a_state_that_systemd_learned_lately_breaks_nothing() -> None:
    assert unit_state("active") is UnitState.ACTIVE
    assert unit_state("refreshing") is UnitState.RELOADING


async def test_a_job_that_ended_before_it_was_awaited_is_not_missed() -> None:
    jobs = UnitJobs()
    jobs.ended("/job/1", "done")
    assert await jobs.result("/job/1", timeout=0) == "done"


async def test_nothing_heard_is_none_and_the_wait_can_go_on() -> None:
    jobs = UnitJobs()
    assert await jobs.result("/job/1", timeout=0.01) is None
    jobs.ended("/job/1", "failed")
    assert jobs._waiting == {}


async def test_another_manager_counts_its_jobs_anew() -> None:
    jobs = UnitJobs()
    jobs.ended("/job/1", "done")
    jobs.forget()
    assert await jobs.result("/job/1", timeout=0.01) is None
