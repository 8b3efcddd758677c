"""Unpacks a parcel (core/parcel.py) below an open directory, with the identity of whoever owns it.

What is there stays: only a file that an earlier parcel brought, and that nobody changed since, is replaced. That is
read off a list that is kept beside the files; whoever falsifies it can lose nothing but their own.
Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from nbhostd.adapters.desk_files import open_folder
from nbhostd.adapters.desk_paths import closing, parts_of
from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.parcel import END, FILE, FOLDER, HARD, LINK, LONGEST_LINE, NOTE, Entry

LIST = ".nbhosting/imported"
"""Where a workspace keeps what parcels brought."""

_CHUNK = 1 << 18
_TEMPORARY = ".nbh-unpack.tmp"
# The same name each time: what a power cut left is replaced when the same file is written again.
_MOST_TOLD = 100
_LONGEST_LIST = 32 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)

_libc = ctypes.CDLL(None, use_errno=True)

Known = dict[str, tuple[int, int]]
"""Size and time (ns) of what parcels brought, by path."""


class Incoming:
    """What comes on a connection after the request's line."""

    def __init__(self, connection: socket.socket, first: bytes) -> None:
        self._connection = connection
        self._left = first

    def line(self) -> bytes:
        """The next line. Raises Refused when there is none."""
        while b"\n" not in self._left:
            if len(self._left) > LONGEST_LINE:
                raise Refused("This is not a parcel.", reason="bad-parcel")
            self._left += self._more()
        line, _, self._left = self._left.partition(b"\n")
        return line

    def pieces(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes, in pieces. Raises Refused when there are fewer."""
        while count:
            if not self._left:
                self._left = self._more()
            piece, self._left = self._left[:count], self._left[count:]
            count -= len(piece)
            yield piece

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        for _ in self.pieces(count):
            pass

    def drain(self) -> None:
        """Read to the end: an answer reaches nobody who is still writing."""
        self._left = b""
        with suppress(OSError):
            while self._connection.recv(_CHUNK):
                pass

    def _more(self) -> bytes:
        try:
            piece = self._connection.recv(_CHUNK)
        except OSError:
            piece = b""
        if not piece:
            raise Refused("The parcel broke off in the middle.", reason="broken-off")
        return piece


@dataclass(slots=True)
class Unpacker:
    """Unpacks one parcel below `top`."""

    top: int
    known: Known
    replace: bool = False
    written: int = 0
    size: int = 0
    same: int = 0
    kept: list[str] = field(default_factory=list)
    kept_count: int = 0
    troubles: list[str] = field(default_factory=list)
    _folder: tuple[tuple[str, ...], int] | None = None

    def run(self, incoming: Incoming) -> None:
        """Unpack to the parcel's end. Raises Refused for what is no whole parcel, NotNow on a full disk."""
        try:
            while (entry := Entry.parse(incoming.line())).kind != END:
                if entry.kind != NOTE:
                    self._unpack(entry, incoming)
        finally:
            if self._folder is not None:
                os.close(self._folder[1])
        # One request for all: an fsync for each file would take a class of clones all day.
        _libc.syncfs(self.top)

    def answer(self) -> dict[str, Any]:
        """What was done, as it crosses the socket."""
        return {
            "written": self.written, "size": self.size, "same": self.same,
            "kept": self.kept, "kept_count": self.kept_count, "troubles": self.troubles,
        }  # fmt: skip

    def _unpack(self, entry: Entry, incoming: Incoming) -> None:
        content = _Content(incoming, entry.size if entry.kind == FILE else 0)
        try:
            *folders, name = parts_of(entry.path)
            folder = self._open(tuple(folders))
            self._place(entry, folder, name, content)
        except Refused as refused:
            if refused.reason != "bad-path":
                raise
            self._trouble(entry, "its name is too long, or no name")
        except OSError as error:
            if error.errno in _FULL:
                raise NotNow("There is no space left on the server's disk.", retry_after=60) from error
            self._trouble(entry, os.strerror(error.errno or 0))
        content.skip()

    def _open(self, folders: tuple[str, ...]) -> int:
        if self._folder is not None:
            if self._folder[0] == folders:
                return self._folder[1]
            os.close(self._folder[1])
            self._folder = None
        self._folder = (folders, open_folder(self.top, folders, make=True))
        return self._folder[1]

    def _place(self, entry: Entry, folder: int, name: str, content: _Content) -> None:
        if entry.kind == FOLDER:
            with closing(open_folder(folder, (name,), make=True)) as made:
                os.fchmod(made, entry.mode & 0o777 | 0o700)
                os.utime(made, ns=(entry.mtime, entry.mtime))
            return
        try:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            there = None
        if there is not None and not self.replace and _is(entry, there, folder, name):
            self.same += 1
        elif there is not None and not self._ours(entry.path, there):
            self.kept_count += 1
            self.kept += [_shown(entry.path)] if len(self.kept) < _MOST_TOLD else []
            return
        else:
            self._write(entry, folder, name, content, replace=there is not None)
        self.known[entry.path] = (entry.size, entry.mtime)

    def _ours(self, path: str, there: os.stat_result) -> bool:
        """Whether what is there came with a parcel and is as it came (or may be replaced anyway)."""
        if not stat.S_ISREG(there.st_mode):
            return False
        return self.replace or self.known.get(path) == (there.st_size, there.st_mtime_ns)

    def _write(self, entry: Entry, folder: int, name: str, content: _Content, *, replace: bool) -> None:
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=folder)
        make = {FILE: self._make_file, LINK: _make_link, HARD: self._make_hard}[entry.kind]
        try:
            make(entry, folder, content)
            if replace:
                os.rename(_TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                # Unlike rename, this fails when a file came meanwhile: it is the student's.
                os.link(_TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(_TEMPORARY, dir_fd=folder)
        self.written += 1
        self.size += entry.size if entry.kind == FILE else 0

    def _make_file(self, entry: Entry, folder: int, content: _Content) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with closing(os.open(_TEMPORARY, flags, 0o600, dir_fd=folder)) as target:
            content.pour(target)
            # Never set-uid; and whatever its owner cannot read is of no use to them.
            os.fchmod(target, entry.mode & 0o777 | 0o400)
            os.utime(target, ns=(entry.mtime, entry.mtime))

    def _make_hard(self, entry: Entry, folder: int, _: _Content) -> None:
        *folders, name = parts_of(entry.to)
        with closing(open_folder(self.top, folders, make=False)) as other:
            found = os.stat(name, dir_fd=other, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (
                entry.size,
                entry.mtime,
            ):
                raise OSError(errno.ESTALE, "its other name is another file here")
            os.link(name, _TEMPORARY, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)

    def _trouble(self, entry: Entry, what: str) -> None:
        if len(self.troubles) < _MOST_TOLD:
            self.troubles.append(f"{_shown(entry.path)}: {what}")


@dataclass(slots=True)
class _Content:
    """A file's bytes in the parcel: poured or passed over, but never left lying."""

    incoming: Incoming
    left: int

    def pour(self, target: int) -> None:
        for piece in self._pieces():
            view = memoryview(piece)
            while view:
                view = view[os.write(target, view) :]

    def skip(self) -> None:
        for _ in self._pieces():
            pass

    def _pieces(self) -> Iterator[bytes]:
        for piece in self.incoming.pieces(self.left):
            self.left -= len(piece)
            yield piece


def _make_link(entry: Entry, folder: int, _: _Content) -> None:
    os.symlink(entry.to, _TEMPORARY, dir_fd=folder)
    os.utime(_TEMPORARY, ns=(entry.mtime, entry.mtime), dir_fd=folder, follow_symlinks=False)


def _is(entry: Entry, there: os.stat_result, folder: int, name: str) -> bool:
    """Whether what is there is what the parcel brings."""
    if entry.kind == LINK:
        return stat.S_ISLNK(there.st_mode) and os.readlink(name, dir_fd=folder) == entry.to
    return stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (entry.size, entry.mtime)


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")


# ---- the list of what parcels brought


def unpack(
    top: int, incoming: Incoming, listed: tuple[int, str] | None, *, replace: bool = False
) -> dict[str, Any]:
    """Unpack a parcel below `top`; `listed` is the directory and path of the list, if one is kept.

    Raises Refused, NotNow.
    """
    unpacker = Unpacker(top, read_list(*listed) if listed else {}, replace)
    try:
        unpacker.run(incoming)
    except (Refused, NotNow):
        incoming.drain()
        raise
    finally:
        # Also of what was interrupted: the next time, it is known.
        if listed is not None:
            with suppress(OSError):
                write_list(*listed, unpacker.known)
    return unpacker.answer()


def read_list(directory: int, path: str) -> Known:
    """What earlier parcels brought; nothing when there is no list, or none that can be read."""
    *folders, name = parts_of(path)
    known: Known = {}
    with suppress(OSError, ValueError, TypeError, RecursionError):
        with closing(open_folder(directory, folders, make=False)) as folder:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with open(fd, "rb") as lines:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode) and found.st_size <= _LONGEST_LIST:
                for line in lines:
                    listed, size, mtime = json.loads(line)
                    known[str(listed)] = (int(size), int(mtime))
    return known


def write_list(directory: int, path: str, known: Known) -> None:
    """Replace the list, whole. Raises OSError."""
    *folders, name = parts_of(path)
    with closing(open_folder(directory, folders, make=True)) as folder:
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(_TEMPORARY, flags, 0o600, dir_fd=folder)
        with open(fd, "wb") as lines:
            for listed, (size, mtime) in known.items():
                lines.write(json.dumps([listed, size, mtime]).encode() + b"\n")
        os.rename(_TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder)
