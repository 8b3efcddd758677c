"""nbhostd with ten thousand students whom it knows: its own memory, and what an opening takes then.

The database is put aside for that and brought back afterwards: the site is what it was.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import ours

HERE = Path(__file__).parent
STATE = Path("/var/lib/nbhostd")
ASIDE = STATE / "bench-aside"
OPENINGS = 3


def _systemctl(*argv: str) -> str:
    return subprocess.run(["systemctl", *argv], check=True, capture_output=True, text=True).stdout


def _start(port: int) -> int:
    """Start the daemon, and return its process when it answers."""
    _systemctl("start", "nbhostd.service")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
        assert answer.status == 200
    return int(_systemctl("show", "--value", "--property=MainPID", "nbhostd.service"))


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) << 10


@contextmanager
def _database_aside() -> Iterator[None]:
    """The daemon is stopped before and after; what is written between is forgotten."""
    ASIDE.mkdir(mode=0o700)
    files = [path.name for path in STATE.glob("nbhostd.db*")]
    for name in files:
        shutil.copy2(STATE / name, ASIDE / name)
    try:
        yield
    finally:
        _systemctl("stop", "nbhostd.service")
        for path in STATE.glob("nbhostd.db*"):
            path.unlink()
        for name in files:
            shutil.copy2(ASIDE / name, STATE / name)
            shutil.chown(STATE / name, "nbhostd", "nbhostd")
        shutil.rmtree(ASIDE)
        _systemctl("start", "nbhostd.service")


async def _openings(student: str) -> float:
    """The median of some cold starts of a student whose workspace exists."""
    seconds = []
    for _ in range(OPENINGS):
        seconds.append(await ours.open_url(ours.launch_url(student)))
        await ours.stop([student])
    return median(seconds)


async def many(port: int, student: str, count: int) -> dict[str, Any]:
    """Memory and openings with the students there are, then with `count` more."""
    await ours.open_url(ours.launch_url(student))
    await ours.stop([student])
    _systemctl("restart", "nbhostd.service")
    before = {"resident": _resident(_start(port)), "opening": await _openings(student)}
    await asyncio.to_thread(_systemctl, "stop", "nbhostd.service")
    with _database_aside():
        populate = "/usr/lib/nbhostd/venv/bin/python", "-", str(STATE / "nbhostd.db"), ours.COURSE, str(count)
        script = (HERE / "populate.py").read_bytes()
        await asyncio.to_thread(
            subprocess.run,
            ["runuser", "-u", "nbhostd", "--", *populate],
            input=script,
            check=True,
            stdout=sys.stderr,
        )
        pid = _start(port)
        opening = await _openings(student)
        return {
            "before": before,
            "after": {"resident": _resident(pid), "opening": opening, "known": count},
        }
