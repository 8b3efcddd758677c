"""What monitors see of the installed site: ready, not ready and ready again; a visit in the metrics."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from tests.machine.site import Browser, journal, launch_url, public_url, run, user_systemctl


def readyz() -> tuple[int, dict[str, str]]:
    site = urlsplit(public_url())
    request = urllib.request.Request(f"http://127.0.0.1:{site.port}/readyz", headers={"Host": site.netloc})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["checks"]


async def until(status: int) -> dict[str, str]:
    async with asyncio.timeout(60):
        while True:
            found, checks = await asyncio.to_thread(readyz)
            if found == status:
                return checks
            await asyncio.sleep(0.5)


def metric(name: str) -> float:
    said = run("curl", "-sf", "--unix-socket", "/run/nbhostd/control.sock", "http://nbhostd/metrics").stdout
    return sum(float(line.rpartition(" ")[2]) for line in said.splitlines() if line.startswith(name))


async def test_a_site_whose_desk_is_gone_is_not_ready() -> None:
    assert set((await until(200)).values()) == {"ok"}
    user_systemctl("stop", "nbhostd-desk.socket", "nbhostd-desk.service")
    try:
        checks = await until(503)
        assert checks == {"bus": "not ok", "podman": "ok", "disk": "ok", "database": "ok"}
        assert "not ready: bus: nbhostd-desk.socket does not listen." in journal(
            "-u", "nbhostd", since="-2min"
        )
    finally:
        user_systemctl("start", "nbhostd-desk.socket")
    assert set((await until(200)).values()) == {"ok"}


async def test_a_visit_is_in_the_metrics(course: str, student: str, browser: Browser) -> None:
    names = (
        "nbhostd_start_seconds_count",
        'nbhostd_events_total{event="open"}',
        "nbhostd_proxy_requests_total",
    )
    before = [metric(name) for name in names]
    page = await browser.open(launch_url(course, "w1/intro", student))
    await page.run_code("1")
    after = [metric(name) for name in names]
    assert after[0] == before[0] + 1
    assert after[1] == before[1] + 1
    assert after[2] > before[2]
    assert metric("nbhostd_proxy_websockets_total") >= 1
    assert metric('nbhostd_workspaces{phase="ready"}') >= 1
