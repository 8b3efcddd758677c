"""Images in memory: the second implementation of core.ports.Images."""

from dataclasses import dataclass, field

from nbhostd.core.errors import NbhostdError, WorldError


@dataclass
class FakeImages:
    images: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Name -> (id, size)."""
    running: dict[str, str] = field(default_factory=dict)
    """Container name -> state."""
    nameless: list[int] = field(default_factory=list)
    """Sizes of images that have lost their name."""
    fail: NbhostdError | None = None
    """Raised by every call, while set."""

    async def digest(self, image: str) -> str | None:
        self._asked()
        found = self.images.get(image)
        return found[0] if found else None

    async def named(self) -> list[tuple[str, str, int]]:
        self._asked()
        return sorted((name, id, size) for name, (id, size) in self.images.items())

    async def unnamed(self) -> tuple[int, int]:
        self._asked()
        return len(self.nameless), sum(self.nameless)

    async def containers(self) -> list[tuple[str, str]]:
        self._asked()
        return sorted(self.running.items())

    async def tag(self, image: str, name: str) -> None:
        self._asked()
        if image not in self.images:
            raise WorldError("Podman cannot be asked.", detail=image)
        self.images[name] = self.images[image]

    async def untag(self, image: str) -> None:
        self._asked()
        self.images.pop(image, None)

    def _asked(self) -> None:
        if self.fail is not None:
            raise self.fail
