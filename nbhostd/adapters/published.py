"""The trees that a course shows: an immutable directory per commit, and `current`, a link swapped atomically.

Names and modes come from a repository, so they are not trusted: whatever could lead out of the tree is left out,
and said so. A tree appears under its commit's name only when it is whole and on the disk.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbhostd.core.errors import NotNow, WorldError

Warn = Callable[[str], None]

_LONGEST_PATH = 1024
_LONGEST_NAME = 255
_TEMPORARY = ".new-"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file or a link of the tree to write; `read` gives a file's content, or where a link points."""

    path: str
    link: bool
    executable: bool
    read: Callable[[], bytes | memoryview]


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Translate the disk's complaints."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NotNow("The server's disk is full.", retry_after=60, detail=f"{what}: {error}") from error
        raise WorldError(f"The {what} cannot be stored on the server.", detail=str(error)) from error


def plain_name(raw: bytes) -> str | None:
    """The name of an entry, or None when no entry of a tree may be called so."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return None
    if name in ("", ".", "..") or "/" in name or any(ord(c) < 0x20 or ord(c) == 0x7F for c in name):
        return None
    return None if len(raw) > _LONGEST_NAME or name.lower() == ".git" else name


class Published:
    """The directory `public` of one course."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def commit(self) -> str | None:
        """What `current` points to."""
        try:
            return os.readlink(self._root / "current")
        except FileNotFoundError:
            return None

    @property
    def current(self) -> Path | None:
        """The current tree's own directory, which stays what it is when `current` is swapped."""
        commit = self.commit
        return self._root / commit if commit else None

    def has(self, commit: str) -> bool:
        """Whether that commit's tree is there (and then it is whole)."""
        return (self._root / commit).is_dir()

    def write(self, commit: str, leaves: Iterable[Leaf], warn: Warn) -> None:
        """Write the tree of a commit. Raises NotNow on a full disk, WorldError; leaves nothing half-done."""
        with disk_errors("course's content"):
            _make_public(self._root)
            self._clear()
            new = self._root / f"{_TEMPORARY}{secrets.token_hex(8)}"
            try:
                _make_public(new)
                _Writer(new, warn).write(leaves)
                os.rename(new, self._root / commit)
                sync(self._root)
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def switch(self, commit: str) -> None:
        """Make `current` point to that commit's tree, in one step."""
        with disk_errors("course's content"):
            link = self._root / f"{_TEMPORARY}{secrets.token_hex(8)}"
            os.symlink(commit, link)
            os.rename(link, self._root / "current")
            sync(self._root)

    def prune(self, keep: Iterable[str]) -> None:
        """Remove the trees of other commits; the current one stays in any case."""
        kept = {*keep, self.commit, "current"}
        with disk_errors("course's content"):
            for path in self._root.iterdir() if self._root.is_dir() else ():
                if path.name not in kept:
                    shutil.rmtree(path)

    def files(self) -> frozenset[str]:
        """The paths of all regular files of the current tree; links to directories are not followed."""
        top = self.current
        if top is None:
            return frozenset()
        return frozenset(
            os.path.relpath(os.path.join(directory, name), top)
            for directory, _, names in os.walk(top)
            for name in names
            if not os.path.islink(os.path.join(directory, name))
        )

    def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file of the current tree, or None when it has no such file."""
        top = self.current
        if top is None:
            return None
        real = Path(os.path.realpath(top / path))
        if not real.is_relative_to(os.path.realpath(top)) or not real.is_file():
            return None
        with disk_errors("course's content"), real.open("rb") as file:
            return file.read(limit)

    def _clear(self) -> None:
        """Remove what an earlier life of the daemon did not finish."""
        for path in self._root.glob(f"{_TEMPORARY}*"):
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path)


class _Writer:
    """Writes files first and links last: while files are written there is no link that could lead astray."""

    def __init__(self, top: Path, warn: Warn) -> None:
        self._top = top
        self._warn = warn
        self._files: list[Path] = []
        self._directories: set[Path] = {top}

    def write(self, leaves: Iterable[Leaf]) -> None:
        links = []
        for leaf in leaves:
            if len(leaf.path.encode()) > _LONGEST_PATH:
                self._warn(f"{leaf.path[:60]}…: left out, its path is too long")
            elif leaf.link:
                links.append(leaf)
            else:
                self._write_file(leaf)
        self._settle([path for leaf in links if (path := self._make_link(leaf)) is not None])
        for path in (*self._files, *self._directories):
            sync(path)

    def _write_file(self, leaf: Leaf) -> None:
        path = self._top / leaf.path
        try:
            self._make_directory(path.parent)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except (FileExistsError, NotADirectoryError):
            self._warn(f"{leaf.path}: left out, there is another entry of that name")
            return
        with os.fdopen(file, "wb") as out:
            out.write(leaf.read())
            os.fchmod(file, 0o755 if leaf.executable else 0o644)
        self._files.append(path)

    def _make_directory(self, path: Path) -> None:
        if path in self._directories:
            return
        self._make_directory(path.parent)
        _make_public(path)
        self._directories.add(path)

    def _make_link(self, leaf: Leaf) -> Path | None:
        target = bytes(leaf.read())
        place = os.path.normpath(os.path.join(os.fsencode(os.path.dirname(leaf.path)), target))
        if target[:1] in (b"", b"/") or b"\0" in target or place.split(b"/")[0] == b"..":
            self._warn(f"{leaf.path}: left out, this link leads out of the course")
            return None
        path = self._top / leaf.path
        try:
            self._make_directory(path.parent)
            os.symlink(target, path)
        except (FileExistsError, NotADirectoryError):
            self._warn(f"{leaf.path}: left out, there is another entry of that name")
            return None
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            self._warn(f"{leaf.path}: left out, this link is too long")
            return None
        return path

    def _settle(self, links: list[Path]) -> None:
        """Keep links to directories; make those to files hard links, so that they can be opened like any file."""
        top = Path(os.path.realpath(self._top))
        unsettled = links
        while unsettled:
            sound = [path for path in unsettled if self._leads_inside(path, top)]
            for path in set(unsettled) - set(sound):
                self._warn(f"{path.relative_to(self._top)}: left out, this link leads nowhere in the course")
                path.unlink()
            if len(sound) == len(unsettled):
                break
            unsettled = sound  # one that was removed may have been on another's way
        targets = {path: os.path.realpath(path) for path in unsettled}
        for path, target in targets.items():
            if not os.path.isdir(target):
                path.unlink()
                os.link(target, path)

    @staticmethod
    def _leads_inside(path: Path, top: Path) -> bool:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):  # leads nowhere, or in a circle
            return False
        if not target.is_relative_to(top):
            return False
        # A link to a directory that contains it would be walked for ever.
        return not (target.is_dir() and path.parent.resolve().is_relative_to(target))


def _make_public(path: Path) -> None:
    """A directory that everybody may read, whatever the umask."""
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def sync(path: Path) -> None:
    """Wait until a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
