"""What processes have for themselves: private pages, as the kernel counts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.MULTILINE)


def unshared_of(pids: Iterable[int]) -> int:
    """The bytes of private pages of these processes together (one that has ended counts nothing)."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += sum(int(size) for size in _PRIVATE.findall(rollup))
    return total << 10
