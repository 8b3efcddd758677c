"""Reads a git bundle: which references it brings, and the objects of its pack.

libgit2 does not read bundles. The formats are gitformat-bundle(5) and gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import mmap
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbhostd.core.errors import Refused

_SIGNATURE = re.compile(rb"# v([23]) git bundle\n")
_LONGEST_HEADER = 1 << 20
_LARGEST_OBJECT = 1 << 30
_CHUNK = 1 << 16
_OFS_DELTA, _REF_DELTA = 6, 7
_PLAIN = (1, 2, 3, 4)  # commit, tree, blob, tag

Object = tuple[int, bytes]
"""(type as in the pack, content)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a bundle says of itself; ids are hex."""

    references: dict[str, str]
    prerequisites: tuple[str, ...]
    pack_offset: int


class NotABundle(Refused):
    """The file is no bundle that can be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This file is not a git bundle that can be read: {why}.", reason="bad-git-url")


def read_header(path: Path) -> Header:
    """The references of the bundle `path`. Raises NotABundle, and OSError when the file cannot be read."""
    with path.open("rb") as file:
        if not _SIGNATURE.fullmatch(file.readline(64)):
            raise NotABundle("it does not begin as one")
        references: dict[str, str] = {}
        prerequisites = []
        while (line := file.readline(_LONGEST_HEADER)) != b"\n":
            if not line.endswith(b"\n") or file.tell() > _LONGEST_HEADER:
                raise NotABundle("its header does not end")
            text = line.decode(errors="replace").rstrip("\n")
            if text.startswith("@"):
                _check_capability(text)
            elif text.startswith("-"):
                prerequisites.append(_checked_id(text[1:41]))
            else:
                references[text[41:]] = _checked_id(text[:40])
        return Header(references, tuple(prerequisites), file.tell())


def _check_capability(text: str) -> None:
    if text != "@object-format=sha1":
        raise NotABundle(f"it needs “{text[1:40]}”")


def _checked_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise NotABundle("its header is damaged")
    return text


def unpack(
    path: Path, header: Header, *, read: Callable[[str], Object], write: Callable[[int, bytes], str]
) -> Iterator[tuple[int, int]]:
    """Give every object of the bundle's pack to `write`, which returns its id; yields (done, all) after each.

    `read` finds an object by id: one that was written, or one that the bundle presupposes. Raises NotABundle.
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped)[header.pack_offset :] as pack,
        _damage_named(),
    ):
        _check_trailer(pack)
        yield from _Unpacker(pack, read, write).objects()


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (zlib.error, IndexError, KeyError) as error:
        raise NotABundle("its content is damaged") from error


def _check_trailer(pack: memoryview) -> None:
    if len(pack) < 32 or bytes(pack[:4]) != b"PACK" or int.from_bytes(pack[4:8], "big") not in (2, 3):
        raise NotABundle("it has no pack of a known version")
    if hashlib.sha1(pack[:-20], usedforsecurity=False).digest() != bytes(pack[-20:]):
        raise NotABundle("its content is damaged or cut short")


class _Unpacker:
    def __init__(
        self, pack: memoryview, read: Callable[[str], Object], write: Callable[[int, bytes], str]
    ) -> None:
        self._pack = pack
        self._read = read
        self._write = write
        self._ids: dict[int, str] = {}  # by offset

    def objects(self) -> Iterator[tuple[int, int]]:
        count = int.from_bytes(self._pack[8:12], "big")
        offset = 12
        for done in range(1, count + 1):
            start = offset
            (kind, content), offset = self._object(start)
            self._ids[start] = self._write(kind, content)
            yield done, count

    def _object(self, start: int) -> tuple[Object, int]:
        kind, size, offset = self._type_and_size(start)
        if kind in _PLAIN:
            content, offset = self._inflate(offset, size)
            return (kind, content), offset
        if kind == _OFS_DELTA:
            distance, offset = self._distance(offset)
            base = self._read(self._ids[start - distance])
        elif kind == _REF_DELTA:
            base = self._read(bytes(self._pack[offset : offset + 20]).hex())
            offset += 20
        else:
            raise NotABundle("its content is damaged")
        delta, offset = self._inflate(offset, size)
        return (base[0], apply_delta(base[1], delta)), offset

    def _type_and_size(self, offset: int) -> tuple[int, int, int]:
        byte = self._pack[offset]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            offset += 1
            byte = self._pack[offset]
            size |= (byte & 0x7F) << shift
            shift += 7
        return kind, size, offset + 1

    def _distance(self, offset: int) -> tuple[int, int]:
        byte = self._pack[offset]
        distance = byte & 0x7F
        while byte & 0x80:
            offset += 1
            byte = self._pack[offset]
            distance = ((distance + 1) << 7) | (byte & 0x7F)
        return distance, offset + 1

    def _inflate(self, offset: int, size: int) -> tuple[bytes, int]:
        if size > _LARGEST_OBJECT:
            raise NotABundle("one of its files is larger than 1 GB")
        inflating = zlib.decompressobj()
        parts, length = [], 0
        while not inflating.eof:
            chunk = self._pack[offset : offset + _CHUNK]
            # One byte more than promised is enough to see that the promise is broken.
            part = inflating.decompress(inflating.unconsumed_tail or chunk, size - length + 1)
            consumed_all = not inflating.unconsumed_tail
            length += len(part)
            parts.append(part)
            if length > size or not (part or len(chunk)) or not consumed_all:
                raise NotABundle("its content is damaged")
            offset += len(chunk) - len(inflating.unused_data)
        if length != size:
            raise NotABundle("its content is damaged")
        return b"".join(parts), offset


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The object that a delta makes of its base (gitformat-pack(5), "Deltified representation")."""
    base_size, position = _delta_size(delta, 0)
    size, position = _delta_size(delta, position)
    if base_size != len(base) or size > _LARGEST_OBJECT:
        raise NotABundle("its content is damaged")
    made = bytearray()
    while position < len(delta):
        instruction = delta[position]
        position += 1
        if instruction & 0x80:
            start, length, position = _copy_range(delta, instruction, position)
            if start + length > base_size:
                raise NotABundle("its content is damaged")
            made += base[start : start + length]
        else:
            made += delta[position : position + instruction]
            position += instruction
        if len(made) > size or instruction == 0:
            raise NotABundle("its content is damaged")
    if len(made) != size:
        raise NotABundle("its content is damaged")
    return bytes(made)


def _copy_range(delta: bytes, instruction: int, position: int) -> tuple[int, int, int]:
    values = [0] * 7
    for bit in range(7):
        if instruction & (1 << bit):
            values[bit] = delta[position]
            position += 1
    start = int.from_bytes(values[:4], "little")
    length = int.from_bytes(values[4:], "little") or 0x10000
    return start, length, position


def _delta_size(delta: bytes, position: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        byte = delta[position]
        position += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, position
