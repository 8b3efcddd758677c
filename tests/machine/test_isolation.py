"""Attempts from inside a workspace to reach what is not one's own; each must fail."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machine.conftest import NOTEBOOK
from tests.machine.site import STATE, Browser, Opened, journal, launch_url, public_url, runtime, workspace_dir


@pytest.fixture
async def attacker(course: str, student: str, browser: Browser) -> Opened:
    return await browser.open(launch_url(course, "w1/intro", student))


async def attempt(page: Opened, code: str) -> str:
    """What an attempt prints: 'no: <error>' when it was refused."""
    body = "\n".join("    " + line for line in code.splitlines())
    return (await page.run_code(f"try:\n{body}\nexcept OSError as error:\n    print('no:', error)")).strip()


async def test_another_students_files_are_not_there(
    attacker: Opened, course: str, student: str, new_browser: Callable[[], Browser]
) -> None:
    await new_browser().open(launch_url(course, "w1/intro", f"{student}.victim"))
    victim = workspace_dir(course, f"{student}.victim")
    assert (victim / "w1/intro.md").is_file()
    for path in (victim, STATE, STATE / "nbhostd.db", Path("/etc/nbhostd/launch.key"), runtime()):
        assert (await attempt(attacker, f"import os; print(os.stat({str(path)!r}))")).startswith("no:"), path
    seen = await attempt(
        attacker, "import os; print(sorted(os.listdir('/home/jovyan')), os.listdir('/srv/course'))"
    )
    assert "work" in seen


async def test_the_victims_files_would_not_open_even_by_their_uid(attacker: Opened) -> None:
    uids = await attempt(attacker, "import os; print(os.getresuid(), os.getresgid())")
    assert uids.count("100000") <= 3
    assert (await attempt(attacker, "import os; os.setuid(0)")).startswith("no:")
    assert (await attempt(attacker, "import os; os.setgid(0)")).startswith("no:")
    assert await attempt(
        attacker, "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')])"
    ) == (str(["0" * 16] * 5))
    assert (
        await attempt(
            attacker, "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('NoNew')])"
        )
        == "['1']"
    )


async def test_no_process_but_ones_own_is_seen(attacker: Opened) -> None:
    commands = await attempt(
        attacker,
        "import os\nprint({open(f'/proc/{p}/comm').read().strip() for p in os.listdir('/proc') if p.isdigit()})",
    )
    assert "nbhostd" not in commands
    assert "systemd" not in commands


async def test_there_is_no_network_and_no_host_loopback(attacker: Opened) -> None:
    port = launch_port()
    for host in ("127.0.0.1", "10.0.2.2", "169.254.169.254", "1.1.1.1"):
        code = f"import socket; socket.create_connection(({host!r}, {port}), 3); print('connected')"
        assert (await attempt(attacker, code)).startswith("no:"), host
    assert await attempt(attacker, "import os; print(os.listdir('/sys/class/net'))") == "['lo']"


def launch_port() -> int:
    return int(public_url().rsplit(":", 1)[1])


async def test_the_root_and_the_course_cannot_be_written(attacker: Opened) -> None:
    for path in ("/usr/x", "/etc/x", "/srv/course/current/w1/intro.md", "/opt/x", "/home/x"):
        assert (await attempt(attacker, f"open({path!r}, 'w')")).startswith("no:"), path


@pytest.mark.parametrize(
    "call", ["unshare(0x10000000)", "ptrace(0, 0, 0, 0)", "inotify_init()", "setns(3, 0)"]
)
async def test_no_namespace_no_trace_no_inotify(attacker: Opened, call: str) -> None:
    code = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"if libc.{call} < 0: raise OSError(ctypes.get_errno(), 'refused')"
    )
    assert (await attempt(attacker, code)).startswith("no:")


async def test_the_servers_secrets_are_not_in_the_kernel(attacker: Opened) -> None:
    assert (
        await attempt(attacker, "import os; print([n for n in os.environ if n.startswith('NBH_')])") == "[]"
    )


@pytest.mark.parametrize("target", ["/etc/passwd", "/var/lib/nbhostd/nbhostd.db", "../../../../nbhostd.db"])
async def test_a_planted_link_is_neither_read_nor_written_through(
    attacker: Opened, course: str, student: str, browser: Browser, target: str
) -> None:
    mark = "planted"
    await attacker.run_code(f"import os; os.remove('w1/intro.md'); os.symlink({target!r}, 'w1/intro.md')")
    before = Path("/etc/passwd").read_bytes()
    page = await browser.open(launch_url(course, "w1/intro", student, "--forcecopy"))
    assert page.status in (200, 400, 403, 404, 409)
    assert Path("/etc/passwd").read_bytes() == before
    link = workspace_dir(course, student) / "w1/intro.md"
    assert link.is_symlink() or link.read_text() == NOTEBOOK, mark


async def test_a_planted_directory_link_leads_nowhere(
    attacker: Opened, course: str, student: str, browser: Browser
) -> None:
    outside = Path("/var/tmp/nbhostd-planted")
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir(mode=0o777)
    os.chmod(outside, 0o777)
    await attacker.run_code(f"import shutil, os; shutil.rmtree('w1'); os.symlink({str(outside)!r}, 'w1')")
    page = await browser.open(launch_url(course, "w1/intro", student))
    assert page.status >= 400
    assert list(outside.iterdir()) == []
    outside.rmdir()


async def test_a_fifo_for_a_notebook_hangs_nobody(
    attacker: Opened, course: str, student: str, browser: Browser
) -> None:
    await attacker.run_code("import os; os.remove('w1/intro.md'); os.mkfifo('w1/intro.md')")
    page = await browser.open(launch_url(course, "w1/intro", student, "--forcecopy"), timeout=30)
    assert page.status in (200, 400, 403, 409)


async def test_terminals_for_everybody(attacker: Opened) -> None:
    """The host has a few thousand terminals for all."""
    taken = """import os
taken = []
try:
    while len(taken) < 100:
        taken.append(os.open('/dev/ptmx', os.O_RDWR))
except OSError:
    pass
print(len(taken))"""
    assert await attempt(attacker, taken) == "64"


async def test_pending_signals_for_everybody(attacker: Opened) -> None:
    """All students' timers are charged to one mapping; timer_create(2) is 222 on x86-64, 107 on arm64."""
    taken = """import ctypes, platform
call = {'x86_64': 222, 'aarch64': 107}[platform.machine()]
timer, taken = ctypes.c_int(), 0
while taken < 10000 and ctypes.CDLL(None).syscall(call, 1, None, ctypes.byref(timer)) == 0:
    taken += 1
print(taken)"""
    assert 0 < int(await attempt(attacker, taken)) <= 2048


async def test_a_line_in_the_log_is_no_emergency(attacker: Opened, course: str, student: str) -> None:
    """journald shows emergencies on every terminal of the computer."""
    shout = """import os, socket
for fd in range(3, 100):
    try:
        kind = os.readlink(f'/proc/self/fd/{fd}')
        if kind.startswith('pipe:'):
            os.write(fd, b'<0>fire!\\n')
        elif kind.startswith('socket:') and 'journal' in str(socket.socket(fileno=os.dup(fd)).getpeername()):
            print('the journal itself')
    except OSError:
        continue"""
    assert "journal" not in await attempt(attacker, shout)
    async with asyncio.timeout(20):
        while "fire!" not in (said := journal("-t", f"nbh/{course}/{student}")):
            await asyncio.sleep(0.2)
    assert "<0>fire!" in said
    assert "fire!" not in journal("-p", "emerg", "-t", f"nbh/{course}/{student}")


async def test_shared_memory_is_there_and_has_an_end(attacker: Opened) -> None:
    assert (
        await attempt(attacker, "import multiprocessing as m; print(m.Value('i', 7).value, m.Lock())")
    ).startswith("7")
    fill = """with open('/dev/shm/x', 'wb') as file:
    for _ in range(64):
        file.write(bytes(1 << 24))"""
    assert "No space left" in await attempt(attacker, fill)
