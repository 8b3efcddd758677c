"""What every implementation of core.ports.Images keeps: on the fake, on a staged API, and in the machine on Podman."""

import re
from dataclasses import dataclass

from nbhostd.adapters.podman import PodmanImages
from tests.fakes.images import FakeImages

NAME = "localhost/nbhosting/trial"
CONTAINER = "nbh-trial"


@dataclass
class Gallery:
    """The port under test, where there is one image called NAME:latest and one running container called CONTAINER."""

    images: PodmanImages | FakeImages


class ImagesContract:
    """Needs a fixture `gallery`."""

    async def test_an_image_is_known_by_its_digest(self, gallery: Gallery) -> None:
        digest = await gallery.images.digest(f"{NAME}:latest")
        assert digest is not None
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)

    async def test_an_image_that_is_not_there_has_none(self, gallery: Gallery) -> None:
        assert await gallery.images.digest("localhost/nbhosting/none:latest") is None

    async def test_named_images_are_listed_with_their_digests(self, gallery: Gallery) -> None:
        listed = {name: (digest, size) for name, digest, size in await gallery.images.named()}
        digest, size = listed[f"{NAME}:latest"]
        assert digest == await gallery.images.digest(f"{NAME}:latest")
        assert size > 0

    async def test_images_without_a_name_are_counted(self, gallery: Gallery) -> None:
        count, size = await gallery.images.unnamed()
        assert (count > 0) == (size > 0)

    async def test_containers_are_listed_with_their_state(self, gallery: Gallery) -> None:
        assert (CONTAINER, "running") in await gallery.images.containers()
