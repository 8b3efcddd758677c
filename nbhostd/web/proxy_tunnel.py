"""WebSockets as tunnels: after the authorized upgrade, bytes pass both ways untouched, each side held back by the other.

Frames are not taken apart, so subprotocols, extensions, pings and close codes are the two ends' own affair;
their boundaries are followed only to tell a person's data from a pong, and to know where a close frame may be put.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from aiohttp import web

from nbhostd.core.health import Traffic
from nbhostd.web.proxy_upstream import Link

GOING_AWAY = 1001
SERVICE_RESTART = 1012
_STALL = 120.0
_CLOSE_GRACE = 5.0
# To follow a flood of empty frames would take longer than anything else that the daemon does.
_MOST_FRAMES_AT_ONCE = 2000
# A peer that vanished without a word (a laptop closed, a network gone) is noticed within two minutes.
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 120_000),
)


class Frames:
    """Follows the frames (RFC 6455 section 5.2) in a stream of bytes."""

    def __init__(self) -> None:
        self.closing = False
        """A close frame has begun."""
        self.lost = False
        """Too many tiny frames came at once to be worth following: all counts as data from now on."""
        self._header = b""
        self._left = 0

    @property
    def between(self) -> bool:
        """The stream stands between two frames."""
        return not (self._left or self._header or self.lost)

    def feed(self, data: bytes) -> bool:
        """Go on by these bytes; whether a frame of data (not of control) began in them."""
        if self.lost:
            return True
        data_began = False
        position = begun = 0
        while position < len(data):
            if self._left:
                step = min(self._left, len(data) - position)
                self._left -= step
                position += step
                continue
            known = len(self._header)
            header = self._header + data[position : position + 14 - known]
            size = _header_size(header)
            if len(header) < size:
                self._header = header
                break
            begun += 1
            if begun > _MOST_FRAMES_AT_ONCE:
                self.lost = True
                return True
            position += size - known
            self._header = b""
            self._left = _payload_length(header)
            opcode = header[0] & 0x0F
            data_began = data_began or opcode < 8
            self.closing = self.closing or opcode == 8
        return data_began


def _header_size(header: bytes) -> int:
    if len(header) < 2:
        return 2
    short = header[1] & 0x7F
    return 2 + {126: 2, 127: 8}.get(short, 0) + (4 if header[1] & 0x80 else 0)


def _payload_length(header: bytes) -> int:
    short = header[1] & 0x7F
    if short < 126:
        return short
    size = 2 if short == 126 else 8
    return int.from_bytes(header[2 : 2 + size], "big")


def close_frame(code: int) -> bytes:
    """A server's close frame."""
    return b"\x88\x02" + struct.pack("!H", code)


async def drained(request: web.BaseRequest) -> None:
    """Return when the browser has taken enough of what was written. Raises TimeoutError when it takes nothing for minutes."""
    if request.protocol.writing_paused:
        async with asyncio.timeout(_STALL):
            await request.writer.drain()


class Tunnel:
    """One WebSocket between a browser's connection and a Link, from before the link is there until both have ended.

    It stands in for aiohttp's own frame reader (`feed_data`, `feed_eof`), so it gets the browser's bytes as they come.
    """

    def __init__(self, request: web.BaseRequest, on_data: Callable[[], None], traffic: Traffic) -> None:
        self._traffic = traffic
        self._protocol = request.protocol
        self._request = request
        self._link: Link | None = None
        self._on_data = on_data
        self._up = Frames()
        self._down = Frames()
        self._code = GOING_AWAY
        self._closed = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Bytes from the browser."""
        self._traffic.from_browsers += len(data)
        if self._up.feed(data):
            self._on_data()
        if self._link is not None:
            self._link.write(data)
        return False, b""

    def feed_eof(self) -> None:
        """The browser has gone."""
        if self._link is not None:
            self._link.abort()

    def close(self, code: int) -> None:
        """End it: the browser is told `code`, unless the server has already said why."""
        self._code = code
        self._closed = True
        if self._link is not None:
            self._link.abort()
            self._abort_later()

    async def run(self, link: Link, tail: bytes) -> None:
        """Carry bytes until either side ends; `tail` is what the server sent right behind its 101."""
        transport = self._request.transport
        if transport is None:
            return
        _watch_for_death(transport)
        self._link = link
        link.on_throttle = self._throttle
        if self._closed:
            link.abort()
        self._protocol.set_parser(self)  # type: ignore[arg-type]
        try:
            data = tail or await link.read()
            while data:
                self._down.feed(data)
                transport.write(data)
                self._traffic.to_browsers += len(data)
                await drained(self._request)
                data = await link.read()
            if self._down.between and not self._down.closing:
                transport.write(close_frame(self._code))
        except (TimeoutError, ConnectionError):
            transport.abort()
        finally:
            link.abort()
            self._abort_later()

    def _throttle(self, pause: bool) -> None:
        if pause:
            self._protocol.pause_reading()
        else:
            self._protocol.resume_reading()

    def _abort_later(self) -> None:
        # A browser that reads nothing would keep the closed connection, and its buffer, for ever.
        transport = self._request.transport
        if transport is not None:
            asyncio.get_running_loop().call_later(_CLOSE_GRACE, transport.abort)


def _watch_for_death(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # not a TCP socket
        for level, option, value in _KEEPALIVE:
            sock.setsockopt(level, option, value)
