"""Reads a backup's archive front to back: its manifest, its parts as parcels, and whether all of it is as it was written."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from typing import Any, BinaryIO

from nbhostd.adapters.tarentries import archive_errors, entry_of, part_of, prefix_of
from nbhostd.core.archive import END, MANIFEST, Manifest, Progress, Sum
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import FILE, FOLDER, THE_END

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_LONGEST_DOCUMENT = 256 << 20
_NOTHING = hashlib.sha256().hexdigest()


class TarReader:
    """The ArchiveReader of `core/archive.py`."""

    def __init__(self, path: str) -> None:
        self._path = path
        with archive_errors(path):
            self._size = os.stat(path).st_size
            with open(path, "rb") as file:
                self._packed = file.read(2) == _GZIP

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    @property
    def manifest(self) -> Manifest:
        """What it is of."""
        with self._open() as (tar, _):
            first = tar.next()
            if first is None or first.name != MANIFEST:
                raise Refused(f"{self._path} is no backup of nbhostd.")
            return Manifest.parse(_document(tar, first))

    def parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each part's name and its parcel; a parcel that is not read is passed over."""
        with self._open() as (tar, _):
            for name, members in groupby(_members(tar), key=part_of):
                if name not in (MANIFEST, END):
                    yield name, _parcel(tar, members, prefix_of(name))

    def verify(self, progress: Progress) -> dict[str, Sum]:
        """Read all of it and compare with what was written."""
        found: dict[str, Sum] = {}
        end: Any = None
        with self._open() as (tar, raw):
            for name, members in groupby(_members(tar), key=part_of):
                progress(raw.tell(), self._size, f"verifying {name}")
                if name == END:
                    end = _document(tar, next(members))
                elif name != MANIFEST:
                    found[name] = self._sum(tar, members, name, lambda: progress(raw.tell(), self._size, ""))
        self._compare(found, end)
        return found

    def _sum(
        self, tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], name: str, tick: Callable[[], None]
    ) -> Sum:
        digest, files, size = hashlib.sha256(), 0, 0
        for member in members:
            entry = entry_of(member, prefix_of(name))
            digest.update(bytes(entry))
            files += entry.kind != FOLDER
            size += entry.size if entry.kind == FILE else 0
            for piece in _content(tar, member):
                digest.update(piece)
                tick()
        return Sum(digest.hexdigest(), files, size)

    def _compare(self, found: dict[str, Sum], end: object) -> None:
        if not isinstance(end, dict) or not isinstance(end.get("parts"), dict):
            raise WorldError(f"{self._path} is not whole: its end is missing.")
        wanted = {name: shape.get("sha256") for name, shape in end["parts"].items()}
        here = {name: sum.sha256 for name, sum in found.items()}
        # A part in which there was nothing has no member of its own.
        empty = {name for name, shape in end["parts"].items() if name not in here and not shape.get("files")}
        wrong = sorted(
            name
            for name in wanted.keys() | here.keys()
            if name not in empty and wanted.get(name) != here.get(name)
        )
        if wrong:
            raise WorldError(f"{self._path} is damaged: {', '.join(wrong[:5])}.")

    @contextmanager
    def _open(self) -> Iterator[tuple[tarfile.TarFile, BinaryIO]]:
        with archive_errors(self._path), open(self._path, "rb") as raw, ExitStack() as held:
            source: BinaryIO = raw
            if self._packed:
                source = held.enter_context(gzip.GzipFile(fileobj=raw))  # type: ignore[assignment]
            tar = held.enter_context(tarfile.open(fileobj=source, mode="r|", encoding="utf-8"))
            yield tar, raw


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined]


def _document(tar: tarfile.TarFile, member: tarfile.TarInfo) -> object:
    file = tar.extractfile(member)
    if file is None or member.size > _LONGEST_DOCUMENT:
        raise Refused("This is no backup.")
    return json.loads(file.read())


def _parcel(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], prefix: str) -> Iterator[bytes]:
    for member in members:
        yield bytes(entry_of(member, prefix))
        yield from _content(tar, member)
    yield THE_END


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    if member.isreg() and member.size:
        file = tar.extractfile(member)
        assert file is not None
        left = member.size
        while left:
            piece = file.read(min(left, _CHUNK))
            if not piece:
                raise tarfile.ReadError("a file breaks off")
            left -= len(piece)
            yield piece
