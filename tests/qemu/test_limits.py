"""Limits as a real kernel enforces them: one student's notebook is nobody else's trouble."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import pytest

from tests.machine.site import Opened
from tests.qemu.far import FarBrowser, Machine

TELL = 'for file in memory.current pids.current; do cat "$1/$file"; done; sed -n "s/^usage_usec //p" "$1/cpu.stat"'
FORKS = """
import subprocess
children = globals().get("children", [])
try:
    for _ in range(2000):
        children.append(subprocess.Popen(["/bin/sleep", "600"]))
except OSError as error:
    print("stopped:", error.errno, len(children))
"""


@dataclass(frozen=True, slots=True)
class Guest:
    """A student with an open notebook."""

    machine: Machine
    name: str
    unit: dict[str, str]
    """Properties of the service."""
    page: Opened

    @property
    def group(self) -> str:
        return f"/sys/fs/cgroup{self.unit['ControlGroup']}"

    def limit(self, file: str) -> str:
        return self.machine.run("cat", f"{self.group}/{file}").strip()

    def count(self, file: str, event: str) -> int:
        """How often `event` happened."""
        return int(dict(line.split() for line in self.limit(file).splitlines())[event])

    async def answers(self) -> bool:
        """Whether the server answers, as soon as it should."""
        async with asyncio.timeout(self.machine.seconds(5)):
            return "started" in await self.page.api("api/status")

    async def says(self, code: str, kernel: str | None = None) -> str:
        """What a cell says. As pages do, it connects again when the server hangs up: it does while a kernel is being
        started again, and when a slow computer answers its pings late."""
        kernel = kernel or await self.page.start_kernel()
        async with asyncio.timeout(self.machine.seconds(60)):
            while True:
                try:
                    return await self.page.run_code(code, kernel, timeout=self.machine.seconds(60))
                except (aiohttp.ClientError, ConnectionError, AssertionError):
                    await asyncio.sleep(self.machine.seconds(0.2))


Welcome = Callable[[str], Awaitable[Guest]]


@pytest.fixture(scope="module", autouse=True)
def enforcing(machine: Machine) -> None:
    where = '"/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers"'
    controllers = machine.sh(f"uid=$(id -u nbhostd); cat {where}")
    missing = {"memory", "pids", "cpu"} - set(controllers.split())
    if missing:
        pytest.skip(f"no {', '.join(sorted(missing))} controller in the machine: limits are not enforced")


@pytest.fixture(scope="module")
def names() -> tuple[str, str]:
    """Two students for this module: a start costs a minute where the machine is emulated."""
    return f"s{uuid.uuid4().hex[:8]}", f"n{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def welcome(machine: Machine, course: str) -> AsyncIterator[Welcome]:
    async with contextlib.AsyncExitStack() as closing:

        async def open_for(name: str) -> Guest:
            browser = FarBrowser(machine)
            closing.push_async_callback(browser.close)
            page = await browser.open(machine.launch_url(course, "w1/exercise", name))
            assert page.status == 200, page.text[:500]
            return Guest(machine, name, machine.service(course, name), page)

        yield open_for


async def test_the_control_group_has_the_limits_and_nbhostctl_status_its_accounts(
    machine: Machine, course: str, names: tuple[str, str], welcome: Welcome
) -> None:
    guest = await welcome(names[0])
    units = {
        unit["name"]: dict(unit["properties"]) for unit in machine.ctl("show-unit", course, names[0])["units"]
    }
    wanted = units[guest.unit["Id"]]
    assert guest.limit("memory.max") == str(wanted["MemoryMax"])
    assert guest.limit("memory.swap.max") == "0"
    assert guest.limit("pids.max") == str(wanted["TasksMax"])
    assert guest.limit("cpu.max") == f"{wanted['CPUQuotaPerSecUSec'] // 10} 100000"
    assert guest.limit("cpu.weight") == "100"
    assert f"/nbh.slice/{wanted['Slice']}/" in guest.group

    _, _, cpu_before = map(int, machine.sh(TELL, guest.group).split())
    (row,) = (row for row in machine.ctl("status")["workspaces"] if row["student"] == names[0])
    memory, tasks, cpu_after = map(int, machine.sh(TELL, guest.group).split())
    assert row["memory"] == pytest.approx(memory, rel=0.2)
    assert abs(row["tasks"] - tasks) <= 2
    assert cpu_before <= round(row["cpu"] * 1e6) <= cpu_after


async def test_a_memory_hog_is_stopped_at_its_limit_and_only_it(
    names: tuple[str, str], welcome: Welcome
) -> None:
    hog, neighbour = await welcome(names[0]), await welcome(names[1])
    theirs, ours = await neighbour.page.start_kernel(), await hog.page.start_kernel()
    assert await neighbour.says("kept = 'untouched'; print(kept)", theirs) == "untouched\n"
    assert await hog.says("block = None; print('begun')", ours) == "begun\n"

    eating = asyncio.ensure_future(hog.says(f"block = b'x' * {2 * int(hog.limit('memory.max'))}", ours))
    await asyncio.to_thread(
        hog.machine.until,
        lambda: hog.count("memory.events", "oom_kill"),
        lambda killed: killed > 0,
        seconds=30,
    )
    eating.cancel()
    await asyncio.gather(eating, return_exceptions=True)

    assert await hog.answers()
    # Jupyter has started that kernel again, empty.
    assert (await hog.says("block", ours)).startswith("NameError")
    assert hog.machine.service_state(hog.unit["Id"]) == ("active", hog.unit["MainPID"])
    assert neighbour.machine.service_state(neighbour.unit["Id"]) == ("active", neighbour.unit["MainPID"])
    assert neighbour.count("memory.events", "oom_kill") == 0
    assert await neighbour.says("print(kept)", theirs) == "untouched\n"


async def test_a_fork_bomb_ends_at_its_limit(names: tuple[str, str], welcome: Welcome) -> None:
    bomber, neighbour = await welcome(names[0]), await welcome(names[1])
    kernel = await bomber.page.start_kernel()
    _, errno, children = (await bomber.says(FORKS, kernel)).split()
    limit = int(bomber.limit("pids.max"))
    assert (errno, int(children) < limit) == ("11", True)
    assert bomber.count("pids.events", "max") > 0
    assert int(bomber.limit("pids.current")) <= limit
    assert await bomber.answers()
    assert await neighbour.says("print(2)") == "2\n"

    assert await bomber.says("for child in children: child.kill(); child.wait()", kernel) == ""
    assert await bomber.says("print('better')") == "better\n"
