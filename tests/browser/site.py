"""The site of `packaging/machine-site`, as a browser on this computer and an administrator see it."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
MACHINE = str(ROOT / "packaging/machine/machine")
BUNDLES = ROOT.parent / "shared/courses"
CONFIG = "/etc/nbhostd/nbhostd.toml"


def inside(*argv: str, input: str | None = None, check: bool = True) -> str:
    """What a command inside the machine prints, as root."""
    done = subprocess.run(
        [MACHINE, "run", "--", *argv], capture_output=True, text=True, input=input, check=False
    )
    assert not check or done.returncode == 0, (
        f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout


def ctl(*argv: str) -> str:
    """nbhostctl, as an administrator runs it."""
    return inside("nbhostctl", *argv)


def ctl_json(*argv: str) -> Any:
    return json.loads(ctl(*argv, "--json"))


@cache
def port() -> int:
    """nbhostd's port on this computer; the platform's page, registered by packaging/machine-site, is five further."""
    return int(subprocess.run([MACHINE, "port"], capture_output=True, text=True, check=True).stdout)


def home() -> str:
    return f"http://nbhostd.localhost:{port()}/"


def launch_url(course: str, notebook: str, student: str, *options: str) -> str:
    """A URL that opens a notebook once."""
    return ctl("launch-url", course, notebook, student, *options).strip()


def put(source: Path) -> str:
    """A file of this computer, inside the machine; its path there."""
    inside("mkdir", "-p", "/var/lib/demo")
    subprocess.run([MACHINE, "push", str(source), "/var/lib/demo"], check=True, capture_output=True)
    inside("chmod", "-R", "a+rX", "/var/lib/demo")
    return f"/var/lib/demo/{source.name}"


def workspace_dir(course: str, student: str) -> str:
    """Where a student's files are, on the machine."""
    names = [unit["name"] for unit in ctl_json("show-unit", course, student)["units"]]
    service = next(name for name in names if name.endswith(".service"))
    return f"/var/lib/nbhostd/workspaces/{service.removeprefix('nbh-').removesuffix('.service')}"


def phase(course: str, student: str) -> str:
    """What `nbhostctl status` says of a workspace; 'asleep' when it is not listed."""
    for row in ctl_json("status")["workspaces"]:
        if (row["course"], row["student"]) == (course, student):
            return str(row["phase"])
    return "asleep"


def eventually(holds: Callable[[], object], what: str, timeout: float = 60) -> None:
    """Return when `holds()`; fail with `what` when it does not come to that."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
        time.sleep(0.5)


def knock(url: str) -> int:
    """The status that a page load gets from a client which is no browser: no cookie, no redirect followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=60)
    with contextlib.closing(connection):
        headers = {"Host": parts.netloc, "Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        return connection.getresponse().status


@contextlib.contextmanager
def setting(table: str, lines: str) -> Iterator[None]:
    """The site with other settings for a while: `[table]` with `lines`, restored whatever happens."""
    before = inside("cat", CONFIG)
    assert f"[{table}]" not in before, f"the machine's {CONFIG} has a [{table}] already"
    _configure(f"{before}\n[{table}]\n{lines}\n")
    try:
        yield
    finally:
        _configure(before)


def _configure(text: str) -> None:
    inside("bash", "-euc", f"cat >{CONFIG}; systemctl reload nbhostd.service", input=text)
