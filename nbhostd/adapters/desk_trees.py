"""A student's whole tree: how large it is, and the end of it. Runs with the student's identity.

A tree may be of any depth and width, on purpose: few descriptors, names in small batches, never a long path.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from nbhostd.adapters.desk_paths import DIRECTORY, closing

_DEEPEST = 100
"""Folders that lie deeper are not measured, and are moved up before they are deleted."""
_BATCH = 5000


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
