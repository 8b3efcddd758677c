"""What the kernel counts in a unit's control group (Documentation/admin-guide/cgroup-v2)."""

from __future__ import annotations

from pathlib import Path

_MOUNTED = Path("/sys/fs/cgroup")


class ControlGroups:
    """Reads the counters of systemd's control groups; satisfies services.inside.ControlGroups."""

    def __init__(self, root: Path = _MOUNTED) -> None:
        self._root = root

    def memory_kills(self, control_group: str) -> int:
        """How many processes were killed in it, or below it, because it was out of memory.

        0 as well where the memory controller is not delegated: then nothing enforces a limit, and nobody is killed.
        """
        try:
            text = (self._root / control_group.lstrip("/") / "memory.events").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return 0
        for line in text.splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.isdecimal():
                return int(count)
        return 0
