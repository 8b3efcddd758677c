"""Idle stop with the real clock, set short: what is busy stays, what nobody uses sleeps, its socket stays armed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.machine.site import (
    CONFIG,
    Browser,
    ctl_json,
    launch_url,
    number_of,
    run,
    user_systemctl,
    workspace_dir,
)


@pytest.fixture
def short_idle() -> Iterator[None]:
    good = CONFIG.read_text()
    CONFIG.write_text(
        good + '\n[idle]\ncheck_every = "1s"\nabandoned_after = "12s"\nconnected_after = "1h"\n'
    )
    run("systemctl", "reload", "nbhostd.service")
    # The round that was under way still waits for its old period.
    run("systemctl", "restart", "nbhostd.service")
    yield
    CONFIG.write_text(good)
    run("systemctl", "restart", "nbhostd.service")


async def state_of(number: int, kind: str) -> str:
    return (await asyncio.to_thread(user_systemctl, "is-active", f"nbh-{number}.{kind}", check=False)).strip()


async def until_asleep(number: int) -> None:
    async with asyncio.timeout(120):
        while await state_of(number, "service") != "inactive":
            await asyncio.sleep(0.2)


WAIT = "import os, time\nopen('begun', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.1)\nprint('done')"


@pytest.mark.usefixtures("short_idle")
async def test_the_idle_sleep_the_busy_and_the_connected_stay(
    course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    idle, busy, connected = (f"{student}.{kind}" for kind in ("idle", "busy", "connected"))
    busy_page = await new_browser().open(launch_url(course, "w1/intro", busy))
    silent = asyncio.ensure_future(busy_page.run_code(WAIT, timeout=240))
    files = workspace_dir(course, busy)
    async with asyncio.timeout(60):
        while not (files / "begun").exists():
            await asyncio.sleep(0.1)

    tab = await new_browser().open(launch_url(course, "w1/intro", connected))
    url = f"{tab.base}api/kernels/{await tab.start_kernel()}/channels?session_id=tab"
    async with tab.browser.ws_connect(url, headers=tab.headers()):
        await new_browser().open(launch_url(course, "w1/intro", idle))
        await until_asleep(number_of(course, idle))
        assert await state_of(number_of(course, idle), "socket") == "active"
        usage = {row["student"]: row["usage"] for row in ctl_json("status")["workspaces"]}
        assert usage[busy].startswith("busy")
        assert await state_of(number_of(course, busy), "service") == "active"
        assert await state_of(number_of(course, connected), "service") == "active"
    (files / "go").touch()
    assert await silent == "done\n"
    woken = await new_browser().open(launch_url(course, "w1/intro", idle))
    assert woken.status == 200
