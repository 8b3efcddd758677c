"""Reads a Containerfile as far as needed: which images it names, and whether a course may ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

FILES = ("Containerfile", "Dockerfile")
"""What a recipe may be called, the one that counts first."""

LARGEST = 64 << 10
"""Bytes of a recipe."""

BASE_OF: dict[str, tuple[str, ...]] = {"minimal": (), "scipy": ("minimal",)}
"""Our own images, and what each starts from."""

_OURS = re.compile(r"(?:localhost/)?nbhosting/(minimal|scipy)-notebook(?::latest)?", re.I)
_CONTINUED = re.compile(r"\\[ \t\r]*\n")
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(\S+)", re.I)
_OPTION = re.compile(r"--(?:from=|mount=\S*?\bfrom=)([^\s,]*)", re.I)
_REGISTRY = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+")
_HEXADECIMAL = re.compile(r"[0-9a-f]+", re.I)
_SHORT = re.compile(r"[A-Za-z0-9][\w./-]*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?", re.A)
# Ways to name what lies on this computer (containers-transports(5)).
_TRANSPORTS = frozenset(
    ("atomic", "containers-storage", "dir", "docker", "docker-archive", "docker-daemon", "oci", "oci-archive", "ostree",
     "sha256", "sif", "tarball")
)  # fmt: skip


def bases(text: str) -> tuple[str, ...]:
    """Which of our own images the recipe starts from, with theirs, in the order to build them."""
    kinds = [found[1].lower() for name in _named(text) if (found := _OURS.fullmatch(name))]
    return tuple(dict.fromkeys(base for kind in kinds for base in (*BASE_OF[kind], kind)))


def foreign(text: str) -> str | None:
    """The first image of this computer that the recipe names and a course may not have, as it is written; or None.

    A course may start from our two images and from what a registry serves to everybody. Whatever could mean an image
    that is only here (another course's, one by its number, a variable) is refused: its content is not the course's own.
    """
    return next((name for name in _named(text) if not _is_free(name)), None)


def _is_free(name: str) -> bool:
    if name == "scratch" or _OURS.fullmatch(name):
        return True
    domain, slash, rest = name.partition("/")
    if slash and _REGISTRY.fullmatch(domain):
        return bool(rest) and domain.partition(":")[0].lower() != "localhost"
    # An earlier stage of the recipe, or a short name, which the host's registries.conf.d may know.
    return (
        _SHORT.fullmatch(name) is not None
        and not _HEXADECIMAL.fullmatch(name)
        and domain.lower() not in ("localhost", "nbhosting")
        and name.partition(":")[0].lower() not in _TRANSPORTS
    )


def _named(text: str) -> Iterator[str]:
    """Every image or stage that is named, in order.

    Each line counts by itself too, whatever stands before it: nothing shall be hidden in what only looks like a
    continued line or a text to us.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    code = "\n".join(line for line in lines if not line.lstrip().startswith("#")) + "\n"
    for line in dict.fromkeys((*_CONTINUED.sub("", code).split("\n"), *code.split("\n"))):
        start = _FROM.match(line)
        if start is not None and start[1] != "\\":
            yield start[1]
        yield from (found[1] for found in _OPTION.finditer(line) if found[1] != "\\")
