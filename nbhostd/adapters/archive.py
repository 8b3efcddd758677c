"""The archive of a backup on disk: a tar in pax format, perhaps compressed, written and read front to back.

A part is written from a parcel and read as one, byte by byte the same: that is what its digest is of.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from nbhostd.core.archive import END, MANIFEST, Manifest, Progress, Sum
from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.parcel import END as PARCEL_END
from nbhostd.core.parcel import FILE, FOLDER, HARD, LINK, LONGEST_LINE, NOTE, THE_END, Entry

_CHUNK = 1 << 20
_LEVEL = 3
_STUDENTS_GROUP = 100
_MOST_NOTES = 1000
_LEAST_FREE = 512 << 20
"""What the disk keeps while an archive grows on it, in bytes."""
_LOOKED_EVERY = 64 << 20
_GZIP = b"\x1f\x8b"
_SIZE = "NBHOSTD.size"
"""A vendor's record (pax, "Extended Header Keywords"): the size of the file that a hard link is of."""
_TYPES = {FILE: tarfile.REGTYPE, FOLDER: tarfile.DIRTYPE, LINK: tarfile.SYMTYPE, HARD: tarfile.LNKTYPE}
_KINDS = {type: kind for kind, type in _TYPES.items()}
_LONGEST_DOCUMENT = 256 << 20
_NANO = 1_000_000_000
_NOTHING = hashlib.sha256().hexdigest()


class TarArchives:
    """The Archives of `core/archive.py`."""

    def place(self, target: str, name: str) -> str:
        """The file that is meant."""
        return os.path.join(target, name) if target != "-" and os.path.isdir(target) else target

    def free(self, target: str) -> int | None:
        """Bytes that are free where the file is to be."""
        if target == "-":
            return None
        try:
            return shutil.disk_usage(os.path.dirname(target) or ".").free
        except OSError as error:
            raise WorldError(f"{os.path.dirname(target)}: {error.strerror}.") from error

    def create(self, target: str) -> AbstractContextManager[TarWriter]:
        """Write an archive; it has its name only once this is left without an error."""
        return _standard_output() if target == "-" else _file(Path(target))

    def open(self, path: str) -> TarReader:
        """An archive to read."""
        return TarReader(path)


@contextmanager
def _standard_output() -> Iterator[TarWriter]:
    if sys.stdout.isatty():
        raise Refused("An archive is nothing for a terminal: give a file's name, or a pipe.")
    with _archive_errors("standard output"), _tar(_Growing(sys.stdout.buffer)) as writer:
        yield writer
        sys.stdout.buffer.flush()


@contextmanager
def _file(path: Path) -> Iterator[TarWriter]:
    """Written beside as NAME.partial, for root's eyes only, and on the disk before it gets its name."""
    partial = path.with_name(f"{path.name}.partial")
    with _archive_errors(str(path)), ExitStack() as held:
        # Whoever else may write there shall not have it point elsewhere.
        partial.unlink(missing_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        held.callback(partial.unlink, missing_ok=True)
        with open(fd, "wb") as raw:
            packed = path.suffix in (".gz", ".tgz")
            target: BinaryIO = gzip.GzipFile(path.stem, "wb", _LEVEL, raw) if packed else raw  # type: ignore[assignment]
            with _tar(_Growing(target, raw.fileno())) as writer:
                yield writer
            if target is not raw:
                target.close()
            raw.flush()
            os.fsync(raw.fileno())
        os.rename(partial, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        held.callback(os.close, folder)
        os.fsync(folder)


@contextmanager
def _tar(target: _Growing) -> Iterator[TarWriter]:
    tar = tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8")  # type: ignore[call-overload]  # noqa: SIM115
    yield TarWriter(tar)
    tar.close()


class _Growing:
    """What an archive is written to; a file's disk keeps some room: others, the site perhaps, live there too."""

    def __init__(self, target: BinaryIO, fd: int | None = None) -> None:
        self._target = target
        self._fd = fd
        self._written = 0
        self._look_at = 0

    def write(self, data: bytes) -> int:
        if self._fd is not None and self._written >= self._look_at:
            self._look_at = self._written + _LOOKED_EVERY
            disk = os.fstatvfs(self._fd)
            if disk.f_bavail * disk.f_frsize < _LEAST_FREE:
                raise WorldError("The disk is nearly full: the backup was given up.")
        self._written += len(data)
        return self._target.write(data)

    def tell(self) -> int:
        return self._written


class TarWriter:
    """The ArchiveWriter of `core/archive.py`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def document(self, name: str, shape: dict[str, Any]) -> None:
        """Write a document of JSON."""
        data = json.dumps(shape, indent=1).encode()
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        self._add(info, io.BytesIO(data))

    def part(self, name: str, uid: int, parcel: BinaryIO) -> tuple[Sum, list[tuple[str, str]]]:
        """Write a part as it comes in a parcel, and read that to its end."""
        digest, files, size = hashlib.sha256(), 0, 0
        notes: list[tuple[str, str]] = []
        while (entry := _entry(parcel)).kind != PARCEL_END:
            if entry.kind == NOTE:
                notes += [(entry.path, entry.to)] if len(notes) < _MOST_NOTES else []
                continue
            digest.update(bytes(entry))
            content = _Content(parcel, digest.update) if entry.kind == FILE else None
            self._add(_info(entry, _prefix(name), uid), content)
            files += entry.kind != FOLDER
            size += entry.size if entry.kind == FILE else 0
        return Sum(digest.hexdigest(), files, size), notes

    def _add(self, info: tarfile.TarInfo, content: _Content | io.BytesIO | None) -> None:
        self._tar.addfile(info, content)  # type: ignore[arg-type]
        # It remembers each, for a listing that nobody asks for: a site has millions.
        self._tar.members = []  # type: ignore[attr-defined]


def _entry(parcel: BinaryIO) -> Entry:
    line = parcel.readline(LONGEST_LINE + 1)
    if not line.endswith(b"\n"):
        raise WorldError("The backup broke off: the daemon's log says why (nbhostctl logs daemon).")
    return Entry.parse(line)


class _Content:
    """A file's bytes in a parcel, seen by a digest as they pass."""

    def __init__(self, parcel: BinaryIO, see: Callable[[bytes], None]) -> None:
        self._parcel = parcel
        self._see = see

    def read(self, count: int) -> bytes:
        data = self._parcel.read(count)
        if len(data) < count:
            raise WorldError("The backup broke off: the daemon's log says why (nbhostctl logs daemon).")
        self._see(data)
        return data


def _info(entry: Entry, prefix: str, uid: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(prefix + entry.path)
    info.type = _TYPES[entry.kind]
    info.mode = entry.mode
    info.uid, info.gid = (uid, _STUDENTS_GROUP) if uid else (0, 0)
    seconds, nanoseconds = divmod(entry.mtime, _NANO)
    info.mtime = max(seconds, 0)
    more: dict[str, str] = {}
    if seconds < 0 or nanoseconds:
        more["mtime"] = _decimal(entry.mtime)
    if entry.kind == FILE:
        info.size = entry.size
    elif entry.kind == HARD:
        info.linkname = prefix + entry.to
        more[_SIZE] = str(entry.size)
    elif entry.kind == LINK:
        info.linkname = entry.to
    info.pax_headers = more
    return info


def _decimal(nanoseconds: int) -> str:
    """Nanoseconds as seconds, exactly."""
    seconds, rest = divmod(abs(nanoseconds), _NANO)
    return f"{'-' if nanoseconds < 0 else ''}{seconds}.{rest:09d}"


def _nanoseconds(text: str) -> int:
    """What `_decimal` wrote."""
    seconds, _, rest = text.removeprefix("-").partition(".")
    value = int(seconds) * _NANO + int(rest.ljust(9, "0")[:9])
    return -value if text.startswith("-") else value


def _prefix(part: str) -> str:
    """What stands before the paths of a part's parcel: those of the service's own trees have it already."""
    return f"{part}/" if part.startswith("workspaces/") or part == "etc" else ""


def _part_of(info: tarfile.TarInfo) -> str:
    first, *rest = info.name.split("/", 2)
    return f"{first}/{rest[0]}" if rest and first in ("courses", "workspaces") else first


class TarReader:
    """The ArchiveReader of `core/archive.py`."""

    def __init__(self, path: str) -> None:
        self._path = path
        with _archive_errors(path):
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
            for name, members in groupby(_members(tar), key=_part_of):
                if name not in (MANIFEST, END):
                    yield name, _parcel(tar, members, _prefix(name))

    def verify(self, progress: Progress) -> dict[str, Sum]:
        """Read all of it and compare with what was written."""
        found: dict[str, Sum] = {}
        end: Any = None
        with self._open() as (tar, raw):
            for name, members in groupby(_members(tar), key=_part_of):
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
            entry = _entry_of(member, _prefix(name))
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
        with _archive_errors(self._path), open(self._path, "rb") as raw, ExitStack() as held:
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
        yield bytes(_entry_of(member, prefix))
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


def _entry_of(member: tarfile.TarInfo, prefix: str) -> Entry:
    kind = _KINDS.get(member.type)
    if kind is None or not member.name.startswith(prefix):
        raise Refused(f"A backup has no such member: {member.name[:100]!r}.")
    mtime = member.pax_headers.get("mtime")
    size, to = member.size if kind == FILE else 0, ""
    if kind == HARD:
        size, to = int(member.pax_headers.get(_SIZE, "0")), member.linkname.removeprefix(prefix)
    elif kind == LINK:
        to = member.linkname
    when = int(member.mtime) * _NANO if mtime is None else _nanoseconds(mtime)
    return Entry(kind, member.name.removeprefix(prefix), member.mode & 0o7777, when, size, to)


@contextmanager
def _archive_errors(path: str) -> Iterator[None]:
    """What goes wrong with the file, as a sentence."""
    try:
        yield
    except NbhostdError:
        raise
    except (EOFError, zlib.error, tarfile.TarError, json.JSONDecodeError, ValueError) as error:
        raise WorldError(f"{path} is damaged, or not whole.", detail=str(error)) from error
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise WorldError(f"{path} is damaged, or not whole.", detail=str(error)) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WorldError(f"{path}: the disk is full.") from error
        raise WorldError(f"{path}: {error.strerror or error}.") from error
