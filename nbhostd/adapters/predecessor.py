"""The predecessor's data root, read by root and never changed: not even a time of last access.

Its students' trees are as they left them: no link is followed, nothing but plain files is opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nbhostd.adapters.desk_paths import DIRECTORY, closing
from nbhostd.adapters.predecessor_db import OldDatabase, quietly, read_database
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import FILE, FOLDER, HARD, LARGEST_FILE, LINK, THE_END, Entry, time_of
from nbhostd.core.predecessor import OldCourse, Survey
from nbhostd.core.rawfiles import COUNTS, EVENTS

_CHUNK = 1 << 18
_DEEPEST = 100
_LONGEST_PATH = 4000
_STATIC = "/home/jovyan/"
_PLACES = {
    "student": "students",
    "local": "local",
    "droparea": "droparea",
    "counts": "raw",
    "git": "courses-git",
}
_GIT_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_ODD = {
    stat.S_IFIFO: "is a pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFBLK: "is a device",
    stat.S_IFCHR: "is a device",
}


class DataRoot:
    """The OldSite of `core/predecessor.py`."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        if not (self._root / "db.sqlite3").is_file():
            raise WorldError(f"{root} is no data root of the predecessor: it has no db.sqlite3.")
        self._database: OldDatabase = read_database(self._root / "db.sqlite3")

    @property
    def identity(self) -> str:
        """Which site it is, wherever its files lie."""
        return self._database.identity

    @property
    def courses(self) -> list[OldCourse]:
        """The courses in its database."""
        return self._database.courses

    @property
    def people(self) -> bytes:
        """Users, groups, and who belongs to what, as JSON."""
        return self._database.people

    @property
    def problems(self) -> list[str]:
        """What is wrong with the database."""
        return self._database.problems

    def folders(self, *parts: str) -> list[str]:
        """The names of the directories in a directory of the site."""
        with _reading(self._root.joinpath(*parts)):
            try:
                with os.scandir(self._root.joinpath(*parts)) as entries:
                    return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def survey(self, kind: str, *parts: str) -> Survey | None:
        """What a tree holds; None when there is none."""
        digest, found, top = hashlib.sha256(), _Found(), self._open(kind, parts)
        if top is None:
            return None
        files = size = 0
        with closing(top):
            for entry, _ in _Walk(kind, found).entries(top):
                digest.update(bytes(entry))
                files += entry.kind != FOLDER
                size += entry.size if entry.kind == FILE else 0
        return Survey(files, size, digest.hexdigest()[:32], tuple(found.problems), tuple(found.notes()))

    def parcel(self, kind: str, *parts: str, expect: str = "") -> Iterator[bytes]:
        """The tree as a parcel. Raises WorldError when it changes while it is read, or has since the survey `expect`."""
        top, digest = self._open(kind, parts), hashlib.sha256()
        if top is None:
            raise WorldError(f"{'/'.join(parts)} went away.")
        with closing(top):
            for entry, fd in _Walk(kind, _Found()).entries(top):
                digest.update(bytes(entry))
                yield bytes(entry)
                if entry.kind == FILE and fd is not None:
                    yield from _content(fd, entry)
        if expect and digest.hexdigest()[:32] != expect:
            raise WorldError(f"{'/'.join(parts)} changed while it was read: run the import again.")
        if kind == "git":
            yield bytes(Entry(FILE, "git/config", 0o600, 0, len(_GIT_CONFIG))) + _GIT_CONFIG
        yield THE_END

    def events(self, course: str) -> GrowingFile | None:
        """The course's recorded events; None when there are none."""
        return self._raw(course, EVENTS)

    def counts(self, course: str) -> GrowingFile | None:
        """What was counted while the course was there; None when nothing was."""
        return self._raw(course, COUNTS)

    def _raw(self, course: str, name: str) -> GrowingFile | None:
        path = self._root / "raw" / course / name
        return GrowingFile(path) if path.is_file() and not path.is_symlink() else None

    def _open(self, kind: str, parts: tuple[str, ...]) -> int | None:
        """The directory of a tree; below the site's own directories no link is followed."""
        with _reading(self._root.joinpath(_PLACES[kind], *parts)):
            try:
                fd = os.open(self._root / _PLACES[kind], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                for part in (*parts, ".git") if kind == "git" else parts:
                    with closing(fd):
                        fd = os.open(part, DIRECTORY, dir_fd=fd)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    return None
                raise
        return fd


@dataclass(slots=True)
class _Found:
    """What is wrong or odd with a tree."""

    problems: list[str] = field(default_factory=list)
    roots: int = 0
    roots_first: str = ""
    leading_out: list[str] = field(default_factory=list)

    def problem(self, path: str, what: str) -> None:
        self.problems.append(f"{_shown(path)}: {what}")

    def notes(self) -> Iterator[str]:
        if self.roots:
            first = _shown(self.roots_first)
            yield f"{self.roots} files belong to root ({first}, for one): they become the student's"
        for path in self.leading_out:
            yield f"{_shown(path)}: is a link that leads out of the tree; it comes along as it is"


class _Walk:
    """One way through a tree: its entries in order, a folder after what is in it."""

    def __init__(self, kind: str, found: _Found) -> None:
        self._kind = kind
        self._found = found
        self._first: dict[tuple[int, int], str] = {}
        self._prefix = "git/" if kind == "git" else ""

    def entries(self, folder: int, below: str = "", depth: int = 0) -> Iterator[tuple[Entry, int | None]]:
        """Each entry, with an open descriptor of a file's content for as long as it is the last one."""
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self._found.problem(below or ".", f"cannot be read: {error.strerror}")
            return
        for name in names:
            path = below + name
            if self._is_wanted(path, depth):
                yield from self._entry(folder, name, path, depth)

    def _is_wanted(self, path: str, depth: int) -> bool:
        match self._kind:
            case "student":
                return path != ".port"
            case "counts":
                return path == COUNTS
            case "git":
                # Its content and nothing that git would obey: no hooks, no configuration, no alternates.
                top = path.partition("/")[0]
                return top in ("HEAD", "packed-refs", "refs", "objects") and path != "objects/info/alternates"
        return True

    def _entry(self, folder: int, name: str, path: str, depth: int) -> Iterator[tuple[Entry, int | None]]:
        try:
            seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return  # whoever works there has just removed it
        kind = stat.S_IFMT(seen.st_mode)
        if len(os.fsencode(path)) > _LONGEST_PATH or depth > _DEEPEST:
            self._found.problem(path[:200], "lies too deep")
        elif kind == stat.S_IFDIR:
            yield from self._folder(folder, name, path, depth, seen)
        elif kind == stat.S_IFLNK:
            yield from self._link(folder, name, path, seen)
        elif kind == stat.S_IFREG:
            yield from self._file(folder, name, path, seen)
        else:
            self._found.problem(path, f"{_ODD.get(kind, 'is no plain file')}: left out")

    def _folder(
        self, folder: int, name: str, path: str, depth: int, seen: os.stat_result
    ) -> Iterator[tuple[Entry, int | None]]:
        try:
            fd = os.open(name, DIRECTORY, dir_fd=folder)
        except OSError as error:
            self._found.problem(path, f"cannot be read: {error.strerror}")
            return
        with closing(fd):
            yield from self.entries(fd, f"{path}/", depth + 1)
        yield self._made(FOLDER, path, seen), None

    def _link(
        self, folder: int, name: str, path: str, seen: os.stat_result
    ) -> Iterator[tuple[Entry, int | None]]:
        if self._kind != "student":
            self._found.problem(path, "is a link: left out")
            return
        to = os.readlink(name, dir_fd=folder)
        inside = os.path.normpath(os.path.join(os.path.dirname(path), to))
        if inside.startswith(("/", "..")) and not to.startswith(_STATIC):
            self._found.leading_out.append(path)
        yield self._made(LINK, path, seen, to=to), None

    def _file(
        self, folder: int, name: str, path: str, seen: os.stat_result
    ) -> Iterator[tuple[Entry, int | None]]:
        if seen.st_size > LARGEST_FILE:
            self._found.problem(path, f"is larger than {LARGEST_FILE >> 30} GB: left out")
            return
        if seen.st_uid == 0 and self._kind == "student":
            self._found.roots += 1
            self._found.roots_first = self._found.roots_first or path
        twin = self._first.get((seen.st_dev, seen.st_ino))
        if twin is not None:
            yield self._made(HARD, path, seen, to=twin), None
            return
        if seen.st_nlink > 1:
            self._first[seen.st_dev, seen.st_ino] = self._prefix + path
        try:
            fd = _open_file(folder, name)
        except OSError as error:
            self._found.problem(path, f"cannot be read: {error.strerror}")
            return
        with closing(fd):
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode):
                yield self._made(FILE, path, found), fd

    def _made(self, kind: str, path: str, seen: os.stat_result, to: str = "") -> Entry:
        size = seen.st_size if kind in (FILE, HARD) else 0
        return Entry(kind, self._prefix + path, seen.st_mode & 0o7777, time_of(seen.st_mtime_ns), size, to)


def _open_file(folder: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=folder)
    except PermissionError:
        return os.open(name, flags, dir_fd=folder)  # only an owner may leave the time as it is


def _content(fd: int, entry: Entry) -> Iterator[bytes]:
    left = entry.size
    while left:
        with _reading(_shown(entry.path)):
            piece = os.read(fd, min(left, _CHUNK))
        if not piece:
            raise WorldError(f"{_shown(entry.path)} changed while it was read: run the import again.")
        left -= len(piece)
        yield piece


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")


@contextmanager
def _reading(what: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise
        raise WorldError(f"{what} cannot be read: {error.strerror}.") from error


class GrowingFile:
    """The RawFile of `core/predecessor.py`: progress is 'bytes:digest of these'."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """In bytes."""
        return self._path.stat().st_size

    @property
    def is_whole(self) -> bool:
        """Whether its last line has an end."""
        with _reading(self._path), open(self._path, "rb", opener=quietly) as file:
            file.seek(-min(1, self.size), os.SEEK_END)
            return file.read(1) in (b"", b"\n")

    def lines(self, progress: str) -> Iterator[tuple[str, Callable[[], str]]]:
        """Each whole line after what is done, with a function that says how far that line is. Raises Refused(409)."""
        digest, offset = hashlib.sha256(), 0
        with _reading(self._path), open(self._path, "rb", opener=quietly) as file:
            if progress:
                done, _, known = progress.partition(":")
                while offset < int(done) and (piece := file.read(min(_CHUNK, int(done) - offset))):
                    digest.update(piece)
                    offset += len(piece)
                if digest.hexdigest() != known:
                    raise Refused(f"{self._path} is not what it was when it was imported.", status=409)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # still being written
                digest.update(line)
                offset += len(line)
                at = offset
                yield line.decode(errors="replace"), lambda at=at: f"{at}:{digest.hexdigest()}"  # type: ignore[misc]
