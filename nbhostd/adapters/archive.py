"""The archive of a backup on disk: a tar in pax format, perhaps compressed, written and read front to back.

A part is written from a parcel and read as one, byte by byte the same: that is what its digest is of.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from nbhostd.adapters.archive_reading import TarReader
from nbhostd.adapters.tarentries import archive_errors, info_of, prefix_of
from nbhostd.core.archive import Sum
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import END, FILE, FOLDER, LONGEST_LINE, NOTE, Entry

_LEVEL = 3
_MOST_NOTES = 1000
_LEAST_FREE = 512 << 20
"""What the disk keeps while an archive grows on it, in bytes."""
_LOOKED_EVERY = 64 << 20


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
    with archive_errors("standard output"), _tar(_Growing(sys.stdout.buffer)) as writer:
        yield writer
        sys.stdout.buffer.flush()


@contextmanager
def _file(path: Path) -> Iterator[TarWriter]:
    """Written beside as NAME.partial, for root's eyes only, and on the disk before it gets its name."""
    partial = path.with_name(f"{path.name}.partial")
    with archive_errors(str(path)), ExitStack() as held:
        # Whoever else may write there shall not have it point elsewhere.
        partial.unlink(missing_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        held.callback(partial.unlink, missing_ok=True)
        with open(fd, "wb") as raw:
            packed = path.suffix in (".gz", ".tgz")
            target: BinaryIO = gzip.GzipFile(path.stem, "wb", _LEVEL, raw) if packed else raw  # type: ignore[assignment]
            try:
                with _tar(_Growing(target, raw.fileno())) as writer:
                    yield writer
            except BaseException:
                if target is not raw:
                    with suppress(OSError, ValueError):
                        target.close()
                raise
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
        while (entry := _entry(parcel)).kind != END:
            if entry.kind == NOTE:
                notes += [(entry.path, entry.to)] if len(notes) < _MOST_NOTES else []
                continue
            digest.update(bytes(entry))
            content = _Content(parcel, digest.update) if entry.kind == FILE else None
            self._add(info_of(entry, prefix_of(name), uid), content)
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
