"""What images and containers there are, through Podman's API socket: podman-py's only room.

The library is synchronous, so it runs in threads; its import costs 9 MB of the daemon's memory. Containers are
never started through it: the API cannot hand a socket over, and they would live outside their unit's limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from podman import PodmanClient
from podman.errors import ImageNotFound, NotFound, PodmanError

from nbhostd.core.errors import WorldError

# The API service starts on demand, and a machine full of students is slow at it.
_TIMEOUT = 30

T = TypeVar("T")


@contextmanager
def podman_errors() -> Iterator[None]:
    """Whatever goes wrong while asking Podman leaves as a WorldError."""
    try:
        yield
    except (PodmanError, OSError, ValueError) as error:
        # requests' errors, and with them the API's, are OSErrors; a ValueError is an answer that is no JSON.
        raise WorldError("Podman cannot be asked.", detail=repr(error)[:500]) from error


class PodmanImages:
    """Podman behind its socket; satisfies core.ports.Images."""

    def __init__(self, path: Path, index: Path | None = None) -> None:
        self._socket = str(path)
        self._index = index
        self._known: dict[str, str] = {}
        self._known_at: int | None = None

    async def digest(self, image: str) -> str | None:
        """The image's id 'sha256:…' for a name, or None when it does not exist.

        Remembered for as long as `index`, Podman's own list of images, is not written: its service takes half a
        second to come up, and a start has no half second to spare.
        """
        stamp = _stamp(self._index)
        if stamp is None or stamp != self._known_at:
            self._known.clear()
        if image not in self._known:
            digest = await self._ask(lambda client: _digest(client, image))
            if digest is None:
                return None
            self._known[image], self._known_at = digest, stamp
        return self._known[image]

    async def named(self) -> list[tuple[str, str, int]]:
        """(name, id, size in bytes) of every named image."""
        return await self._ask(_named)

    async def unnamed(self) -> tuple[int, int]:
        """(how many, bytes) of the images that have lost their name; what they share with others is counted, too."""
        return await self._ask(_unnamed)

    async def containers(self) -> list[tuple[str, str]]:
        """(name, state) of every container that podman knows."""
        return await self._ask(_containers)

    async def ping(self) -> bool:
        """Whether Podman's service answers. Raises WorldError when it cannot be asked."""
        return await self._ask(lambda client: bool(client.ping()))

    async def tag(self, image: str, name: str) -> None:
        """Give an image one more name; one that had it before loses it. Raises WorldError when there is no such image."""
        await self._ask(lambda client: client.images.get(image).tag(name, "latest"))
        self._known.clear()

    async def untag(self, image: str) -> None:
        """Take a name from its image, and the image away when it has no other; not being there is success."""
        await self._ask(lambda client: _untag(client, image))
        self._known.clear()

    async def _ask(self, question: Callable[[PodmanClient], T]) -> T:
        return await asyncio.to_thread(self._ask_now, question)

    def _ask_now(self, question: Callable[[PodmanClient], T]) -> T:
        with podman_errors():
            # The library leaves a descriptor open, for a while, when there is nothing to connect to.
            Path(self._socket).stat()
            with PodmanClient(base_url=f"http+unix://{self._socket}", timeout=_TIMEOUT) as client:
                # No proxy of the environment stands between us and a Unix socket.
                client.api.trust_env = False
                return question(client)


def _stamp(path: Path | None) -> int | None:
    try:
        return path.stat().st_mtime_ns if path else None
    except OSError:
        return None


def _digest(client: PodmanClient, image: str) -> str | None:
    try:
        return _prefixed(client.images.get(image).attrs["Id"])
    except (ImageNotFound, NotFound):
        return None


def _untag(client: PodmanClient, image: str) -> None:
    try:
        client.images.remove(image)
    except (ImageNotFound, NotFound):
        return


def _named(client: PodmanClient) -> list[tuple[str, str, int]]:
    images = [image.attrs for image in client.images.list()]
    return sorted(
        (str(name), _prefixed(image["Id"]), int(image["Size"]))
        for image in images
        for name in image["RepoTags"] or ()
    )


def _unnamed(client: PodmanClient) -> tuple[int, int]:
    images = [image.attrs for image in client.images.list()]
    sizes = [int(image["Size"]) for image in images if not image["RepoTags"]]
    return len(sizes), sum(sizes)


def _containers(client: PodmanClient) -> list[tuple[str, str]]:
    found = [container.attrs for container in client.containers.list(all=True)]
    return sorted((str(container["Names"][0]), str(container["State"])) for container in found)


def _prefixed(digest: str) -> str:
    return digest if digest.startswith("sha256:") else f"sha256:{digest}"
