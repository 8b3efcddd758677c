"""What the proxy's tests share: the proxy on a real TCP port, a server of our own behind it on a real Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from nbhostd.core.errors import NbhostdError
from nbhostd.core.headers import cookie_name, cookie_value
from nbhostd.core.model import Phase, Place, Route, Run, Workspace
from nbhostd.core.names import WorkspaceId
from nbhostd.web.proxy import SERVER_OPTIONS, Proxy
from nbhostd.web.proxy_guard import ProxySettings

SECRET = "abcdefghijklmnopqrstuv"
BASE = f"/w/{SECRET}/"
LABEL = "abcdefghijklmnopqrstuvwxyz"
TOKEN = "only-the-proxy-knows"
NUMBER = 7

RawServer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FakeGate:
    """One workspace, and a list of who touched it."""

    def __init__(self, socket_path: str) -> None:
        run = Run(NUMBER, SECRET, TOKEN, "image", datetime(2026, 1, 1, tzinfo=UTC))
        workspace = Workspace(NUMBER, WorkspaceId.parse("python/alice"), 100000, LABEL)
        self.found = Route(workspace, run, socket_path, Place(Phase.READY, run=run))
        self.touched: list[int] = []

    def route(self, secret: str) -> Route | None:
        return self.found if secret == self.found.run.secret else None

    def touch(self, number: int) -> None:
        self.touched.append(number)

    def is_in(self, phase: Phase) -> None:
        self.found = replace(self.found, place=Place(phase, run=self.found.run))

    def requires_cookie(self) -> str:
        """From now on the cookie is required; the Cookie header that satisfies."""
        self.found = replace(self.found, run=replace(self.found.run, cookie_seen=True))
        return f"{cookie_name(LABEL)}={cookie_value(self.found.run)}"


@dataclass
class Answered:
    """An HTTP answer, read off the wire to the letter."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None


@dataclass
class Trial:
    """The proxy under test and the way to talk to it byte by byte."""

    proxy: Proxy
    gate: FakeGate
    port: int
    host: str = ""
    visits: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)

    def head(self, method: str, target: str, *lines: str) -> bytes:
        """A request's head, with Host and the end of headers."""
        host = self.host or f"127.0.0.1:{self.port}"
        return "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", "")).encode("latin-1")

    async def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Answered:
        """One request on a connection of its own."""
        if body:
            lines = (*lines, f"Content-Length: {len(body)}")
        return await self.send(self.head(method, target, *lines) + body, method)

    async def send(self, raw: bytes, method: str = "GET") -> Answered:
        """Bytes as they are, and the first answer to them."""
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            async with asyncio.timeout(20):
                return await read_answer(reader, method)
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader, method: str = "GET") -> Answered:
    """The next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    _, status, reason = first.split(" ", 2)
    pairs = [tuple(line.split(": ", 1)) for line in lines]
    answer = Answered(int(status), reason, [(key, value) for key, value in pairs], b"")
    length = answer.header("Content-Length")
    if method == "HEAD" or answer.status in (101, 204, 304):
        return answer
    if answer.header("Transfer-Encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            answer.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    elif length is not None:
        answer.body = await reader.readexactly(int(length))
    else:
        answer.body = await reader.read()
    return answer


@asynccontextmanager
async def _unix_server(behind: web.Application | RawServer) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s.sock")
        if isinstance(behind, web.Application):
            runner = web.AppRunner(
                behind, handler_cancellation=True, shutdown_timeout=0.1, auto_decompress=False
            )
            await runner.setup()
            await web.UnixSite(runner, path).start()
            try:
                yield path
            finally:
                await runner.cleanup()
        else:
            connected: list[tuple[asyncio.Task[None], asyncio.StreamWriter]] = []

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                connected.append((task, writer))
                with contextlib.suppress(
                    ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
                ):
                    await behind(reader, writer)

            server = await asyncio.start_unix_server(serve, path, limit=1 << 22)
            try:
                yield path
            finally:
                server.close()
                for task, writer in connected:
                    task.cancel()
                    writer.transport.abort()
                await asyncio.gather(*(task for task, _ in connected), return_exceptions=True)


@asynccontextmanager
async def trial(
    behind: web.Application | RawServer, settings: ProxySettings | None = None, **server: float
) -> AsyncIterator[Trial]:
    """The proxy before that server, with SERVER_OPTIONS or these; afterwards nothing of it is left running."""
    async with _unix_server(behind) as path:
        gate = FakeGate(path)
        visits: list[str] = []

        async def on_visit(request: web.Request, route: Route) -> web.StreamResponse:
            visits.append(request.raw_path)
            return web.Response(text=f"waiting: {route.place.phase}")

        def on_error(request: web.Request, error: NbhostdError) -> web.StreamResponse:
            return web.Response(text=f"page: {error.message}", status=error.status)

        proxy = Proxy(gate, settings or ProxySettings(), on_visit, on_error)
        app = web.Application()
        proxy.add_to(app.router)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, **(SERVER_OPTIONS | server))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield Trial(proxy, gate, port, visits=visits)
        finally:
            proxy.drain()
            await runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        ours = [task for task in others if "a request's body" in task.get_name()]
        assert not ours, ours


async def until(condition: Callable[[], bool]) -> None:
    """Return when it holds; fail after half a minute."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.005)
