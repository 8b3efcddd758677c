"""Whatever dies, nothing is lost: kill -9 of the daemon, of a server, of the user manager."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.machine.site import (
    Browser,
    ctl,
    launch_url,
    number_of,
    run,
    user_systemctl,
    user_uid,
    workspace_dir,
)


async def daemon_answers(browser: Browser, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await browser.get(url)).status < 500:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.2)


def main_pid(unit: str) -> int:
    return int(run("systemctl", "show", "-P", "MainPID", unit).stdout)


async def test_kill_minus_nine_of_the_daemon_while_a_cell_runs(
    course: str, student: str, browser: Browser
) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    kernel = await page.start_kernel()
    assert await page.run_code("x = 1", kernel) == ""
    number = number_of(course, student)
    server = user_systemctl("show", "-P", "MainPID", f"nbh-{number}.service")

    code = "import time; open('w1/begun', 'w'); time.sleep(4); open('w1/done', 'w').write('yes'); x = 2"
    cell = asyncio.ensure_future(page.run_code(code, kernel))
    async with asyncio.timeout(30):
        while not (workspace_dir(course, student) / "w1/begun").exists():
            await asyncio.sleep(0.1)
    before = main_pid("nbhostd.service")
    run("systemctl", "kill", "--signal=KILL", "nbhostd.service")
    await asyncio.gather(cell, return_exceptions=True)

    async with asyncio.timeout(30):
        while not (workspace_dir(course, student) / "w1/done").exists():
            await asyncio.sleep(0.1)
    await daemon_answers(browser, page.base + "api/status")
    assert main_pid("nbhostd.service") != before
    assert await page.run_code("print(x, open('w1/done').read())", kernel) == "2 yes\n"
    assert user_systemctl("show", "-P", "MainPID", f"nbh-{number}.service") == server
    again = await browser.open(launch_url(course, "w1/intro", student))
    assert again.base == page.base
    units = user_systemctl("list-units", "--plain", "--no-legend", f"nbh-{number}.*").split()
    assert units.count(f"nbh-{number}.service") == 1


async def test_a_restart_of_the_daemon_loses_no_request(course: str, student: str, browser: Browser) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    answers: list[int] = []

    async def hammer() -> None:
        for _ in range(200):
            answers.append((await browser.get(page.base + "api")).status)

    hammering = asyncio.ensure_future(hammer())
    await asyncio.to_thread(run, "systemctl", "restart", "nbhostd.service")
    await hammering
    assert set(answers) == {200}


async def test_a_server_that_was_killed_starts_again_at_the_next_visit(
    course: str, student: str, browser: Browser
) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student))
    number = number_of(course, student)
    user_systemctl("kill", "--signal=KILL", f"nbh-{number}.service")
    async with asyncio.timeout(30):
        while user_systemctl("is-active", f"nbh-{number}.service", check=False).strip() == "active":
            await asyncio.sleep(0.1)
    again = await browser.open(launch_url(course, "w1/intro", student))
    assert again.status == 200
    assert again.base != page.base


async def test_the_death_of_the_user_manager_is_survived(
    course: str, student: str, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    await browser.open(launch_url(course, "w1/intro", student))
    uid = user_uid()
    run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", f"user@{uid}.service")
    async with asyncio.timeout(60):
        while run("systemctl", "is-active", f"user@{uid}.service", check=False).stdout.strip() != "active":
            await asyncio.sleep(0.2)
    page = await new_browser().open(launch_url(course, "w1/intro", student))
    assert page.status == 200
    assert await page.run_code("print('back')") == "back\n"


async def test_reload_refuses_a_broken_file_and_goes_on(course: str, student: str, browser: Browser) -> None:
    config = "/etc/nbhostd/nbhostd.toml"
    good = run("cat", config).stdout
    try:
        run("tee", config, input=good + "\n[limits]\nmemry = '1G'\n")
        run("systemctl", "reload", "nbhostd.service", check=False)
        check = ctl("check", check=False)
        assert check.returncode != 0
        assert "memory" in check.stdout + check.stderr
        assert (await browser.open(launch_url(course, "w1/intro", student))).status == 200
    finally:
        run("tee", config, input=good)
        run("systemctl", "reload", "nbhostd.service")


async def test_a_stop_during_a_start_ends_it_and_the_next_visit_gets_in(
    course: str, student: str, browser: Browser
) -> None:
    launch = asyncio.ensure_future(browser.get(launch_url(course, "w1/intro", student)))
    async with asyncio.timeout(60):
        while ctl("stop", f"{course}/{student}", check=False).returncode != 0:
            await asyncio.sleep(0.05)
    await launch
    page = await browser.open(launch_url(course, "w1/intro", student))
    assert page.status == 200
