"""Jupyter, asked: the contract on the fake and on a staged server, and what a hostile server gets told."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from nbhostd.adapters import jupyter
from nbhostd.adapters.jupyter import SocketJupyter, read_kernels
from nbhostd.core.errors import WorldError
from nbhostd.core.model import JupyterStatus
from tests.adapters.contract_jupyter import Classroom, JupyterContract, a_run
from tests.fakes.jupyter import FakeJupyter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RUN = a_run(4)


@asynccontextmanager
async def serving(folder: Path, handler: Handler) -> AsyncIterator[SocketJupyter]:
    """A server of workspace 4 that answers everything with `handler`."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "4")).start()
    try:
        yield SocketJupyter(lambda number: str(folder / str(number)))
    finally:
        await runner.cleanup()


async def no_kernels(request: web.Request) -> web.StreamResponse:
    assert request.path == f"{RUN.base_url}api/kernels"
    assert request.query["no_track_activity"] == "1"
    return web.json_response([], status=200 if request.headers["Authorization"] == "token t0ken" else 403)


class TestFakeJupyter(JupyterContract):
    @pytest.fixture
    def classroom(self) -> Classroom:
        return Classroom(FakeJupyter({4: JupyterStatus(0, 0, 0, None)}, {4: "t0ken"}), RUN)


class TestStagedJupyter(JupyterContract):
    @pytest.fixture
    async def classroom(self, tmp_path: Path) -> AsyncIterator[Classroom]:
        async with serving(tmp_path, no_kernels) as adapter:
            yield Classroom(adapter, RUN)


def test_kernels_are_counted_and_the_last_activity_is_the_latest() -> None:
    kernels = [
        {"execution_state": "idle", "connections": 1, "last_activity": "2026-11-23T15:00:00.123456Z"},
        {"execution_state": "busy", "connections": 2, "last_activity": "2026-11-23T16:30:00+01:00"},
        {"execution_state": "starting", "connections": 0, "last_activity": "2026-11-23T14:00:00"},
    ]
    status = read_kernels(json.dumps(kernels).encode())
    assert status == JupyterStatus(3, 2, 3, datetime(2026, 11, 23, 15, 30, tzinfo=UTC))


@pytest.mark.parametrize("moment", [None, 5, "yesterday", "", "99999-01-01"])
def test_a_kernel_that_cannot_say_when_leaves_it_open(moment: object) -> None:
    kernels = [{"last_activity": moment}, {"last_activity": "2026-11-23T15:00:00Z"}]
    assert read_kernels(json.dumps(kernels).encode()).last_activity is None


@pytest.mark.parametrize("count", [True, -5, "7", None, 1.5, [1]])
def test_a_count_that_is_none_counts_as_nothing(count: object) -> None:
    assert read_kernels(json.dumps([{"connections": count, "execution_state": []}]).encode()).connections == 0


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"[" * 65536)


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def dripping(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.05)


async def elsewhere(request: web.Request) -> web.StreamResponse:
    if "stolen" in request.path:
        return web.json_response([])
    raise web.HTTPFound("/stolen")


async def bomb(request: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(b" " * (8 << 20) + b"[]"), headers={"Content-Encoding": "gzip"})


async def nested(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[" * 200_000)


async def other(request: web.Request) -> web.StreamResponse:
    return web.json_response({"kernels": 1})


async def refusing(request: web.Request) -> web.StreamResponse:
    return web.json_response([], status=403)


@pytest.mark.parametrize("handler", [silent, dripping, elsewhere, bomb, nested, other, refusing])
async def test_a_hostile_server_is_one_that_does_not_answer(
    tmp_path: Path, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jupyter, "_TIMEOUT", aiohttp.ClientTimeout(total=0.5))
    async with serving(tmp_path, handler) as adapter:
        with pytest.raises(WorldError, match="does not answer"):
            await adapter.status(4, RUN)


async def test_an_answer_without_end_is_read_no_further_than_a_megabyte(tmp_path: Path) -> None:
    async with serving(tmp_path, endless) as adapter:
        with pytest.raises(WorldError, match="the answer has no end"):
            await adapter.status(4, RUN)


async def test_a_socket_path_beyond_the_kernels_limit_is_a_world_error() -> None:
    with pytest.raises(WorldError, match="does not answer"):
        await SocketJupyter(lambda number: "/" + "x" * 200).status(4, RUN)
