"""Load on a proxy: wrk for HTTP, and for WebSockets a loader of our own that says 100 bytes and waits for the echo."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import cast

CONNECTIONS = 16
MESSAGE = 100


@dataclass(frozen=True)
class Load:
    """What one load showed: requests (or echoes) a second, bytes a second, and latencies in milliseconds."""

    rate: float
    bytes: float
    p50: float
    p99: float
    cpu: float
    """Seconds of the proxy's own processor time for a thousand requests."""


def middle(loads: list[Load]) -> dict[str, float]:
    """The median of each figure over several rounds."""
    rows = [asdict(load) for load in loads]
    return {key: round(median(row[key] for row in rows), 4) for key in rows[0]}


def processor_time(pid: int) -> float:
    """Seconds that this process has computed so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[unit]


def http(url: str, seconds: int, pid: int) -> Load:
    """One thread of wrk, CONNECTIONS connections, keep-alive."""
    before = processor_time(pid)
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "--timeout", "30", url]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    spent = processor_time(pid) - before
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    found = re.search(r"(\d+) requests in ([\d.]+)s, ", said)
    assert found, said
    size = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", said)
    assert size, said
    latency = {
        key: _milliseconds(value) for key, value in re.findall(r"^\s+(50|99)%\s+(\S+)", said, re.MULTILINE)
    }
    requests = int(found[1])
    return Load(
        rate=requests / float(found[2]),
        bytes=float(size[1]) * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[size[2]],
        p50=latency["50"],
        p99=latency["99"],
        cpu=spent / max(requests, 1) * 1000,
    )


class Echo(asyncio.Protocol):
    """One WebSocket: says its message, waits for it, says it again."""

    def __init__(self, host: str, target: str, took: list[float]) -> None:
        self._head = (
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        self._frame = bytes((0x82, 0x80 | MESSAGE)) + b"\1\2\3\4" + bytes(MESSAGE)
        self._took = took
        self._upgraded = False
        self._got = b""
        self._said = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        """The upgrade, then echoes."""
        self._got += data
        if not self._upgraded:
            head, found, rest = self._got.partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self._upgraded, self._got = True, rest
            self._say()
        elif len(self._got) >= MESSAGE + 2:
            self._took.append(time.perf_counter() - self._said)
            self._got = b""
            self._say()

    def _say(self) -> None:
        self._said = time.perf_counter()
        self._transport.write(self._frame)

    def end(self) -> None:
        """Hang up."""
        self._transport.abort()


async def websocket(port: int, target: str, seconds: int, pid: int) -> Load:
    """CONNECTIONS WebSockets, each with one message under way."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    before = processor_time(pid)
    made = [
        (await loop.create_connection(lambda: Echo(f"127.0.0.1:{port}", target, took), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    took.clear()
    await asyncio.sleep(seconds)
    count, spent = len(took), processor_time(pid) - before
    for connection in made:
        connection.end()
    took.sort()
    assert count, "no echo"
    return Load(
        rate=count / seconds,
        bytes=count * MESSAGE / seconds,
        p50=took[count // 2] * 1000,
        p99=took[count * 99 // 100] * 1000,
        cpu=spent / count * 1000,
    )
