"""The machine's facts: the contract on fake and real, and what is left when a sandbox hides the files."""

import os
import pwd
from datetime import UTC
from pathlib import Path

import pytest

from nbhostd.adapters.host import LinuxHost, SystemClock
from nbhostd.core.checks import UNLIMITED
from tests.fakes.host import FakeClock, FakeHost

UID = os.getuid()
NAME = pwd.getpwuid(UID).pw_name


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_facts_are_plausible(kind: str, tmp_path: Path) -> None:
    facts = (FakeHost() if kind == "fake" else LinuxHost(tmp_path)).facts()
    assert facts.cores >= 1
    assert 0 < facts.memory_available <= facts.memory_total
    assert 0 <= facts.disk_free <= facts.disk_total
    for pressure in (facts.cpu_pressure, facts.memory_pressure):
        assert pressure is None or 0 <= pressure <= 100


@pytest.mark.parametrize("clock", [FakeClock(), SystemClock()])
def test_a_clock_is_aware_and_never_goes_back(clock: FakeClock | SystemClock) -> None:
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    assert clock.monotonic() >= before


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "proc/meminfo",
        "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    600 kB\nHugePages: 0\n",
    )
    write(
        tmp_path,
        "proc/pressure/cpu",
        "some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=9.00 avg60=0\n",
    )
    write(tmp_path, "proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
    write(tmp_path, "proc/sys/kernel/keys/maxkeys", "200\n")
    write(tmp_path, "proc/sys/fs/inotify/max_user_instances", "128\n")
    write(tmp_path, "proc/sys/net/core/somaxconn", "4096\n")
    write(
        tmp_path,
        "etc/subuid",
        f"other:1:5\n{NAME}:100000:65536\nbad line\n{UID}:300000:1000000\n{NAME}:1:x\n",
    )
    write(tmp_path, "etc/subgid", "other:1:5\n")
    write(tmp_path, f"var/lib/systemd/linger/{NAME}", "")
    slice_ = f"sys/fs/cgroup/user.slice/user-{UID}.slice"
    write(tmp_path, f"{slice_}/pids.max", "max\n")
    write(tmp_path, f"{slice_}/user@{UID}.service/cgroup.controllers", "cpu memory pids\n")
    return tmp_path


def test_memory_and_pressure_are_read(root: Path) -> None:
    facts = LinuxHost(root, root=root).facts()
    assert (facts.memory_total, facts.memory_available) == (1000 << 10, 600 << 10)
    assert (facts.cpu_pressure, facts.memory_pressure) == (12.5, 0.0)


def test_pressure_is_also_told_by_the_root_control_group(root: Path) -> None:
    (root / "proc/pressure/cpu").unlink()
    write(root, "sys/fs/cgroup/cpu.pressure", "some avg10=7.00 avg60=0.00 avg300=0.00 total=1\n")
    assert LinuxHost(root, root=root).facts().cpu_pressure == 7.0


def test_hidden_files_leave_an_estimate_and_no_error(tmp_path: Path) -> None:
    facts = LinuxHost(tmp_path, root=tmp_path).facts()
    assert 0 < facts.memory_available <= facts.memory_total
    assert facts.cpu_pressure is None
    budgets = LinuxHost(tmp_path, root=tmp_path).budgets()
    assert {getattr(budgets, name) for name in budgets.__slots__} == {None}


def test_reclaimable_memory_counts_half(tmp_path: Path) -> None:
    free = LinuxHost(tmp_path, root=tmp_path).facts().memory_available
    write(tmp_path, "sys/fs/cgroup/memory.stat", f"anon 5\nfile {200 << 20}\nslab_reclaimable 0\n")
    more = LinuxHost(tmp_path, root=tmp_path).facts().memory_available
    assert more - free == pytest.approx(100 << 20, abs=90 << 20)


def test_budgets_are_read(root: Path) -> None:
    budgets = LinuxHost(root, root=root).budgets()
    assert budgets.lingering is True
    assert (budgets.subuids, budgets.subgids) == (1_000_000, 0)
    assert budgets.controllers == frozenset({"cpu", "memory", "pids"})
    assert (budgets.tasks, budgets.keys, budgets.inotify_instances) == (UNLIMITED, 200, 128)
    assert budgets.listen_queue == 4096


def test_an_account_that_does_not_linger(root: Path) -> None:
    (root / "var/lib/systemd/linger" / NAME).unlink()
    assert LinuxHost(root, root=root).budgets().lingering is False
