"""The container's system calls: what is refused is tried from a kernel, and the profile is what its generator says."""

from __future__ import annotations

import errno
import json
import platform
import subprocess
import textwrap

import pytest

from tests.images.workspace import IMAGES, Workspace

# Numbers of x86_64 and of aarch64, from the kernel's syscall_64.tbl and asm-generic/unistd.h.
CALLS = {
    "unshare(CLONE_NEWUSER)": ((272, 97), "0x10000000", errno.EPERM),
    "setns": ((308, 268), "0, 0", errno.EPERM),
    "mount": ((165, 40), "None, b'/tmp', b'tmpfs', 0, None", errno.EPERM),
    "fsopen": ((430, 430), "b'tmpfs', 0", errno.EPERM),
    "open_tree": ((428, 428), "-100, b'/', 1", errno.EPERM),
    "keyctl": ((250, 219), "0, -3, 1", errno.EPERM),
    "add_key": ((248, 217), "b'user', b'x', b'y', 1, -3", errno.EPERM),
    "request_key": ((249, 218), "b'user', b'x', None, 0", errno.EPERM),
    "ptrace(PTRACE_TRACEME)": ((101, 117), "0, 0, 0, 0", errno.EPERM),
    "process_vm_readv": ((310, 270), "1, None, 0, None, 0, 0", errno.EPERM),
    "bpf": ((321, 280), "0, None, 0", errno.EPERM),
    "perf_event_open": ((298, 241), "None, 0, -1, -1, 0", errno.EPERM),
    "userfaultfd": ((323, 282), "0", errno.EPERM),
    "mq_open": ((240, 180), "b'/x', 66, 384, None", errno.EPERM),
    "io_uring_setup": ((425, 425), "1, None", errno.ENOSYS),
    "inotify_init1": ((294, 26), "0", errno.ENOSYS),
    "fanotify_init": ((300, 262), "0, 0", errno.ENOSYS),
    "clone3": ((435, 435), "None, 0", errno.ENOSYS),
    "clone(CLONE_NEWUSER)": ((56, 220), "0x10000000 | 17, 0, 0, 0, 0", errno.ENOSYS),
    "clone(CLONE_NEWNET)": ((56, 220), "0x40000000 | 17, 0, 0, 0, 0", errno.ENOSYS),
    "socket(AF_VSOCK)": ((41, 198), "40, 1, 0", errno.ENOSYS),
    "socket(AF_ALG)": ((41, 198), "38, 5, 0", errno.ENOSYS),
    "socket(AF_PACKET)": ((41, 198), "17, 3, 0", errno.ENOSYS),
    "socket(AF_NETLINK, NETLINK_NETFILTER)": ((41, 198), "16, 3, 12", errno.ENOSYS),
    "socket(AF_INET, IPPROTO_SCTP)": ((41, 198), "2, 1, 132", errno.ENOSYS),
    "socket(AF_INET, IPPROTO_MPTCP)": ((41, 198), "2, 1, 262", errno.ENOSYS),
    "socket(AF_INET, SOCK_RAW)": ((41, 198), "2, 3, 1", errno.ENOSYS),
    "personality(ADDR_NO_RANDOMIZE)": ((135, 92), "0x0040000", errno.ENOSYS),
}
ALLOWED = {
    "socket(AF_INET)": ((41, 198), "2, 1 | 0o2000000, 0"),
    "socket(AF_INET6, SOCK_DGRAM)": ((41, 198), "10, 2 | 0o4000, 17"),
    "socket(AF_NETLINK, NETLINK_ROUTE)": ((41, 198), "16, 3, 0"),
    "epoll_create1": ((291, 20), "0"),
    "memfd_create": ((319, 279), "b'x', 0"),
}
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]


async def call(workspace: Workspace, number: int, arguments: str) -> int:
    """The errno of a system call made by a kernel, 0 when it succeeded."""
    answer = await workspace.run_cell(
        textwrap.dedent(f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print(ctypes.get_errno() if libc.syscall({number}, {arguments}) < 0 else 0)""")
    )
    assert answer.error == ""
    return int(answer.text)


@pytest.mark.parametrize("name", CALLS)
async def test_refused(workspace: Workspace, name: str) -> None:
    numbers, arguments, expected = CALLS[name]
    assert errno.errorcode.get(await call(workspace, numbers[COLUMN], arguments)) == errno.errorcode[expected]


@pytest.mark.parametrize("name", ALLOWED)
async def test_let_through(workspace: Workspace, name: str) -> None:
    numbers, arguments = ALLOWED[name]
    assert await call(workspace, numbers[COLUMN], arguments) == 0


def test_the_profile_is_what_its_generator_writes() -> None:
    argv = (str(IMAGES / "seccomp-profile"),)
    assert (
        subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        == (IMAGES / "seccomp.json").read_text()
    )


def test_nothing_is_both_let_through_and_refused() -> None:
    rules = json.loads((IMAGES / "seccomp.json").read_text())["syscalls"]
    refused = {name for rule in rules if rule["action"] != "SCMP_ACT_ALLOW" for name in rule["names"]}
    allowed = {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert not refused & allowed
