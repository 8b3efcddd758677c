"""The server behind both proxies: answers so little, and so fast, that what is measured is the proxy.

GET …/small gives 100 bytes, GET …/large 1 MB, an upgrade gives a WebSocket that echoes (bytes back as they came,
unmasked). The same process listens on a TCP port, for configurable-http-proxy, and on a Unix socket, for nbhostd.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import os
from typing import cast

import uvloop

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    headers = (
        "Server: TornadoServer/6.5\r\nDate: Mon, 23 Nov 2026 15:00:00 GMT\r\nCache-Control: no-cache\r\n\r\n"
    )
    return (head + headers).encode() + body


SMALL = _answer(b'{"version": "2.20.0"}'.ljust(100))
LARGE = _answer(os.urandom(1 << 20))


class Server(asyncio.Protocol):
    """One connection: requests without bodies, then perhaps frames."""

    def __init__(self) -> None:
        self._buffer = b""
        self._websocket = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request or frame."""
        self._buffer += data
        if self._websocket:
            self._echo()
            return
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            if b"websocket-key" in head.lower():
                self._upgrade(head)
                return
            self._transport.write(LARGE if b"/large" in head.split(b"\r\n", 1)[0] else SMALL)

    def _upgrade(self, head: bytes) -> None:
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self._websocket = True
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _echo(self) -> None:
        while len(self._buffer) >= 2:
            short = self._buffer[1] & 0x7F
            wide = {126: 2, 127: 8}.get(short, 0)
            start = 6 + wide
            length = int.from_bytes(self._buffer[2 : 2 + wide], "big") if wide else short
            if len(self._buffer) < start + length:
                return
            if self._buffer[0] & 0x0F == 8:
                self._transport.close()
                return
            mask = self._buffer[start - 4 : start]
            body = self._buffer[start : start + length]
            repeated = mask * (length // 4 + 1)
            plain = (int.from_bytes(body, "big") ^ int.from_bytes(repeated[:length], "big")).to_bytes(
                length, "big"
            )
            self._transport.write(self._buffer[:1] + bytes((short,)) + self._buffer[2 : 2 + wide] + plain)
            self._buffer = self._buffer[start + length :]


async def serve(port: int, path: str) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    await loop.create_server(Server, "127.0.0.1", port, backlog=1024)
    await loop.create_unix_server(Server, path, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.path))
