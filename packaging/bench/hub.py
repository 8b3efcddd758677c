"""JupyterHub under measurement: started as a service of systemd, its servers opened through its API."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import subprocess
import time
from pathlib import Path

import aiohttp
from memory import unshared_of

PLACE = Path("/var/cache/nbhostd-bench")
HERE = Path(__file__).parent
UNIT = "nbhostd-bench-hub.service"


class Hub:
    """A JupyterHub of our own on three ports from `port` on."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._token = secrets.token_hex(16)
        self._port = port

    async def start(self) -> None:
        """Start it, and return when its API answers."""
        self._start_service()
        async with asyncio.timeout(120), self._session() as session:
            while True:
                try:
                    async with session.get(f"{self.url}/hub/api/") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.2)

    def _start_service(self) -> None:
        subprocess.run(["systemctl", "stop", UNIT], check=False, capture_output=True)
        home = Path("/home/benchhub/hub")
        subprocess.run(
            ["runuser", "-u", "benchhub", "--", "bash", "-c", f"rm -rf {home} && mkdir {home}"], check=True
        )
        environment = {
            "BENCH_HUB_PORT": str(self._port),
            "BENCH_HUB_TOKEN": self._token,
            "PATH": f"{PLACE}/hub/bin:/usr/bin:/bin",
        }
        subprocess.run(
            [
                "systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--uid=benchhub", f"--working-directory={home}",
                *(f"--setenv={name}={value}" for name, value in environment.items()),
                f"{PLACE}/hub/bin/jupyterhub", "-f", str(HERE / "hub_config.py"),
            ],
            check=True,
        )  # fmt: skip

    def stop(self) -> None:
        """End it and every server of it."""
        subprocess.run(["systemctl", "stop", UNIT], check=False, capture_output=True)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": f"token {self._token}"},
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=900),
        )

    async def open(self, user: str) -> float:
        """Seconds from asking for this user's server until its JupyterLab page is there."""
        async with self._session() as session:
            async with session.post(f"{self.url}/hub/api/users/{user}") as answer:
                assert answer.status in (201, 409), await answer.text()
            began = time.monotonic()
            async with session.post(f"{self.url}/hub/api/users/{user}/server") as answer:
                assert answer.status in (201, 202), await answer.text()
            # The same events that its waiting page follows.
            async with session.get(f"{self.url}/hub/api/users/{user}/server/progress") as answer:
                async for line in answer.content:
                    if line.startswith(b"data:"):
                        event = json.loads(line[5:])
                        assert not event.get("failed"), event
                        if event.get("ready"):
                            break
            async with session.get(f"{self.url}/user/{user}/lab") as answer:
                page = await answer.text()
                assert answer.status == 200 and "jupyter-config-data" in page, (answer.status, page[:300])
            return time.monotonic() - began

    async def close(self, users: list[str]) -> None:
        """Stop these users' servers."""
        async with self._session() as session:
            for user in users:
                async with session.delete(f"{self.url}/hub/api/users/{user}/server") as answer:
                    await answer.read()

    def unshared(self) -> list[int]:
        """Bytes that each single-user server has for itself."""
        pids: dict[str, list[int]] = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            user = re.search(rb"(?:^|\0)JUPYTERHUB_USER=([^\0]+)", environment)
            if b"jupyterhub-singleuser" in command and user:
                pids.setdefault(user[1].decode(), []).append(int(process.name))
        return [unshared_of(found) for found in pids.values()]
