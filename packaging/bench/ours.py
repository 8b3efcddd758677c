"""nbhostd under measurement, as installed: opened by launch URLs, as a learning platform's pages do."""

from __future__ import annotations

import asyncio
import http.cookies
import json
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from memory import unshared_of
from yarl import URL

COURSE = "bench"
NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
_UNIT = re.compile(r"/nbh-(\d+)\.service(?:/|$)", re.MULTILINE)


class Loopback(AbstractResolver):
    """Every name is this machine, as browsers hold of *.localhost."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """127.0.0.1."""
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


class LocalhostJar(aiohttp.CookieJar):
    """Keeps `Secure` cookies of http://*.localhost, as browsers do."""

    def filter_cookies(self, request_url: URL | None = None) -> http.cookies.BaseCookie[str]:
        """The cookies for a URL."""
        return super().filter_cookies((request_url or URL()).with_scheme("https"))


def ctl(*argv: str) -> str:
    """What nbhostctl says."""
    return subprocess.run(["nbhostctl", *argv], check=True, capture_output=True, text=True).stdout


def launch_url(student: str) -> str:
    """A signed URL that opens the notebook as this student, once."""
    return ctl("launch-url", COURSE, "first", student, "--expires", "3600").strip()


async def open_url(url: str) -> float:
    """Seconds from following a launch URL until the notebook's page is there."""
    connector = aiohttp.TCPConnector(resolver=Loopback(), limit=0)
    timeout = aiohttp.ClientTimeout(total=900)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=LocalhostJar(unsafe=True), timeout=timeout
    ) as browser:
        began = time.monotonic()
        while True:
            async with browser.get(url, headers=NAVIGATION) as answer:
                page, url = await answer.text(), str(answer.url)
                status = answer.status
            if "/visit/" not in url or status != 200:
                break
            await _wait(browser, url)
        assert status == 200 and "jupyter-config-data" in page, (status, url, page[:300])
        return time.monotonic() - began


async def _wait(browser: aiohttp.ClientSession, url: str) -> None:
    """Return when the waiting page's events say that it is over."""
    async with browser.get(url + "/events") as events:
        async for line in events.content:
            if line.startswith(b"data:") and json.loads(line[5:])["over"]:
                return


def workspaces() -> list[dict[str, Any]]:
    """What nbhostctl status knows of the course's workspaces."""
    rows: list[dict[str, Any]] = json.loads(ctl("status", "--json"))["workspaces"]
    return [row for row in rows if row["course"] == COURSE]


async def stop(students: list[str]) -> None:
    """Stop these students' workspaces."""
    for student in students:
        await asyncio.to_thread(ctl, "stop", f"{COURSE}/{student}")


def unshared(numbers: set[int]) -> list[int]:
    """Bytes that each of these workspaces has for itself: all processes of its unit, container monitor included."""
    pids: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found = _UNIT.search((process / "cgroup").read_text(encoding="utf-8"))
        except OSError:
            continue
        if found and int(found[1]) in numbers:
            pids.setdefault(int(found[1]), []).append(int(process.name))
    return [unshared_of(found) for found in pids.values()]
