"""A machine seen from this computer: commands go in through packaging/machine/machine, a browser through its front door."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
import tomllib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from nbhostd.core.access import parse_keys, sign_launch
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import OpenRequest, open_path
from tests.machine.site import Browser, LocalhostJar, Opened

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "packaging/machine/machine"
PATIENCE = {"namespaces": 1.0, "qemu": 8.0}
"""How much longer than on this computer a thing may take: emulation is slow."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the throwaway machines, with the installed site in it."""

    driver: str

    def seconds(self, native: float) -> float:
        """The time to allow for what takes up to `native` seconds on this computer."""
        return native * PATIENCE[self.driver]

    def command(self, *words: str, timeout: float = 600) -> str:
        """What `machine WORDS` prints; what went wrong is in the failure."""
        argv = (str(COMMAND), "--driver", self.driver, *words)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, (
            f"machine {words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def port(self) -> int:
        return int(self.command("port"))

    def run(self, *argv: str) -> str:
        """What a command prints, as root."""
        return self.command("run", "--", *argv)

    def sh(self, script: str, *arguments: str) -> str:
        """What a script prints, as root; its $1… are `arguments`."""
        return self.run("bash", "-euo", "pipefail", "-c", script, "sh", *arguments)

    def ctl(self, *argv: str) -> Any:
        return json.loads(self.run("nbhostctl", *argv, "--json"))

    def show(self, *patterns: str) -> list[dict[str, str]]:
        """What the service user's manager says of the units that match."""
        wanted = "Id,Description,ActiveState,MainPID,ControlGroup"
        said = self.run(
            "systemctl", "--user", "--machine=nbhostd@", "show", f"--property={wanted}", *patterns
        )
        return [
            dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n")
        ]

    def service_state(self, unit: str) -> tuple[str, str]:
        """ActiveState and MainPID."""
        (found,) = self.show(unit)
        return found["ActiveState"], found.get("MainPID", "")

    def service(self, course: str, student: str) -> dict[str, str]:
        """The service of a workspace that runs."""
        units = self.show("nbh-*.service")
        return next(unit for unit in units if unit.get("Description", "").endswith(f" {course}/{student}"))

    def number(self, course: str, student: str) -> int:
        """The number of a workspace that runs."""
        return int("".join(filter(str.isdigit, self.service(course, student)["Id"])))

    def launch_url(self, course: str, notebook: str, student: str) -> str:
        """A launch URL, signed as an LMS does it."""
        request = OpenRequest(
            CourseName.parse(course), NotebookPath.parse(notebook), StudentName.parse(student)
        )
        (key, *_) = parse_keys(self.run("cat", "/etc/nbhostd/launch.key")).keys
        expires = datetime.now(UTC) + timedelta(minutes=30)
        query = sign_launch(key, request, expires=expires, nonce=uuid.uuid4().hex)
        return f"{self.public_url()}{open_path(request)}?{query}"

    def public_url(self) -> str:
        config = tomllib.loads(self.run("cat", "/etc/nbhostd/nbhostd.toml"))
        return str(config["server"]["public_url"])

    def until(self, look: Callable[[], T], good: Callable[[T], bool], *, seconds: float) -> T:
        """What `look` finds once that is good; the last thing it found is in the failure."""
        end = time.monotonic() + self.seconds(seconds)
        while not good(found := look()):
            assert time.monotonic() < end, f"not in {self.seconds(seconds):.0f} s: {found!r}"
            time.sleep(0.2)
        return found


class Front(AbstractResolver):
    """Every name and port is the machine's front door, wherever this computer has it."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


class FarBrowser(Browser):
    """A browser on this computer, looking into the machine; the URLs are those of the site inside."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        connector = aiohttp.TCPConnector(resolver=Front(machine.port()), limit=0)
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=LocalhostJar(unsafe=True))

    async def open(self, url: str, timeout: float = 60) -> Opened:
        """Follow a launch to its end; the waiting page is looked at seldom, for it takes the start's time."""
        async with asyncio.timeout(self.machine.seconds(timeout)):
            page = await self.get(url)
            while "/visit/" in page.url and page.status == 200:
                await asyncio.sleep(self.machine.seconds(0.3))
                page = await self.get(page.url)
            return page
