"""The proxy as its own process, as the daemon runs it: uvloop and all."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.proxy_trial import BASE

ROOT = Path(__file__).parents[2]
SIZE = 1 << 30
BACK = 1 << 28
BLOCK = bytes(1 << 20)
# Buffers of both sockets and what the loop holds of them; a body that is kept would be SIZE.
MAY_GROW = 24 << 20


def serve_one(listening: socket.socket, received: list[int]) -> None:
    """Swallow a body of SIZE, and answer with one of BACK."""
    connection, _ = listening.accept()
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        count = len(head.partition(b"\r\n\r\n")[2])
        view = memoryview(bytearray(1 << 20))
        while count < SIZE:
            count += connection.recv_into(view)
        received.append(count)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {BACK}\r\n\r\n".encode())
        for _ in range(BACK // len(BLOCK)):
            connection.sendall(BLOCK)


def peak_memory(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) << 10


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.sock"))
        listening.listen()
        yield listening


@pytest.fixture
def proxy(behind: socket.socket, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """(pid, port) of the proxy; what it says goes to the file `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    daemon = str(ROOT / "packaging/bench/proxy_daemon.py")
    argv = (sys.executable, daemon, str(port), behind.getsockname(), BASE.split("/")[2])
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid, port
        process.kill()


def test_a_gigabyte_up_and_down_in_constant_memory(behind: socket.socket, proxy: tuple[int, int]) -> None:
    pid, port = proxy
    received: list[int] = []
    server = threading.Thread(target=serve_one, args=(behind, received), daemon=True)
    server.start()
    before = peak_memory(pid)
    with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        host = f"127.0.0.1:{port}"
        head = f"PUT {BASE}api/contents/big HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: {SIZE}\r\n\r\n"
        client.sendall(head.encode())
        for _ in range(SIZE // len(BLOCK)):
            client.sendall(BLOCK)
        view = memoryview(bytearray(1 << 20))
        start = bytes(view[: client.recv_into(view)])
        assert start.startswith(b"HTTP/1.1 200 OK\r\n")
        while b"\r\n\r\n" not in start:
            start += client.recv(65536)
        count = len(start.partition(b"\r\n\r\n")[2])
        while count < BACK:
            count += client.recv_into(view)
    server.join(10)
    assert (received, count) == ([SIZE], BACK)
    assert peak_memory(pid) - before < MAY_GROW


def test_browsers_that_go_in_the_middle_of_a_download_leave_no_trace_in_the_log(
    behind: socket.socket, proxy: tuple[int, int], tmp_path: Path
) -> None:
    _, port = proxy
    rounds = 8

    def serve() -> None:
        for _ in range(rounds):
            connection, _ = behind.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                for _ in range(100):
                    connection.sendall(BLOCK)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    view = memoryview(bytearray(1 << 20))
    for _ in range(rounds):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(f"GET {BASE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            # Taken as fast as it comes, then dropped in full flow: the proxy is writing just then.
            count = 0
            while count < 5_000_000:
                count += client.recv_into(view)
    server.join(30)
    assert not server.is_alive()
    assert (tmp_path / "log").read_text(encoding="utf-8") == ""
