"""The SiteFiles port: static sites on the disk, one tree per build, links that are swapped atomically.

    <state>/sites/<course>/<build>/.trees/<job>/   the files, written once
    <state>/sites/<course>/<build>/<commit>        -> .trees/<job>
    <state>/sites/<course>/<build>/latest          -> <commit>
    <state>/sites/.archives/<job>.tar              what a build's container wrote, until it is unpacked

An archive is a stranger's: only plain files below plain names are taken out of it, so many and so large, and no link.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from nbhostd.adapters.published import disk_errors, sync
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.names import CourseName, NotebookPath

_ARCHIVES = ".archives"
_TREES = ".trees"
_LATEST = "latest"
_MOST_FILES = 50_000
_MOST_BYTES = 512 << 20
_CHUNK = 1 << 16
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BUILD = re.compile(r"\w[\w.\-]*")


class _Sips(io.BufferedReader):
    """A file that is read in small pieces only: a header that claims to be huge is not taken into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _CHUNK:
            raise tarfile.TarError("a header that is too large")
        return super().read(size)


class SiteDirectory:
    """The directory <state>/sites."""

    def __init__(self, root: Path, settle: Callable[[], None] = os.sync) -> None:
        self._root = root
        self._settle = settle

    def output(self, job: int) -> str:
        """Where a job is to write the archive, absolute; the directory is there. Raises WorldError."""
        with disk_errors("site"):
            self._archive(job).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The OCI runtime gives it to the container's user; we must be able to read it then.
            self._archive(job).touch(mode=0o644)
            self._archive(job).chmod(0o644)
        return str(self._archive(job))

    async def publish(self, course: CourseName, build: str, commit: str, job: int) -> int:
        """Unpack the job's archive as the tree of a commit and make it `latest`; how many files.

        Raises WorldError, with a sentence for the teacher, when it is no archive or too large; NotNow on a full disk.
        """
        return await asyncio.to_thread(self._publish, self._place(course, build), commit, job)

    async def discard(self, job: int) -> None:
        """Remove a job's archive; not being there is success."""
        with disk_errors("site"):
            await asyncio.to_thread(self._archive(job).unlink, missing_ok=True)

    async def latest(self, course: CourseName, build: str) -> str | None:
        """The commit that `latest` shows, or None."""
        return _target(self._place(course, build) / _LATEST)

    async def prune(self, course: CourseName, keep: dict[str, list[str]]) -> None:
        """Remove the trees of a course but, for each build, those of these commits and `latest`."""
        await asyncio.to_thread(self._prune, course, keep)

    async def find(self, course: CourseName, build: str, version: str, path: str) -> tuple[str, bool] | None:
        """What a path means in a site ("latest" or a commit): (absolute path, whether it is a directory), or None."""
        if version != _LATEST and not _COMMIT.fullmatch(version):
            return None
        return await asyncio.to_thread(self._find, self._place(course, build) / version, path)

    def _archive(self, job: int) -> Path:
        return self._root / _ARCHIVES / f"{job}.tar"

    def _place(self, course: CourseName, build: str) -> Path:
        if not _BUILD.fullmatch(build):
            raise Refused("There is no such site.", status=404, reason="no-such-site")
        return self._root / course / build

    def _publish(self, place: Path, commit: str, job: int) -> int:
        tree = place / _TREES / str(job)
        with disk_errors("site"):
            shutil.rmtree(tree, ignore_errors=True)
            tree.mkdir(mode=0o700, parents=True)
            try:
                count = _unpack(self._archive(job), tree)
                self._settle()  # many files, once: before a link says that they are there
                _swap(place / commit, f"{_TREES}/{job}")
                _swap(place / _LATEST, commit)
                sync(place)
            except BaseException:
                shutil.rmtree(tree, ignore_errors=True)
                raise
            self._clear_trees(place)
            self._archive(job).unlink(missing_ok=True)
        return count

    def _prune(self, course: CourseName, keep: dict[str, list[str]]) -> None:
        with disk_errors("site"):
            for place in (self._root / course).glob("*") if (self._root / course).is_dir() else ():
                if place.name not in keep:
                    shutil.rmtree(place)
                    continue
                kept = {*keep[place.name], _target(place / _LATEST), _LATEST, _TREES}
                for link in place.iterdir():
                    if link.name not in kept and link.is_symlink():
                        link.unlink()
                self._clear_trees(place)

    @staticmethod
    def _clear_trees(place: Path) -> None:
        """Remove trees that no link leads to."""
        led_to = {os.readlink(link) for link in place.iterdir() if link.is_symlink()}
        for tree in (place / _TREES).iterdir():
            if f"{_TREES}/{tree.name}" not in led_to:
                shutil.rmtree(tree)

    @staticmethod
    def _find(top: Path, path: str) -> tuple[str, bool] | None:
        try:
            if path:
                NotebookPath.parse(path)
            root = os.path.realpath(top, strict=True)
            found = os.path.realpath(os.path.join(root, path), strict=True)
        except (OSError, ValueError, Refused):
            return None
        inside = found == root or found.startswith(root + os.sep)
        return (found, os.path.isdir(found)) if inside else None


def _target(link: Path) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None


def _swap(link: Path, target: str) -> None:
    new = link.with_name(f".new-{secrets.token_hex(8)}")
    os.symlink(target, new)
    os.rename(new, link)


def _unpack(archive: Path, tree: Path) -> int:
    count = size = 0
    try:
        with _Sips(io.FileIO(archive)) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isreg() or member.issparse():
                    continue
                path = NotebookPath.parse(member.name)
                count, size = count + 1, size + member.size
                if count > _MOST_FILES or size > _MOST_BYTES:
                    raise WorldError(
                        f"The site is too large: at most {_MOST_FILES} files and {_MOST_BYTES >> 20} MB."
                    )
                _write(tar, member, tree / path)
    except (tarfile.TarError, EOFError, ValueError, RecursionError, Refused) as error:
        raise WorldError("What the build made cannot be unpacked.", detail=repr(error)[:500]) from error
    return count


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nothing in the tree is a link, so nothing leads out of it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except (FileExistsError, NotADirectoryError) as error:
        raise WorldError("What the build made has two files of one name.", detail=str(error)) from error
    with os.fdopen(descriptor, "wb") as out, content:
        while piece := content.read(_CHUNK):
            out.write(piece)
