"""Reads git's index: which files of a checkout are tracked (git's Documentation/gitformat-index.txt, versions 2 to 4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEADER = struct.Struct(">4sII")
_ENTRY = struct.Struct(">24xI12x20xH")
_EXTENDED = 0x4000
_TYPES = 0o170000
SUBMODULE = 0o160000


def tracked(index: bytes) -> dict[bytes, int] | None:
    """The tracked paths with the type bits of their mode, or None when this is no index that we know."""
    if len(index) < _HEADER.size:
        return None
    magic, version, count = _HEADER.unpack_from(index)
    if magic != b"DIRC" or version not in (2, 3, 4):
        return None
    try:
        return dict(_entries(index, version, count))
    except (struct.error, IndexError, ValueError):
        return None


def _entries(index: bytes, version: int, count: int) -> Iterator[tuple[bytes, int]]:
    start, name = _HEADER.size, b""
    for _ in range(count):
        mode, flags = _ENTRY.unpack_from(index, start)
        place = start + _ENTRY.size + (2 if flags & _EXTENDED else 0)
        if version == 4:
            dropped, place = _offset(index, place)
            name = name[: len(name) - dropped]
        else:
            name = b""
        end = index.index(b"\0", place)
        name += index[place:end]
        # Versions 2 and 3 pad with one to eight NULs to a multiple of eight.
        start = end + 1 if version == 4 else start + (end - start) // 8 * 8 + 8
        yield name, mode & _TYPES


def _offset(index: bytes, place: int) -> tuple[int, int]:
    """The number that begins at `place`, as packs write offsets, and where it ends."""
    value = index[place] & 0x7F
    while index[place] & 0x80:
        place += 1
        value = ((value + 1) << 7) | (index[place] & 0x7F)
    return value, place + 1
