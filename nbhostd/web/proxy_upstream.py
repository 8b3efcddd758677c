"""The leg from the proxy to one workspace's server: connections over its Unix socket, kept for that workspace alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from nbhostd.web.proxy_wire import MAX_HEAD, AnswerHead, BadAnswer, Dechunker, parse_head

_HIGH_WATER = 256 * 1024
_CONNECT_TIMEOUT = 10.0
_MAX_INTERIM = 8
_MAX_IDLE = 16


class Link(asyncio.Protocol):
    """One connection: bytes in both directions, each with back-pressure."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        """Nothing more will come (what came before can still be read)."""
        self.in_use = True
        self.idle_since = 0.0
        self.on_throttle: Callable[[bool], None] | None = None
        """Told when writing has to pause (True) and may go on (False)."""
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    # what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self.in_use:
            # An answer that nobody asked for would be taken for the next one's.
            self.abort()
            return
        self._chunks.append(data)
        self._held += len(data)
        if self._held >= _HIGH_WATER and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self.closed = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.transport = None
        _wake(self._reader)
        _wake(self._writer)
        self._writer = None

    def pause_writing(self) -> None:
        self._writer = self._loop.create_future()
        if self.on_throttle is not None:
            self.on_throttle(True)

    def resume_writing(self) -> None:
        _wake(self._writer)
        self._writer = None
        if self.on_throttle is not None:
            self.on_throttle(False)

    # what the proxy says

    @property
    def clean(self) -> bool:
        """It is open, and nothing unread has come: the next answer on it will be to the next request."""
        return not self.closed and not self._chunks

    async def read(self) -> bytes:
        """The next bytes, or b'' when the other side has ended."""
        while not self._chunks:
            if self.closed:
                return b""
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = self._chunks.popleft()
        self._held -= len(data)
        if self._paused and not self._chunks and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes; without effect after the connection is lost."""
        if self.transport is not None:
            self.transport.write(data)

    async def drain(self) -> None:
        """Return when the other side has taken enough of what was written, or has gone."""
        if self._writer is not None:
            await self._writer

    def abort(self) -> None:
        """Close at once, whatever is still unsent."""
        self.closed = True
        if self.transport is not None:
            self.transport.abort()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def _read_block(link: Link, began: bytes) -> tuple[bytes, bytes]:
    """The bytes of a head, its last CR LF included, and what came after its empty line. Raises BadAnswer."""
    block = began or await link.read()
    end = block.find(b"\r\n\r\n")
    if end < 0:
        block, end = await _read_on(link, bytearray(block))
    if not 0 <= end <= MAX_HEAD:
        raise BadAnswer(f"headers of more than {MAX_HEAD} bytes")
    return block[: end + 2], block[end + 4 :]


async def _read_on(link: Link, block: bytearray) -> tuple[bytes, int]:
    """A head that comes in more than one piece, and where it ends (-1 when it is too long)."""
    end = -1
    while end < 0 and len(block) <= MAX_HEAD:
        seen = max(0, len(block) - 3)
        data = await link.read()
        if not data:
            raise BadAnswer("the connection ended before an answer")
        block += data
        end = block.find(b"\r\n\r\n", seen)
    return bytes(block), end


class Answer:
    """An answer being read from a Link: its head, then its body piece by piece."""

    def __init__(self, link: Link, head: AnswerHead, rest: bytes, *, bodiless: bool) -> None:
        self.head = head
        self._link = link
        self._first = rest
        self._left = 0 if bodiless else head.length
        self._dechunker = Dechunker() if head.chunked and not bodiless else None
        self.reusable = False
        """The body is complete, and the link can carry another request."""
        self.ended = False
        """The body is complete."""
        if self._left == 0 and head.status != 101:
            self._end(rest)

    def whole(self) -> bytes | None:
        """The body, if all of it is already here and its length was announced; None otherwise."""
        if self._left is None or len(self._first) < self._left:
            return None
        body, extra = self._first[: self._left], self._first[self._left :]
        self._end(extra)
        return body

    async def read(self) -> bytes:
        """The next piece of the body, or b'' at its end. Raises BadAnswer when it is cut short or malformed."""
        while not self.ended:
            data, self._first = self._first or await self._link.read(), b""
            if not data:
                if self._left is not None or self._dechunker is not None:
                    raise BadAnswer("the connection ended within its body")
                self.ended = True
                return b""
            piece = self._take(data)
            if piece:
                return piece
        return b""

    def _take(self, data: bytes) -> bytes:
        if self._dechunker is not None:
            piece = b"".join(self._dechunker.feed(data))
            if self._dechunker.done:
                self._end(self._dechunker.rest)
            return piece
        if self._left is None:
            return data
        piece, extra = data[: self._left], data[self._left :]
        self._left -= len(piece)
        if not self._left:
            self._end(extra)
        return piece

    def _end(self, extra: bytes) -> None:
        self.ended = True
        self.reusable = self.head.keep_alive and not extra and self._link.clean

    @classmethod
    async def begin(cls, link: Link, method: str) -> Answer:
        """Read a final answer's head, skipping interim ones. Raises BadAnswer."""
        block = b""
        for _ in range(_MAX_INTERIM):
            block, rest = await _read_block(link, block)
            head = parse_head(block)
            if head.status >= 200 or head.status == 101:
                bodiless = method == "HEAD" or head.status in (101, 204, 304)
                return cls(link, head, rest, bodiless=bodiless)
            block = rest
        raise BadAnswer("interim answers without end")

    @property
    def tail(self) -> bytes:
        """After a 101: what the server sent right behind its head."""
        return self._first


class Upstream:
    """All that goes on between the proxy and one life of a workspace's server: idle links, and counts of what is under way."""

    def __init__(self, socket_path: str, secret: str, loop: asyncio.AbstractEventLoop) -> None:
        self.secret = secret
        self.requests = 0
        self.tunnels: set[Callable[[int], None]] = set()
        """How to end each WebSocket, given a close code."""
        self._path = socket_path
        self._loop = loop
        self._idle: list[Link] = []
        self._retired = False

    @property
    def quiet(self) -> bool:
        """Nothing is under way and no link is kept."""
        return not (self.requests or self.tunnels or self._idle)

    async def take(self) -> Link:
        """A connected link, kept or new. Raises OSError or TimeoutError."""
        while self._idle:
            link = self._idle.pop()
            if not link.closed:
                link.in_use = True
                return link
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            _, link = await self._loop.create_unix_connection(lambda: Link(self._loop), self._path)
        return link

    def give_back(self, link: Link) -> None:
        """Keep a link whose last answer was read to its end, for a while."""
        if self._retired or not link.clean or len(self._idle) >= _MAX_IDLE:
            link.abort()
            return
        link.in_use = False
        link.idle_since = self._loop.time()
        self._idle.append(link)

    def sweep(self, before: float) -> None:
        """Close links that have been idle since before that moment of the loop's clock."""
        for link in self._idle:
            if link.idle_since < before:
                link.abort()
        self._idle = [link for link in self._idle if not link.closed]

    def retire(self) -> None:
        """Keep no link any more: this life of the server is over, or the daemon's is."""
        self._retired = True
        self.sweep(float("inf"))
