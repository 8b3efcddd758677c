"""Limits as a real kernel enforces them: run in the emulated machine, which has every cgroup controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machine.site import Browser, launch_url, service_of, user_systemctl, user_uid

pytestmark = pytest.mark.qemu


@pytest.fixture(autouse=True)
def enforced() -> None:
    uid = user_uid()
    controllers = Path(f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers")
    if not {"memory", "pids", "cpu"} <= set(controllers.read_text().split()):
        pytest.skip("this kernel keeps the controllers from us: limits are accepted, not enforced")


async def test_a_memory_hog_is_stopped_at_its_limit_and_only_it(
    course: str, student: str, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    hog = await browser.open(launch_url(course, "w1/intro", student), timeout=400)
    neighbour = await new_browser().open(launch_url(course, "w1/intro", f"{student}.n"), timeout=400)
    kernel = await neighbour.start_kernel()
    assert await neighbour.run_code("print('before')", kernel, timeout=300) == "before\n"
    number, properties = service_of(course, student)
    limit = properties["MemoryMax"]

    eater = await hog.start_kernel()
    code = f"block = bytearray({2 * limit}); block[::4096] = b'x' * len(block[::4096])"
    with pytest.raises((TimeoutError, AssertionError)):
        await hog.run_code(code, eater, timeout=90)

    assert user_systemctl("is-active", f"nbh-{number}.service").strip() == "active"
    assert await hog.run_code("print('a new kernel')", timeout=300) == "a new kernel\n"
    assert await neighbour.run_code("print('untouched')", kernel, timeout=300) == "untouched\n"


async def test_a_fork_bomb_hits_tasks_max(course: str, student: str, browser: Browser) -> None:
    page = await browser.open(launch_url(course, "w1/intro", student), timeout=400)
    code = (
        "import subprocess\n"
        "children = []\n"
        "try:\n"
        "    for _ in range(2000): children.append(subprocess.Popen(['/bin/sleep', '60']))\n"
        "except OSError as error:\n"
        "    print('stopped:', error.errno, len(children) < 400)\n"
        "for child in children: child.kill(); child.wait()\n"
    )
    assert "stopped: 11 True" in await page.run_code(code, timeout=400)
    number = service_of(course, student)[0]
    current = int(user_systemctl("show", "-P", "TasksCurrent", f"nbh-{number}.service"))
    assert current < 256


async def test_limits_are_written_in_the_cgroup(course: str, student: str, browser: Browser) -> None:
    await browser.open(launch_url(course, "w1/intro", student), timeout=400)
    number, properties = service_of(course, student)
    group = user_systemctl("show", "-P", "ControlGroup", f"nbh-{number}.service").strip()
    path = Path("/sys/fs/cgroup") / group.lstrip("/")
    assert int((path / "memory.max").read_text()) == properties["MemoryMax"]
    assert (path / "memory.swap.max").read_text().strip() == "0"
    assert int((path / "pids.max").read_text()) == properties["TasksMax"]
