"""A machine of the package tests' own, driven from this computer: installing and purging would ruin the shared one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build/package-test"
DEB = "/var/tmp/nbhostd.deb"


@dataclass(frozen=True)
class Machine:
    """The throwaway machine, and the package lying in it."""

    command: Path
    port: int

    def run(self, *argv: str, check: bool = True, input: bytes | None = None) -> str:
        """What a command in the machine prints, as root; what it said is in the failure."""
        done = subprocess.run(
            [self.command, "run", "--", *argv], capture_output=True, input=input, check=False, timeout=600
        )
        said = done.stdout.decode()
        assert not check or done.returncode == 0, (
            f"{argv} ended with {done.returncode}:\n{said}\n{done.stderr.decode()}"
        )
        return said

    def sh(self, script: str, *, check: bool = True) -> str:
        """What a script in the machine prints."""
        return self.run("bash", "-euo", "pipefail", "-c", script, check=check)

    def user(self, *argv: str, check: bool = True) -> str:
        """What a command of the service user prints, in its own user manager."""
        done = subprocess.run(
            [self.command, "run", "--user", "nbhostd", "--", *argv],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{argv}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a system unit."""
        lines = self.run("systemctl", "show", *(f"--property={name}" for name in properties), unit)
        return dict(line.split("=", 1) for line in lines.splitlines())

    def apt(self, *argv: str) -> str:
        """What apt-get says, asking nobody anything."""
        return self.sh(
            f"DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends {' '.join(argv)} </dev/null 2>&1"
        )

    def uid(self) -> int:
        return int(self.run("id", "-u", "nbhostd"))


@pytest.fixture(scope="session")
def package() -> Path:
    """The package, built if anything changed."""
    built = subprocess.run(
        [ROOT / "packaging/build-package"], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    )
    return Path(built.stdout.strip())


@pytest.fixture(scope="session")
def machine(package: Path) -> Iterator[Machine]:
    """A pristine Debian with the package lying in it, its front door moved to a port of this checkout's own."""
    command = PLACE / "packaging/machine/machine"
    shutil.rmtree(PLACE / "packaging", ignore_errors=True)
    shutil.copytree(ROOT / "packaging/machine", command.parent)
    os.environ["NBHOSTD_CACHE"] = os.environ.get("NBHOSTD_CACHE", str(ROOT / "build/machine"))
    subprocess.run([command, "reset"], check=True)
    subprocess.run([command, "start"], check=True)
    port = int(subprocess.run([command, "port"], capture_output=True, text=True, check=True).stdout)
    machine = Machine(command, port)
    drop_in = f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n"
    machine.sh(
        f"mkdir -p /etc/systemd/system/nbhostd.socket.d; printf '{drop_in}' >$_/port.conf; apt-get -q update"
    )
    machine.run("bash", "-c", f"cat >{DEB}", input=package.read_bytes())
    yield machine
    subprocess.run([command, "destroy"], check=True)
