"""The site of `packaging/machine-site`, as a browser on this computer and an administrator see it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MACHINE = str(ROOT / "packaging/machine/machine")
BUNDLES = ROOT.parent / "shared/courses"


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
    return inside("nbhostctl", *argv)


def ctl_json(*argv: str) -> Any:
    return json.loads(ctl(*argv, "--json"))


def port() -> int:
    return int(subprocess.run([MACHINE, "port"], capture_output=True, text=True, check=True).stdout)


def put(source: Path) -> str:
    """A file of this computer, inside the machine; its path there."""
    inside("mkdir", "-p", "/var/lib/demo")
    subprocess.run([MACHINE, "push", str(source), "/var/lib/demo"], check=True, capture_output=True)
    inside("chmod", "-R", "a+rX", "/var/lib/demo")
    return f"/var/lib/demo/{source.name}"


def workspace_dir(course: str, student: str) -> str:
    names = [unit["name"] for unit in ctl_json("show-unit", course, student)["units"]]
    service = next(name for name in names if name.endswith(".service"))
    return f"/var/lib/nbhostd/workspaces/{service.removeprefix('nbh-').removesuffix('.service')}"
