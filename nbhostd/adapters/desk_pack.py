"""Packs a tree as a parcel (core/parcel.py), with the identity of whoever owns it.

Its owner may change it at any moment: every step works relative to an open directory and follows no link; what is
no plain file, folder or link, what cannot be read, and what changed under the reader is told by a NOTE in the parcel.
Standard library only.
"""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbhostd.adapters.desk_paths import DIRECTORY, closing
from nbhostd.core.errors import Refused
from nbhostd.core.parcel import (
    FILE,
    FOLDER,
    HARD,
    LARGEST_FILE,
    LINK,
    LONGEST_LINE,
    NOTE,
    THE_END,
    Entry,
    time_of,
)

_CHUNK = 1 << 18
_SMALL = 8 << 20
"""Files up to this size are read whole before they are sent, so that one that is being saved is read again."""
_ATTEMPTS = 4
_PAUSE = 0.1
_FRESH = 200_000_000  # nanoseconds
_MOST_PAUSES = 100
_MOST_FILES = 3_000_000
_LONGEST = 3 * 3600.0
"""Seconds: whoever makes files faster than they are read shall not keep a backup from its end."""
_DEEPEST = 100
_MOST_NOTES = 100
_MOST_HOLES = 1 << 30
"""What a file may claim beyond what it occupies on the disk, in bytes."""
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_ODD = {
    stat.S_IFIFO: "is a pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFBLK: "is a device",
    stat.S_IFCHR: "is a device",
}


class Outgoing:
    """What goes out on a connection before the answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        """Send all of it. Raises Refused when nobody takes it any more."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise Refused("Nobody takes the parcel any more.", reason="broken-off") from error


@dataclass(slots=True)
class Packer:
    """Packs trees into one parcel."""

    outgoing: Outgoing
    files: int = 0
    size: int = 0
    _first: dict[tuple[int, int], Entry] = field(default_factory=dict)
    """What was sent of files with several names, by device and number."""
    _notes: int = 0
    _pauses: int = 0
    _ends_at: float = field(default_factory=lambda: time.monotonic() + _LONGEST)  # noqa: TID251 - see time.sleep

    def tree(self, folder: int, below: str = "", depth: int = 0) -> None:
        """Everything in an open folder: files and links, then what is deeper, each folder after what is in it."""
        deeper: list[str] = []
        for name in self._names(folder, below):
            if self._is_enough(below):
                return
            try:
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue  # its owner has just removed it
            except OSError as error:
                self._note(below + name, f"cannot be read: {error.strerror}")
                continue
            if stat.S_ISDIR(seen.st_mode):
                deeper.append(name)
            else:
                self._leaf(folder, name, below + name, seen)
        for name in deeper:
            if self._is_enough(below):
                return
            self.folder(folder, name, below + name, depth)

    def folder(self, parent: int, name: str, path: str, depth: int = 0) -> None:
        """A folder with everything in it."""
        if depth >= _DEEPEST or len(path) > LONGEST_LINE // 8:
            self._note(path, "lies too deep")
            return
        try:
            fd = os.open(name, DIRECTORY, dir_fd=parent)
        except OSError as error:
            self._note(path, f"cannot be read: {error.strerror}")
            return
        with closing(fd):
            self.tree(fd, f"{path}/", depth + 1)
            seen = os.fstat(fd)
        self._send(Entry(FOLDER, path, seen.st_mode & 0o7777, time_of(seen.st_mtime_ns)))

    def end(self) -> None:
        """The parcel is whole."""
        self.outgoing.send(THE_END)

    def _is_enough(self, below: str) -> bool:
        if self.files < _MOST_FILES and time.monotonic() < self._ends_at:  # noqa: TID251 - see time.sleep
            return False
        self._note(below or ".", "is too much: the rest is left out")
        return True

    def _names(self, folder: int, below: str) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield entry.name
        except OSError as error:
            self._note(below or ".", f"cannot be read: {error.strerror}")

    def _leaf(self, folder: int, name: str, path: str, seen: os.stat_result) -> None:
        kind = stat.S_IFMT(seen.st_mode)
        if kind == stat.S_IFLNK:
            self._link(folder, name, path, seen)
        elif kind != stat.S_IFREG:
            self._note(path, f"{_ODD.get(kind, 'is no plain file')}: left out")
        elif seen.st_size > LARGEST_FILE:
            self._note(path, f"is larger than {LARGEST_FILE >> 30} GB: left out")
        elif seen.st_size - seen.st_blocks * 512 > _MOST_HOLES:
            self._note(path, "consists of holes for the most part: left out")
        elif (first := self._first.get((seen.st_dev, seen.st_ino))) is not None:
            self._send(Entry(HARD, path, first.mode, first.mtime, first.size, first.path))
        else:
            self._file(folder, name, path)

    def _link(self, folder: int, name: str, path: str, seen: os.stat_result) -> None:
        try:
            to = os.readlink(name, dir_fd=folder)
        except OSError as error:
            self._note(path, f"cannot be read: {error.strerror}")
        else:
            self._send(Entry(LINK, path, 0o777, time_of(seen.st_mtime_ns), to=to))

    def _file(self, folder: int, name: str, path: str) -> None:
        try:
            fd = os.open(name, _READING, dir_fd=folder)
        except OSError as error:
            self._note(path, f"cannot be read: {error.strerror}")
            return
        with closing(fd):
            seen = os.fstat(fd)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST_FILE:
                self._note(path, "changed while it was read: left out")
                return
            sent = self._whole(fd, path) if seen.st_size <= _SMALL else self._streamed(fd, path, seen)
            if sent is not None and seen.st_nlink > 1:
                self._first[seen.st_dev, seen.st_ino] = sent

    def _whole(self, fd: int, path: str) -> Entry | None:
        """Send a file as it is at one moment; when it never holds still, as it was read last."""
        try:
            seen, content, still = self._read_still(fd)
        except OSError as error:
            self._note(path, f"cannot be read: {error.strerror}")
            return None
        entry = Entry(FILE, path, seen.st_mode & 0o7777, time_of(seen.st_mtime_ns), len(content))
        if not self._send(entry, content):
            return None
        if not still:
            self._note(path, "changed while it was read")
        return entry

    def _read_still(self, fd: int) -> tuple[os.stat_result, bytes, bool]:
        """A small file, and whether it was still while it was read. Raises OSError."""
        attempt = 0
        while True:
            before = os.fstat(fd)
            content = _read(fd, _SMALL)
            after = os.fstat(fd)
            attempt += 1
            still = _same(before, after) and len(content) == after.st_size
            # A program that saves in place empties the file first: what has just changed may not be all yet.
            settled = not 0 <= time.time_ns() - after.st_mtime_ns <= _FRESH
            if (still and settled) or attempt == _ATTEMPTS or self._pauses == _MOST_PAUSES:
                return after, content, still
            self._pauses += 1
            time.sleep(_PAUSE)  # noqa: TID251 - a process of its own, in which nobody else waits

    def _streamed(self, fd: int, path: str, seen: os.stat_result) -> Entry | None:
        """Send a large file as it comes; what it has lost meanwhile is made up by zeros, and told."""
        entry = Entry(FILE, path, seen.st_mode & 0o7777, time_of(seen.st_mtime_ns), seen.st_size)
        if not self._send(entry):
            return None
        left, trouble = entry.size, ""
        while left:
            try:
                piece = b"" if trouble else os.read(fd, min(left, _CHUNK))
            except OSError as error:
                piece, trouble = b"", f"could not be read whole: {error.strerror}"
            if not piece:
                trouble = trouble or "became shorter while it was read"
                piece = bytes(min(left, _CHUNK))
            left -= len(piece)
            self.outgoing.send(piece)
        if trouble or not _same(seen, os.fstat(fd)):
            self._note(path, trouble or "changed while it was read")
        return entry

    def _send(self, entry: Entry, content: bytes = b"") -> bool:
        line = bytes(entry)
        if len(line) > LONGEST_LINE:
            self._note(entry.path[:200], "its path is too long")
            return False
        self.outgoing.send(line + content)
        if entry.kind != FOLDER:
            self.files += 1
            self.size += entry.size if entry.kind == FILE else 0
        return True

    def _note(self, path: str, what: str) -> None:
        self._notes += 1
        if self._notes <= _MOST_NOTES:
            self.outgoing.send(bytes(Entry(NOTE, path[:1000], to=what)))
        elif self._notes == _MOST_NOTES + 1:
            self.outgoing.send(bytes(Entry(NOTE, "…", to="and more")))


def _read(fd: int, most: int) -> bytes:
    """A file from its beginning, up to `most` bytes."""
    os.lseek(fd, 0, os.SEEK_SET)
    pieces, left = [], most
    while left and (piece := os.read(fd, left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
