"""A student's whole tree: how large it is, what is in it, and the end of it. Runs with the student's identity.

A tree may be of any depth and width, on purpose: few descriptors, names in small batches, never a long path.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from nbhostd.adapters.desk_paths import DIRECTORY, NO_LINKS, closing, open_below

_DEEPEST = 100
"""Folders that lie deeper are not measured, and are moved up before they are deleted."""
_BATCH = 5000
_DEEPEST_LISTED = 20
_MOST_LISTED = 2000
_MOST_LOOKED_AT = 50_000
_MOST_WRITTEN = 150_000
"""Bytes of all paths together: an answer of the desk is a megabyte at most, and JSON takes up to six times that."""


@dataclass(slots=True)
class _Sum:
    size: int = 0
    files: int = 0
    linked: set[int] = field(default_factory=set)

    def add(self, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            self.size += found.st_blocks * 512
            return
        if found.st_nlink > 1:
            if found.st_ino in self.linked:
                return
            self.linked.add(found.st_ino)
        self.size += found.st_blocks * 512
        self.files += 1


def measure(space: int) -> tuple[int, int]:
    """(bytes on disk, number of files that are no folders); what is closed to its owner counts as nothing."""
    total = _Sum()
    _measure(space, 0, total)
    return total.size, total.files


def _measure(folder: int, depth: int, total: _Sum) -> None:
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                total.add(found)
                if depth < _DEEPEST and stat.S_ISDIR(found.st_mode):
                    below.append(entry.name)
    for name in below:
        with suppress(OSError), closing(os.open(name, DIRECTORY, dir_fd=folder)) as fd:
            _measure(fd, depth + 1, total)


@dataclass(slots=True)
class _List:
    suffixes: tuple[str, ...]
    found: list[tuple[str, int, float]] = field(default_factory=list)
    looked_at: int = 0
    written: int = 0
    more: bool = False

    def is_full(self) -> bool:
        """Whether no other file can be taken; then `more` says so."""
        self.more |= (
            len(self.found) >= _MOST_LISTED
            or self.looked_at >= _MOST_LOOKED_AT
            or self.written >= _MOST_WRITTEN
        )
        return self.more

    def add(self, path: str, found: os.stat_result) -> None:
        if stat.S_ISREG(found.st_mode) and path.endswith(self.suffixes or ""):
            self.written += len(path.encode())
            self.found.append((path, found.st_size, found.st_mtime))


def listed(
    space: int, below: Sequence[str], suffixes: tuple[str, ...]
) -> tuple[list[tuple[str, int, float]], bool]:
    """(path, size, time of change) of the plain files below a folder, by path, and whether there are more.

    Nothing is listed that is hidden, reached by a link, closed to its owner, or has a name that is no text.
    """
    gathered = _List(suffixes)
    with suppress(OSError), closing(open_below(space, "/".join(below) or ".", DIRECTORY, NO_LINKS)) as folder:
        _list(folder, "".join(f"{part}/" for part in below), gathered, 0)
    return sorted(gathered.found), gathered.more


def _list(folder: int, prefix: str, gathered: _List, depth: int) -> None:
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if gathered.is_full():
                return
            gathered.looked_at += 1
            if entry.name.startswith(".") or not _is_text(entry.name):
                continue
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                else:
                    gathered.add(prefix + entry.name, entry.stat(follow_symlinks=False))
    for name in sorted(below) if depth < _DEEPEST_LISTED else ():
        with suppress(OSError), closing(os.open(name, DIRECTORY, dir_fd=folder)) as fd:
            _list(fd, f"{prefix}{name}/", gathered, depth + 1)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def empty(space: int) -> None:
    """Delete everything below the open directory. Raises OSError."""
    while _empty(space, space, 0):
        pass


def _empty(top: int, folder: int, depth: int) -> bool:
    """Delete what is in `folder`; whether something was moved up to `top` and is still to do."""
    os.fchmod(folder, 0o700)
    moved = False
    while names := _some_names(folder):
        for name, is_folder in names:
            if not is_folder:
                os.unlink(name, dir_fd=folder)
            elif depth < _DEEPEST:
                moved |= _remove_folder(top, folder, name, depth)
            else:
                os.chmod(name, 0o700, dir_fd=folder)
                os.rename(name, f".nbh-{secrets.token_hex(8)}.deep", src_dir_fd=folder, dst_dir_fd=top)
                moved = True
        if moved and folder == top:
            return True
    return moved


def _some_names(folder: int) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in islice(entries, _BATCH)]


def _remove_folder(top: int, folder: int, name: str, depth: int) -> bool:
    # Its owner may have closed it. A link planted here meanwhile can lead us to the student's own files only.
    os.chmod(name, 0o700, dir_fd=folder)
    with closing(os.open(name, DIRECTORY, dir_fd=folder)) as fd:
        moved = _empty(top, fd, depth + 1)
    os.rmdir(name, dir_fd=folder)
    return moved
