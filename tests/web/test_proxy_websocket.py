"""WebSockets through the proxy: what the two ends say passes untouched, and nothing is left when one of them goes."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.model import Phase
from nbhostd.web.proxy_guard import ProxySettings
from nbhostd.web.proxy_tunnel import Frames
from tests.web.proxy_trial import BASE, NUMBER, SECRET, Trial, read_answer, trial, until

KERNEL = "v1.kernel.websocket.jupyter.org"
UPGRADE = (
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(KERNEL,), max_msg_size=1 << 26)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "close me":
            await socket.close(code=4321, message=b"as you wish")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


def application() -> web.Application:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=403, text="no such kernel")

    app = web.Application()
    app.router.add_get(BASE + "echo", echo)
    app.router.add_get(BASE + "refuse", refuse)
    return app


@pytest.fixture
async def tried() -> AsyncIterator[Trial]:
    async with trial(application()) as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def url(tried: Trial, name: str = "echo") -> str:
    return f"http://127.0.0.1:{tried.port}{BASE}{name}"


async def test_messages_of_every_size_come_back(tried: Trial, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(
        url(tried), origin=tried.origin, protocols=(KERNEL,), max_msg_size=1 << 26
    ) as socket:
        assert socket.protocol == KERNEL
        await socket.send_str("héllo")
        assert (await socket.receive()).data == "héllo"
        for size in (0, 1, 125, 126, 65535, 65536, 10_000_000):
            data = os.urandom(size)
            await socket.send_bytes(data)
            assert (await socket.receive()).data == data
        assert tried.proxy.connections(NUMBER) == 1
    await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_compression_is_between_the_two_ends(tried: Trial, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(url(tried), origin=tried.origin, compress=15) as socket:
        assert socket.compress == 15
        await socket.send_str("x" * 100_000)
        assert (await socket.receive()).data == "x" * 100_000


async def test_close_codes_pass(tried: Trial, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(url(tried), origin=tried.origin) as socket:
        await socket.send_str("close me")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4321, "as you wish")


async def test_pings_pass(tried: Trial) -> None:
    reader, writer = await tried.connect()
    writer.write(tried.head("GET", BASE + "echo", *UPGRADE, f"Origin: {tried.origin}"))
    assert (await read_answer(reader)).status == 101
    writer.write(b"\x89\x82\0\0\0\0hi")
    assert await reader.readexactly(4) == b"\x8a\x02hi"
    writer.close()


async def test_frames_sent_along_with_the_request_are_not_lost(tried: Trial) -> None:
    reader, writer = await tried.connect()
    head = tried.head("GET", BASE + "echo", *UPGRADE, f"Origin: {tried.origin}")
    writer.write(head + b"\x81\x82\0\0\0\0hi")
    answer = await read_answer(reader)
    assert answer.status == 101
    assert answer.header("Upgrade") == "websocket"
    assert answer.header("Sec-WebSocket-Accept") is not None
    assert await reader.readexactly(4) == b"\x81\x02hi"
    writer.close()


@pytest.mark.parametrize(
    "origin", [(), ("Origin: http://evil.org",), ("Origin: null",), ("Sec-Fetch-Site: cross-site",)]
)
async def test_an_upgrade_from_elsewhere_is_refused(tried: Trial, origin: tuple[str, ...]) -> None:
    answer = await tried.ask("GET", BASE + "echo", *UPGRADE, *origin)
    assert answer.status == 403
    assert answer.header("Connection") == "close"
    assert tried.proxy.connections(NUMBER) == 0


async def test_a_refused_upgrade_is_closed_on_both_sides(tried: Trial) -> None:
    reader, writer = await tried.connect()
    # Behind it a request that must not be answered.
    writer.write(
        tried.head("GET", BASE + "refuse", *UPGRADE, f"Origin: {tried.origin}") + tried.head("GET", BASE)
    )
    answer = await read_answer(reader)
    assert (answer.status, answer.body) == (403, b"no such kernel")
    assert await reader.read() == b""
    await until(lambda: tried.proxy.connections(NUMBER) == 0)
    assert tried.proxy._upstreams[NUMBER]._idle == []
    writer.close()


async def test_a_sleeping_workspace_is_not_woken_by_a_websocket(tried: Trial) -> None:
    tried.gate.is_in(Phase.ASLEEP)
    answer = await tried.ask("GET", BASE + "echo", *UPGRADE, f"Origin: {tried.origin}", "Accept: text/html")
    assert (answer.status, tried.visits) == (410, [])


async def test_a_persons_data_touches_now_and_then_and_a_pong_does_not(tried: Trial) -> None:
    reader, writer = await tried.connect()
    writer.write(tried.head("GET", BASE + "echo", *UPGRADE, f"Origin: {tried.origin}"))
    await read_answer(reader)
    writer.write(b"\x8a\x80\0\0\0\0" + b"\x89\x80\0\0\0\0")
    await reader.readexactly(2)
    assert tried.gate.touched == []
    for _ in range(3):
        writer.write(b"\x81\x81\0\0\0\0x")
        await reader.readexactly(3)
    assert tried.gate.touched == [NUMBER]
    writer.close()


async def test_when_the_workspace_stops_the_page_is_told_it_goes_away(
    tried: Trial, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(url(tried), origin=tried.origin) as socket:
        await socket.send_str("x")
        await socket.receive()
        tried.proxy.end(NUMBER, 1001)
        assert (await socket.receive()).data == 1001
    await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_when_the_daemon_stops_the_page_is_told_to_come_back(
    tried: Trial, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(url(tried), origin=tried.origin) as socket:
        tried.proxy.drain()
        assert (await socket.receive()).data == 1012
    await until(lambda: tried.proxy.connections(NUMBER) == 0)


def frame(data: bytes) -> bytes:
    return b"\x82\x7f" + struct.pack("!Q", len(data)) + data


async def raw_upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")


async def opened(tried: Trial) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await tried.connect()
    writer.write(tried.head("GET", BASE + "echo", *UPGRADE, f"Origin: {tried.origin}"))
    assert (await read_answer(reader)).status == 101
    return reader, writer


@pytest.mark.parametrize(("said", "told"), [(frame(b"all"), b"\x88\x02\x03\xe9"), (frame(b"all")[:-1], b"")])
async def test_a_server_that_dies_is_announced_but_never_inside_a_frame(said: bytes, told: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw_upgrade(reader, writer)
        writer.write(said)
        await writer.drain()
        writer.transport.abort()

    async with trial(serve) as tried:
        reader, writer = await opened(tried)
        assert await reader.read() == said + told
        writer.close()
        await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_each_side_is_held_back_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbhostd.web.proxy_tunnel._CLOSE_GRACE", 0.1)
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await raw_upgrade(reader, writer)
        try:
            while True:
                writer.write(frame(bytes(1 << 16)))
                await writer.drain()
                sent += 1 << 16
        except ConnectionError:
            pass

    async with trial(serve) as tried:
        _, writer = await opened(tried)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        down = -1
        while not 0 < sent == down:
            down = sent
            assert down < 32 << 20
            await asyncio.sleep(0.2)
        # nobody reads at the server either
        writer.write(b"\x82\xff" + struct.pack("!Q", 1 << 40) + bytes(4))
        up = 0
        while up < 64 << 20:
            writer.write(bytes(1 << 16))
            up += 1 << 16
            try:
                async with asyncio.timeout(1.5):
                    await writer.drain()
            except TimeoutError:
                break
        assert up < 32 << 20
        writer.transport.abort()
        await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_a_page_that_reads_nothing_does_not_outlive_its_workspace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nbhostd.web.proxy_tunnel._CLOSE_GRACE", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw_upgrade(reader, writer)
        try:
            while True:
                writer.write(frame(bytes(1 << 16)))
                await writer.drain()
        except ConnectionError:
            pass

    async with trial(serve) as tried:
        _, writer = await opened(tried)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        tried.proxy.end(NUMBER, 1001)
        await until(lambda: tried.proxy.connections(NUMBER) == 0)
        writer.transport.abort()


async def test_no_more_websockets_at_once_than_allowed(client: aiohttp.ClientSession) -> None:
    async with trial(application(), ProxySettings(max_tunnels=2)) as tried:
        async with (
            client.ws_connect(url(tried), origin=tried.origin),
            client.ws_connect(url(tried), origin=tried.origin),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url(tried), origin=tried.origin)
            assert refused.value.status == 429
        await until(lambda: tried.proxy.connections(NUMBER) == 0)
        async with client.ws_connect(url(tried), origin=tried.origin):
            pass


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_thousand_abandoned_websockets_leave_nothing() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw_upgrade(reader, writer)
        await reader.read()
        writer.close()

    async with trial(serve, ProxySettings(max_tunnels=64)) as tried:
        before = open_files()
        for round_ in range(20):
            sockets = [await opened(tried) for _ in range(50)]
            assert tried.proxy.connections(NUMBER) == 50
            if round_ % 2:
                for _, writer in sockets:
                    writer.transport.abort()
            else:
                tried.proxy.end(NUMBER, 1001)
                for _, writer in sockets:
                    writer.close()
            await until(lambda: tried.proxy.connections(NUMBER) == 0)
        await until(lambda: open_files() <= before + 2)


async def test_refused_websockets_leave_nothing(tried: Trial) -> None:
    tried.gate.is_in(Phase.ASLEEP)
    before = open_files()
    for _ in range(200):
        answer = await tried.ask("GET", f"/w/{SECRET}/echo", *UPGRADE, f"Origin: {tried.origin}")
        assert answer.status == 410
    await until(lambda: open_files() <= before + 2)


# frames


def masked(opcode: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65536:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    return bytes((0x80 | opcode,)) + length + b"\x01\x02\x03\x04" + data


FRAMES = st.lists(
    st.tuples(st.sampled_from((0, 1, 2, 8, 9, 10)), st.sampled_from((0, 1, 125, 126, 300, 65536))), max_size=6
)


@given(FRAMES, st.lists(st.integers(0), max_size=12))
def test_frames_are_followed_wherever_they_are_cut(said: list[tuple[int, int]], cuts: list[int]) -> None:
    stream = b"".join(masked(opcode, bytes((0x81,)) * size) for opcode, size in said)
    edges = sorted(cut % (len(stream) + 1) for cut in cuts)
    frames = Frames()
    data = [frames.feed(stream[a:b]) for a, b in zip([0, *edges], [*edges, len(stream)], strict=True)]
    assert frames.between
    assert any(data) == any(opcode < 8 for opcode, _ in said)
    assert frames.closing == any(opcode == 8 for opcode, _ in said)


def test_a_flood_of_empty_frames_is_not_followed_for_long() -> None:
    frames = Frames()
    assert frames.feed(b"\x8a\x80\0\0\0\0" * 100_000)
    assert frames.lost
    assert not frames.between
    assert frames.feed(b"\x88")
    assert not frames.closing
