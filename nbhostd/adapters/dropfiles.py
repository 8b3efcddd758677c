"""Drop areas on disk: <state>/droparea/<course>/<area>/…, of the service user. New files come through the desk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nbhostd.adapters.desk_paths import DIRECTORY, closing
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.handouts import DropFile
from nbhostd.core.names import AreaName, CourseName, FilePath

_UNFINISHED = ".nbh-"
_DEEPEST = 20


class DropDirectory:
    """The DropFiles of `core/handouts.py`. No link is followed, wherever an administrator may have made one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def areas(self, course: CourseName) -> list[AreaName]:
        """The course's areas, by name; a directory that is called like no area is none."""
        return await asyncio.to_thread(self._areas, course)

    async def files(self, course: CourseName, area: AreaName) -> list[DropFile]:
        """Every plain file of an area, by path; none when there is no such area."""
        return await asyncio.to_thread(self._files, course, area)

    async def remove(self, course: CourseName, area: AreaName, file: FilePath) -> bool:
        """Remove one file, and the folders in the area that are empty then; False when it was not there."""
        return await asyncio.to_thread(self._remove, course, area, file)

    async def remove_area(self, course: CourseName, area: AreaName) -> None:
        """Remove an area with all that is in it; not being there is success."""
        await asyncio.to_thread(self._remove_area, course, area)

    def _areas(self, course: CourseName) -> list[AreaName]:
        with _errors(), suppress(FileNotFoundError), os.scandir(self._root / course) as entries:
            return sorted(
                AreaName(entry.name)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and _is_area(entry.name)
            )
        return []

    def _files(self, course: CourseName, area: AreaName) -> list[DropFile]:
        with _errors(), suppress(FileNotFoundError), closing(self._open(course, area)) as top:
            return sorted(_files_below(top, "", 0), key=lambda file: file.path)
        return []

    def _remove(self, course: CourseName, area: AreaName, file: FilePath) -> bool:
        *folders, name = file.split("/")
        with _errors(), suppress(FileNotFoundError), closing(self._open(course, area)) as top:
            with closing(_open_below(top, folders)) as folder:
                os.unlink(name, dir_fd=folder)
            for depth in range(len(folders), 0, -1):
                with suppress(OSError):
                    os.rmdir("/".join(folders[:depth]), dir_fd=top)
            return True
        return False

    def _remove_area(self, course: CourseName, area: AreaName) -> None:
        with _errors(), suppress(FileNotFoundError):
            root = os.open(self._root, DIRECTORY)
            with closing(root), closing(_open_below(root, (course,))) as folder:
                _clear_away(folder, area)

    def _open(self, course: CourseName, area: AreaName) -> int:
        with closing(os.open(self._root, DIRECTORY)) as root:
            return _open_below(root, (course, area))


def _open_below(top: int, folders: Sequence[str]) -> int:
    """A folder below the open `top`, reached without any link: step by step, as the service's filter knows no openat2."""
    fd = os.dup(top)
    for folder in folders:
        with closing(fd):
            fd = os.open(folder, DIRECTORY, dir_fd=fd)
    return fd


def _files_below(folder: int, prefix: str, depth: int) -> Iterator[DropFile]:
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and not entry.name.startswith(_UNFINISHED):
                with suppress(Refused, FileNotFoundError):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield DropFile(FilePath.parse(prefix + entry.name), size)
            elif entry.is_dir(follow_symlinks=False) and depth < _DEEPEST:
                below.append(entry.name)
    for name in below:
        with suppress(FileNotFoundError), closing(os.open(name, DIRECTORY, dir_fd=folder)) as fd:
            yield from _files_below(fd, f"{prefix}{name}/", depth + 1)


def _clear_away(folder: int, name: str) -> None:
    """Remove a folder whole, never through a link."""
    with closing(os.open(name, DIRECTORY, dir_fd=folder)) as fd:
        with os.scandir(fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for below, is_folder in found:
            if is_folder:
                _clear_away(fd, below)
            else:
                os.unlink(below, dir_fd=fd)
    os.rmdir(name, dir_fd=folder)


def _is_area(name: str) -> bool:
    try:
        return AreaName.parse(name) == name
    except Refused:
        return False


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise WorldError("The drop areas cannot be reached.", detail=str(error)) from error
