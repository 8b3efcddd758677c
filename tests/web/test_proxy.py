"""Requests and answers through the proxy, to the letter: real sockets on both sides."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from nbhostd.core.model import Phase
from nbhostd.web.proxy_guard import ProxySettings
from tests.web.proxy_trial import BASE, LABEL, NUMBER, SECRET, Trial, read_answer, trial, until

HTML = "Accept: text/html"


async def echo(request: web.Request) -> web.Response:
    """What the server saw."""
    body = await request.read()
    seen = {
        "method": request.method,
        "target": request.raw_path,
        "headers": [[key.decode("latin-1"), value.decode("latin-1")] for key, value in request.raw_headers],
        "length": len(body),
        "body": body[:100].decode("latin-1"),
    }
    return web.Response(text=json.dumps(seen), headers={"X-Upstream": "yes"})


def application(handler: object = echo) -> web.Application:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{tail:.*}", handler)  # type: ignore[arg-type]
    return app


@pytest.fixture
async def plain() -> AsyncIterator[Trial]:
    async with trial(application()) as tried:
        yield tried


async def test_the_target_goes_on_as_it_came(plain: Trial) -> None:
    target = BASE + "a/../b//%2e%2e/%2F;x=1/é?q=%20+&&b=c%00#".replace("é", "%C3%A9").removesuffix("#")
    answer = await plain.ask("GET", target, "Accept: */*")
    seen = json.loads(answer.body)
    assert seen["target"] == target
    assert seen["headers"] == [
        ["Host", f"127.0.0.1:{plain.port}"],
        ["Accept", "*/*"],
        ["Authorization", "token only-the-proxy-knows"],
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Host", f"127.0.0.1:{plain.port}"],
    ]


async def test_our_headers_are_on_every_answer(plain: Trial) -> None:
    answer = await plain.ask("GET", BASE)
    assert answer.status == 200
    assert answer.header("X-Upstream") == "yes"
    assert answer.header("Content-Security-Policy") == "frame-ancestors 'self'"
    assert answer.header("Referrer-Policy") == "same-origin"
    assert answer.header("X-Content-Type-Options") == "nosniff"


async def test_links_to_the_server_are_kept_and_then_closed() -> None:
    peers: list[int] = []

    async def who(request: web.Request) -> web.Response:
        peers.append(id(request.transport))
        return web.Response()

    async with trial(application(who), ProxySettings(idle_timeout=0.0)) as tried:
        for _ in range(3):
            await tried.ask("GET", BASE)
        assert len(set(peers)) == 1
        tried.proxy._sweep()
        tried.proxy._sweep()
        assert tried.proxy._upstreams == {}


async def test_a_new_life_of_the_workspace_gets_no_old_link(plain: Trial) -> None:
    await plain.ask("GET", BASE)
    old = plain.proxy._upstreams[NUMBER]
    route = plain.gate.found
    from_now_on = type(route.run)(NUMBER, "Z" * 22, "t2", "image", route.run.started_at)
    plain.gate.found = type(route)(route.workspace, from_now_on, route.socket_path, route.place)
    answer = await plain.ask("GET", f"/w/{'Z' * 22}/x")
    assert ["Authorization", "token t2"] in json.loads(answer.body)["headers"]
    assert old.quiet
    assert (await plain.ask("GET", BASE)).status == 404


# refusals


async def test_an_unknown_secret_is_404_a_page_for_persons_and_json_for_programs(plain: Trial) -> None:
    target = "/w/" + "x" * 22 + "/lab"
    page = await plain.ask("GET", target, HTML)
    assert (page.status, page.body[:5]) == (404, b"page:")
    program = await plain.ask("GET", target, "Accept: application/json")
    assert program.status == 404
    assert json.loads(program.body)["reason"] == "no-such-workspace"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"{LABEL}.ws.localhost", 200),
        (f"{LABEL.upper()}.WS.localhost:8000", 200),
        (f"x{LABEL}.ws.localhost", 421),
        (f"{LABEL}.ws.localhost.evil.org", 421),
        ("ws.localhost", 421),
        ("127.0.0.1:80", 421),
        (f"{LABEL}.ws.localhost:80:80", 421),
        (f"{LABEL}.ws.localhost:x", 400),
        ("", 400),
    ],
)
async def test_with_a_domain_a_workspace_has_one_host(host: str, status: int) -> None:
    async with trial(application(), ProxySettings(workspace_domain="ws.localhost")) as tried:
        answer = await tried.send(f"GET {BASE} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.status == status


async def test_a_required_cookie_is_required_of_everything_and_goes_no_further(plain: Trial) -> None:
    cookie = plain.gate.requires_cookie()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: a", f"Origin: {plain.origin}")
    for lines in ((), (f"Cookie: {cookie}x",), (f"Cookie: {cookie[:-1]}",), upgrade):
        answer = await plain.ask("GET", BASE, *lines)
        assert (answer.status, json.loads(answer.body)["reason"]) == (403, "no-cookie")
    answer = await plain.ask("GET", BASE, f"Cookie: a=b; {cookie}")
    assert answer.status == 200
    assert ["Cookie", "a=b"] in json.loads(answer.body)["headers"]


async def test_service_workers_only_on_an_origin_of_their_own(plain: Trial) -> None:
    assert (await plain.ask("GET", BASE, "Service-Worker: script")).status == 403
    async with trial(application(), ProxySettings(workspace_domain="ws.localhost")) as tried:
        tried.host = f"{LABEL}.ws.localhost"
        assert (await tried.ask("GET", BASE, "Service-Worker: script")).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_comes_from_the_workspaces_own_pages(plain: Trial, method: str) -> None:
    own = f"Origin: {plain.origin}"
    assert (await plain.ask(method, BASE, own, body=b"x")).status == 200
    for lines in (
        (),
        ("Origin: null",),
        ("Origin: http://evil.org",),
        (f"{own}.evil.org",),
        ("Sec-Fetch-Site: same-site",),
    ):
        assert (await plain.ask(method, BASE, *lines, body=b"x")).status == 403
    assert (await plain.ask(method, BASE, "Sec-Fetch-Site: same-origin")).status == 200


async def test_behind_tls_the_origin_is_https() -> None:
    async with trial(application(), ProxySettings(public_scheme="https")) as tried:
        tried.host = "nb.example.org"
        assert (await tried.ask("POST", BASE, "Origin: https://nb.example.org")).status == 200
        assert (await tried.ask("POST", BASE, "Origin: http://nb.example.org")).status == 403


async def test_other_methods_and_other_paths_go_nowhere(plain: Trial) -> None:
    assert (await plain.ask("TRACE", BASE)).status == 405
    assert (await plain.ask("PROPFIND", BASE)).status == 405
    assert (await plain.ask("GET", BASE + ".nbhostd/enter")).status == 404
    assert (await plain.ask("GET", f"/%77/{SECRET}/")).status in (400, 404)


# sleeping workspaces


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.STOPPING, Phase.FAILED])
async def test_a_visit_wakes_and_a_poll_does_not(plain: Trial, phase: Phase) -> None:
    plain.gate.is_in(phase)
    visit = await plain.ask("GET", BASE + "lab", HTML)
    assert visit.body == f"waiting: {phase}".encode()
    assert plain.visits == [BASE + "lab"]
    for method, lines in (("GET", ()), ("PUT", (f"Origin: {plain.origin}",))):
        poll = await plain.ask(method, BASE + "api/kernels", *lines)
        assert poll.status == 410
        assert json.loads(poll.body)["reopen"] == BASE
        assert poll.header("Retry-After") is None
    assert plain.visits == [BASE + "lab"]
    assert plain.gate.touched == []


async def test_while_it_starts_programs_are_told_to_come_back(plain: Trial) -> None:
    plain.gate.is_in(Phase.STARTING)
    assert (await plain.ask("GET", BASE, HTML)).body == b"waiting: starting"
    poll = await plain.ask("GET", BASE + "api")
    assert (poll.status, poll.header("Retry-After")) == (503, "1")


async def test_navigations_and_writes_touch_and_polls_do_not(plain: Trial) -> None:
    await plain.ask("GET", BASE + "api/kernels", "Accept: */*")
    await plain.ask("POST", BASE + "git/a/status", f"Origin: {plain.origin}")
    assert plain.gate.touched == []
    await plain.ask("GET", BASE + "lab", HTML)
    await plain.ask("PUT", BASE + "api/contents/a", f"Origin: {plain.origin}")
    assert plain.gate.touched == [NUMBER, NUMBER]


# bodies


async def test_a_compressed_body_passes_untouched_in_both_directions() -> None:
    packed = gzip.compress(b"x" * 10000)
    got: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with trial(application(handler)) as tried:
        answer = await tried.ask(
            "POST",
            BASE,
            f"Origin: {tried.origin}",
            "Content-Encoding: gzip",
            "Accept-Encoding: gzip",
            body=packed,
        )
    assert got == [packed]
    assert answer.body == packed
    assert answer.header("Content-Encoding") == "gzip"


async def test_a_chunked_request_arrives_whole_and_its_trailers_are_dropped(plain: Trial) -> None:
    raw = plain.head("POST", BASE, f"Origin: {plain.origin}", "Transfer-Encoding: chunked", "Trailer: X-T")
    answer = await plain.send(raw + b"3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX-T: 1\r\n\r\n")
    seen = json.loads(answer.body)
    assert (seen["body"], seen["length"]) == ("abcde", 5)
    sent = [name.lower() for name, _ in seen["headers"]]
    assert "transfer-encoding" in sent
    assert not {"content-length", "trailer", "x-t"} & set(sent)


async def test_an_empty_post_says_so(plain: Trial) -> None:
    answer = await plain.ask("POST", BASE, f"Origin: {plain.origin}", "Content-Length: 0")
    assert ["Content-Length", "0"] in json.loads(answer.body)["headers"]


async def test_a_client_that_expects_is_told_to_go_on_only_when_admitted(plain: Trial) -> None:
    reader, writer = await plain.connect()
    own = f"Origin: {plain.origin}"
    writer.write(plain.head("POST", BASE, own, "Expect: 100-continue", "Content-Length: 3"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    seen = json.loads((await read_answer(reader)).body)
    assert seen["body"] == "abc"
    assert "Expect" not in [name for name, _ in seen["headers"]]
    writer.close()
    refused = await plain.send(plain.head("POST", BASE, "Expect: 100-continue", "Content-Length: 3"))
    assert refused.status == 403
    assert refused.header("Connection") == "close"


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", 200, "5"), ("GET", 204, None), ("GET", 304, None), ("HEAD", 404, "5"), ("GET", 200, "5")],
)
async def test_answers_without_a_body_leave_the_connection_in_order(
    method: str, status: int, length: str | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=b"hello")

    async with trial(application(handler)) as tried:
        reader, writer = await tried.connect()
        for _ in range(3):
            writer.write(tried.head(method, BASE))
            answer = await read_answer(reader, method)
            assert (answer.status, answer.header("Content-Length")) == (status, length)
            assert answer.header("Transfer-Encoding") is None
        writer.close()


async def test_an_answer_streams_as_it_is_made() -> None:
    more = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await more.wait()
        await response.write(b"second")
        return response

    async with trial(application(handler)) as tried:
        reader, writer = await tried.connect()
        writer.write(tried.head("GET", BASE))
        assert b"chunked" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"first\r\n") == b"5\r\nfirst\r\n"
        more.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"
        writer.close()


async def test_an_old_client_gets_the_body_till_the_end_of_the_connection() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"streamed")
        return response

    async with trial(application(handler)) as tried:
        answer = await tried.send(f"GET {BASE} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
    assert (answer.header("Transfer-Encoding"), answer.body) == (None, b"streamed")


async def test_an_early_answer_ends_the_upload_and_the_link_it_came_by() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=413 if request.method == "PUT" else 200)

    async with trial(application(handler)) as tried:
        reader, writer = await tried.connect()
        writer.write(tried.head("PUT", BASE, f"Origin: {tried.origin}", f"Content-Length: {1 << 30}"))
        writer.write(bytes(1 << 20))
        assert (await read_answer(reader)).status == 413
        writer.close()
        assert tried.proxy.connections(NUMBER) == 0
        # the rest of the body is not taken for a request, nor a request for the rest of the body
        assert (await tried.ask("GET", BASE)).status == 200


async def test_a_browser_that_gives_up_ends_its_request_at_the_server() -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return web.Response()

    async with trial(application(handler)) as tried:
        _, writer = await tried.connect()
        writer.write(tried.head("GET", BASE))
        await begun.wait()
        assert tried.proxy.connections(NUMBER) == 1
        writer.close()
        async with asyncio.timeout(5):
            await ended.wait()
        await until(lambda: tried.proxy.connections(NUMBER) == 0)


HALVES = (
    ("Content-Length: 10", b"half", b""),
    ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n", b""),
    ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n", b"nonsense\r\n"),
)


async def test_half_an_upload_is_never_taken_for_a_whole_one() -> None:
    outcome: list[str] = []
    begun = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        begun.set()
        try:
            await request.read()
            outcome.append("whole")
        except (OSError, web.RequestPayloadError, asyncio.CancelledError) as error:
            outcome.append(type(error).__name__)
            raise
        return web.Response()

    async with trial(application(handler)) as tried:
        for framing, sent in (
            ("Content-Length: 10", b"half"),
            ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n"),
        ):
            begun.clear()
            _, writer = await tried.connect()
            writer.write(tried.head("PUT", BASE, f"Origin: {tried.origin}", framing) + sent)
            await begun.wait()
            writer.close()
        await until(lambda: len(outcome) == 2)
    assert "whole" not in outcome


async def test_no_more_requests_at_once_than_allowed() -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with trial(application(handler), ProxySettings(max_requests=2)) as tried:
        waiting = [asyncio.create_task(tried.ask("GET", BASE)) for _ in range(2)]
        await until(lambda: tried.proxy.connections(NUMBER) == 2)
        refused = await tried.ask("GET", BASE)
        assert (refused.status, refused.header("Retry-After")) == (503, "1")
        release.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
        assert (await tried.ask("GET", BASE)).status == 200
