"""Facts about this machine, and the clock."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.core.model import HostFacts


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class LinuxHost:
    """What /proc and the file system of `state` say."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def facts(self) -> HostFacts:
        """Measured now; cheap."""
        memory = {}
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, value = line.split(":")
            memory[name] = int(value.split()[0]) * 1024
        disk = os.statvfs(self._state)
        return HostFacts(
            cores=os.cpu_count() or 1,
            memory_total=memory["MemTotal"],
            memory_available=memory["MemAvailable"],
            disk_free=disk.f_bavail * disk.f_frsize,
            disk_total=disk.f_blocks * disk.f_frsize,
        )
