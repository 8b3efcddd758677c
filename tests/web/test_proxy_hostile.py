"""Hostile servers and hostile clients: each hurts itself at most. Byte by byte, over real sockets."""

from __future__ import annotations

import asyncio
import json

import pytest

from nbhostd.web.proxy import SERVER_OPTIONS
from nbhostd.web.proxy_guard import ProxySettings
from nbhostd.web.proxy_upstream import Link, Upstream
from tests.web.proxy_trial import BASE, NUMBER, RawServer, read_answer, trial, until


def answering(*parts: bytes, close: bool = True) -> RawServer:
    """A server that says this to whoever has asked, in these pieces."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        if not close:
            await reader.read()
        writer.close()

    return serve


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"garbage",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 700_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
        b"HTTP/1.1 200 OK\r\nX: y",
        b"HTTP/1.1 200 OK\r\nX: y\0z\r\n\r\n",
    ],
    ids=range(11),
)
async def test_an_answer_that_is_none_is_502(said: bytes) -> None:
    async with trial(answering(said)) as tried:
        program = await tried.ask("GET", BASE)
        assert program.status == 502
        assert "message" in json.loads(program.body)
        page = await tried.ask("GET", BASE, "Accept: text/html")
        assert (page.status, page.body[:5]) == (502, b"page:")
        await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_a_server_that_fails_again_and_again_is_mentioned_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with trial(answering(b"")) as tried:
        for _ in range(5):
            await tried.ask("GET", BASE)
    assert [record.name for record in caplog.records if record.levelname == "WARNING"] == [
        "nbhostd.web.proxy"
    ]


async def test_nobody_there_is_502() -> None:
    async with trial(answering()) as tried:
        route = tried.gate.found
        tried.gate.found = type(route)(route.workspace, route.run, route.socket_path + "x", route.place)
        assert (await tried.ask("GET", BASE)).status == 502


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with trial(answering(close=False), ProxySettings(answer_timeout=0.1)) as tried:
        assert (await tried.ask("GET", BASE)).status == 502
        post = await tried.ask("POST", BASE, f"Origin: {tried.origin}", body=b"x" * 10)
        assert post.status == 502


async def test_interim_answers_are_not_passed_on() -> None:
    said = (
        b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Go",
        b" on\r\n\r\nHTTP/1.1 200 OK\r\nContent-",
        b"Length: 2\r\n\r\nok",
    )
    async with trial(answering(*said)) as tried:
        answer = await tried.ask("GET", BASE)
    assert (answer.status, answer.body, answer.header("Link")) == (200, b"ok", None)


async def test_an_upgrade_that_nobody_asked_for_is_no_answer() -> None:
    async with trial(
        answering(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", close=False)
    ) as tried:
        assert (await tried.ask("GET", BASE)).status == 502


@pytest.mark.parametrize(
    "said",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"half"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"a\r\nhalf"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"nonsense\r\n"),
    ],
)
async def test_a_body_cut_short_is_cut_short_for_the_browser_too(said: tuple[bytes, ...]) -> None:
    async with trial(answering(*said)) as tried:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
            await tried.ask("GET", BASE)
        await until(lambda: tried.proxy.connections(NUMBER) == 0)


async def test_a_body_without_length_ends_with_the_connection() -> None:
    async with trial(answering(b"HTTP/1.0 200 OK\r\n\r\n", b"to the", b" end")) as tried:
        assert (await tried.ask("GET", BASE)).body == b"to the end"


async def test_what_a_server_adds_behind_its_answer_reaches_nobody() -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            # a second answer, to a request that nobody has made yet: at once, a moment later, or in two writes
            await asyncio.sleep((0, 0.05, 0.0005)[asked % 3])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    async with trial(serve) as tried:
        for _ in range(6):
            assert (await tried.ask("GET", BASE)).body == b"ok"
            await asyncio.sleep(0.1)


async def test_a_link_on_which_something_is_unread_is_not_kept() -> None:
    upstream = Upstream("/nowhere", "secret", asyncio.get_running_loop())
    for said, kept in ((b"", True), (b"evil", False)):
        link = Link(asyncio.get_running_loop())
        if said:
            link.data_received(said)
        upstream.give_back(link)
        assert (not link.closed) is kept
    upstream.retire()
    assert upstream.quiet


async def test_a_header_split_in_the_answer_is_refused_not_passed_on() -> None:
    async with trial(answering(b"HTTP/1.1 302 Found\r\nLocation: /a\rSet-Cookie: nbh-x=1\r\n\r\n")) as tried:
        assert (await tried.ask("GET", BASE)).status == 502


async def test_cookies_of_a_hostile_server_stay_below_its_own_path() -> None:
    said = b"".join(
        b"Set-Cookie: %b\r\n" % cookie
        for cookie in (b"nbh-abcdefgh=1; Path=/", b"=nbh-abcdefgh=1", b"a=1; Domain=localhost; Path=/")
    )
    async with trial(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + said + b"\r\n")) as tried:
        answer = await tried.ask("GET", BASE)
        assert answer.all("Set-Cookie") == [f"a=1; Path={BASE}; Secure; SameSite=None; Partitioned"]


# clients

HOST = "Host: a\r\n"
SMUGGLED = "GET /w/x/ HTTP/1.1\r\nHost: a\r\n\r\n"


def raw(*lines: str, method: str = "POST", rest: str = "") -> bytes:
    return "\r\n".join((f"{method} {BASE} HTTP/1.1", *lines, "", rest)).encode("latin-1")


OWN = "Origin: http://a"
CORPUS = {
    "CL.TE": raw(
        "Host: a", OWN, "Content-Length: 4", "Transfer-Encoding: chunked", rest="0\r\n\r\n" + SMUGGLED
    ),
    "TE.CL": raw(
        "Host: a", OWN, "Transfer-Encoding: chunked", "Content-Length: 4", rest="0\r\n\r\n" + SMUGGLED
    ),
    "TE.TE": raw(
        "Host: a", OWN, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", rest="0\r\n\r\n"
    ),
    "TE odd": raw("Host: a", OWN, "Transfer-Encoding: xchunked", rest="0\r\n\r\n"),
    "TE space": raw("Host: a", OWN, "Transfer-Encoding : chunked", rest="0\r\n\r\n"),
    "CL twice": raw("Host: a", OWN, "Content-Length: 3", "Content-Length: 4", rest="abcd"),
    "CL list": raw("Host: a", OWN, "Content-Length: 3, 3", rest="abc"),
    "CL plus": raw("Host: a", OWN, "Content-Length: +3", rest="abc"),
    "CL minus": raw("Host: a", OWN, "Content-Length: -3", rest="abc"),
    "bad chunk": raw("Host: a", OWN, "Transfer-Encoding: chunked", rest="zz\r\nabc\r\n0\r\n\r\n"),
    "chunk LF": raw("Host: a", OWN, "Transfer-Encoding: chunked", rest="3\nabc\n0\n\n"),
    "two hosts": raw("Host: a", "Host: b", method="GET"),
    "no host": raw(method="GET"),
    "LF only": f"GET {BASE} HTTP/1.1\nHost: a\n\n".encode(),
    "folded": raw("Host: a", "X: a\r\n b", method="GET"),
    "absolute": f"GET http://b{BASE} HTTP/1.1\r\n{HOST}\r\n".encode(),
    "authority": b"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n",
    "huge header": raw("Host: a", "X: " + "y" * 20_000, method="GET"),
    "huge line": f"GET {BASE}{'y' * 20_000} HTTP/1.1\r\n{HOST}\r\n".encode(),
    "many headers": raw("Host: a", *(f"X{n}: y" for n in range(200)), method="GET"),
    "NUL": raw("Host: a", "X: a\0b", method="GET"),
    "space in name": raw("Host: a", "X Y: a", method="GET"),
    "HTTP/3.0": f"GET {BASE} HTTP/3.0\r\n{HOST}\r\n".encode(),
}


@pytest.mark.parametrize("name", CORPUS)
async def test_what_could_be_two_requests_is_none(name: str) -> None:
    reached: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with trial(serve) as tried:
        reader, writer = await tried.connect()
        writer.write(CORPUS[name])
        async with asyncio.timeout(10):
            answer = await read_answer(reader)
            writer.write_eof()
            after = await reader.read()
        assert 400 <= answer.status < 500
        assert after == b""
        # At most a head of ours got there before the body showed what it is.
        assert not any(b"GET /w/x/" in seen or name not in ("bad chunk", "chunk LF") for seen in reached)
        writer.close()


async def test_a_pipeline_is_answered_in_order() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            target = head.split(b" ", 2)[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target))

    async with trial(serve) as tried:
        reader, writer = await tried.connect()
        writer.write(b"".join(tried.head("GET", f"{BASE}{n}") for n in range(5)))
        assert [(await read_answer(reader)).body for _ in range(5)] == [
            f"{BASE}{n}".encode() for n in range(5)
        ]
        writer.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHo"])
async def test_a_connection_that_never_asks_is_closed(said: bytes) -> None:
    assert SERVER_OPTIONS["keepalive_timeout"] == 75
    async with trial(answering(), keepalive_timeout=0.2) as tried:
        reader, writer = await tried.connect()
        writer.write(said)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_a_reader_that_takes_nothing_holds_the_server_back() -> None:
    written = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
                written += 1 << 16
        except ConnectionError:
            pass

    async with trial(serve) as tried:
        _, writer = await tried.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(tried.head("GET", BASE))
        await until(lambda: written > 0)
        await asyncio.sleep(0.3)
        writer.transport.abort()
        await until(lambda: tried.proxy.connections(NUMBER) == 0)
    assert 0 < written < 32 << 20
