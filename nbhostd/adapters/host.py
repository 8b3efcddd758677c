"""Facts about this machine, and the clock."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.core.checks import UNLIMITED, Budgets
from nbhostd.core.model import HostFacts
from nbhostd.core.vitals import Disk, Vitals


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class LinuxHost:
    """What /proc, the control groups and the file system of `state` say; satisfies core.ports.Host.

    A sandbox may hide any of these files: what cannot be read is estimated or None, never an error.
    """

    def __init__(self, state: Path, *, root: Path = Path("/"), uid: int | None = None) -> None:
        self._state = state
        self._root = root
        self._uid = os.getuid() if uid is None else uid

    def facts(self) -> HostFacts:
        """Measured now; cheap."""
        total, available = self._memory()
        disk = os.statvfs(self._state)
        return HostFacts(
            cores=len(os.sched_getaffinity(0)),
            memory_total=total,
            memory_available=available,
            disk_free=disk.f_bavail * disk.f_frsize,
            disk_total=disk.f_blocks * disk.f_frsize,
            cpu_pressure=self._pressure("cpu"),
            memory_pressure=self._pressure("memory"),
        )

    def vitals(self) -> Vitals:
        """Load, uptime, disk pressure, and each file system that a site fills; satisfies core.vitals.HostVitals."""
        try:
            load = os.getloadavg()
        except OSError:
            load = (0.0, 0.0, 0.0)
        uptime = (self._read("proc/uptime") or "").partition(" ")[0]
        return Vitals(load, float(uptime) if uptime else None, self._pressure("io"), tuple(self._disks()))

    def _disks(self) -> Iterator[Disk]:
        """The state directory's, and what else is not on the same file system."""
        seen = set()
        for path in (self._state, Path("/"), Path("/tmp"), Path("/var/tmp"), Path(f"/run/user/{self._uid}")):
            try:
                device, facts = path.stat().st_dev, os.statvfs(path)
            except OSError:
                continue
            if device not in seen:
                seen.add(device)
                size, files = facts.f_frsize, facts.f_files or None
                yield Disk(
                    str(path), facts.f_blocks * size, facts.f_bavail * size, files, facts.f_favail if files else None
                )  # fmt: skip

    def budgets(self) -> Budgets:
        """What the kernel and systemd grant to the account that this process runs as."""
        name = self._account()
        of_user = f"sys/fs/cgroup/user.slice/user-{self._uid}.slice"
        controllers = self._read(f"{of_user}/user@{self._uid}.service/cgroup.controllers")
        linger = self._root / "var/lib/systemd/linger"
        return Budgets(
            lingering=(linger / name).exists() if linger.is_dir() else None,
            subuids=self._subordinate("etc/subuid", name),
            subgids=self._subordinate("etc/subgid", name),
            controllers=None if controllers is None else frozenset(controllers.split()),
            tasks=_number(self._read(f"{of_user}/pids.max")),
            keys=_number(self._read("proc/sys/kernel/keys/maxkeys")),
            inotify_instances=_number(self._read("proc/sys/fs/inotify/max_user_instances")),
            listen_queue=_number(self._read("proc/sys/net/core/somaxconn")),
        )

    def _account(self) -> str:
        try:
            return pwd.getpwuid(self._uid).pw_name
        except KeyError:
            return str(self._uid)

    def _read(self, path: str) -> str | None:
        try:
            return (self._root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _memory(self) -> tuple[int, int]:
        """(total, available) in bytes."""
        table = _table(self._read("proc/meminfo") or "", unit=1024)
        if "MemTotal" in table and "MemAvailable" in table:
            return table["MemTotal"], table["MemAvailable"]
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
        # Free memory, and half of what the kernel could give back: it never gives back all.
        cache = _table(self._read("sys/fs/cgroup/memory.stat") or "", unit=1)
        given_back = (cache.get("file", 0) + cache.get("slab_reclaimable", 0)) // 2
        return total, min(free + given_back, total)

    def _pressure(self, kind: str) -> float | None:
        """Percent of the last 10 seconds in which some task waited for `kind` (Documentation/accounting/psi)."""
        text = self._read(f"proc/pressure/{kind}") or self._read(f"sys/fs/cgroup/{kind}.pressure") or ""
        for word in text.partition("\n")[0].split():
            name, _, value = word.partition("=")
            if name == "avg10":
                return float(value)
        return None

    def _subordinate(self, path: str, name: str) -> int | None:
        """The longest range of the account, by name or number (subuid(5))."""
        text = self._read(path)
        if text is None:
            return None
        longest = 0
        for line in text.splitlines():
            owner, _, range_ = line.partition(":")
            count = range_.partition(":")[2]
            if owner in (name, str(self._uid)) and count.isdecimal():
                longest = max(longest, int(count))
        return longest


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    text = text.strip()
    if text == "max":
        return UNLIMITED
    return int(text) if text.isdecimal() else None


def _table(text: str, *, unit: int) -> dict[str, int]:
    """The numbers in lines such as 'MemTotal: 123 kB' or 'file 123'."""
    table = {}
    for line in text.splitlines():
        name, *words = line.replace(":", " ").split()
        if words and words[0].isdecimal():
            table[name] = int(words[0]) * unit
    return table
