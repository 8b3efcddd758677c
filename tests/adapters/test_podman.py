"""Podman's API: the contract on the fake and on a staged API, and what answers that are none become."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from nbhostd.adapters.podman import PodmanImages
from nbhostd.core.errors import WorldError
from tests.adapters.contract_images import CONTAINER, NAME, Gallery, ImagesContract
from tests.fakes.images import FakeImages

DIGEST = "ab" * 32


class TestFakeImages(ImagesContract):
    @pytest.fixture
    def gallery(self) -> Gallery:
        return Gallery(FakeImages({f"{NAME}:latest": (f"sha256:{DIGEST}", 1000)}, {CONTAINER: "running"}))


async def image(request: web.Request) -> web.Response:
    if request.match_info["name"] != f"{NAME}:latest":
        return web.json_response(
            {"cause": "no such image", "message": "no such image", "response": 404}, status=404
        )
    return web.json_response({"Id": DIGEST, "RepoTags": [f"{NAME}:latest"], "Size": 1000})


async def images(request: web.Request) -> web.Response:
    unnamed = {"Id": "cd" * 32, "RepoTags": None, "Size": 5}
    return web.json_response([{"Id": DIGEST, "RepoTags": [f"{NAME}:latest"], "Size": 1000}, unnamed])


async def containers(request: web.Request) -> web.Response:
    return web.json_response([{"Id": "1", "Names": [CONTAINER], "State": "running"}])


async def nonsense(request: web.Request) -> web.Response:
    return web.Response(text="neither JSON nor sense")


async def broken(request: web.Request) -> web.Response:
    return web.json_response({"cause": "x", "message": "x", "response": 500}, status=500)


async def listen(path: Path, *routes: web.AbstractRouteDef) -> web.AppRunner:
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    return runner


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "podman.sock"
    runner = await listen(
        path,
        web.get("/{version}/libpod/images/json", images),
        web.get("/{version}/libpod/images/{name:.+}/json", image),
        web.get("/{version}/libpod/containers/json", containers),
    )
    yield path
    await runner.cleanup()


class TestStagedPodman(ImagesContract):
    @pytest.fixture
    def gallery(self, socket: Path) -> Gallery:
        return Gallery(PodmanImages(socket))


async def test_images_without_a_name_are_left_out(socket: Path) -> None:
    assert await PodmanImages(socket).named() == [(f"{NAME}:latest", f"sha256:{DIGEST}", 1000)]


async def all_fail(podman: PodmanImages) -> None:
    with pytest.raises(WorldError, match="cannot be asked"):
        await podman.digest("x")
    with pytest.raises(WorldError, match="cannot be asked"):
        await podman.named()
    with pytest.raises(WorldError, match="cannot be asked"):
        await podman.containers()


@pytest.mark.parametrize("answer", [nonsense, broken])
async def test_an_answer_that_is_none_is_a_world_error(tmp_path: Path, answer: Handler) -> None:
    path = tmp_path / "podman.sock"
    runner = await listen(path, web.get("/{anything:.*}", answer))
    try:
        await all_fail(PodmanImages(path))
    finally:
        await runner.cleanup()


async def test_no_podman_is_a_world_error(tmp_path: Path) -> None:
    await all_fail(PodmanImages(tmp_path / "gone"))


async def test_a_digest_is_remembered_until_the_index_of_images_is_written(
    socket: Path, tmp_path: Path
) -> None:
    index = tmp_path / "images.json"
    index.write_text("[]")
    podman = PodmanImages(socket, index)
    digest = await podman.digest(f"{NAME}:latest")
    assert digest is not None
    socket.unlink()  # nobody can be asked any more
    assert await podman.digest(f"{NAME}:latest") == digest
    os.utime(index, ns=(1, 1))
    with pytest.raises(WorldError):
        await podman.digest(f"{NAME}:latest")
