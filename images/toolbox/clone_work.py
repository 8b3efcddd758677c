"""The student's files around a clone: what is changed, what is in the way of the course's, and putting aside without losing.

Paths are bytes, relative to the workspace: a file name need not be text.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from clone_git import Git

# Links that open the course's files to a MOOC's student; ours, so nobody's work.
OUR_LINKS = b"/home/jovyan/static/"
SUBMODULE = "160000"
LONGEST_NAME = 255  # bytes, of one component of a path

Tree = Mapping[bytes, tuple[str, str]]


@dataclass(frozen=True)
class Changed:
    """One tracked file that is not as in the last commit: `X` in the index, `Y` in the working tree, as Git says it."""

    path: bytes
    index: str
    working: str


def changed_files(git: Git) -> list[Changed]:
    """The tracked files that are not as in the last commit; of submodules nothing."""
    found = []
    argv = (
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=no",
        "--ignore-submodules=all",
        "--no-renames",
    )
    for item in git.run(*argv).items:
        kind, _, rest = item.partition(b" ")
        if kind in (b"1", b"u"):
            fields = rest.split(b" ", 9 if kind == b"u" else 7)
            states = fields[0].decode()
            found.append(Changed(fields[-1], "U" if kind == b"u" else states[0], states[1]))
    return found


def tracked_files(git: Git) -> set[bytes]:
    """The paths in the index."""
    return set(git.run("ls-files", "-z", "--cached").items)


def parents(path: bytes) -> Iterator[bytes]:
    """The directories that a path is in, the outermost first."""
    position = path.find(b"/")
    while position > 0:
        yield path[:position]
        position = path.find(b"/", position + 1)


class WorkingTree:
    """The files in the workspace `root`; `before` is where things are put that have no room beside themselves."""

    def __init__(self, root: str, stamp: str) -> None:
        self.root = os.fsencode(root)
        self.stamp = stamp.encode()
        self.before = b".nbhosting/before/" + self.stamp

    def at(self, path: bytes) -> bytes:
        """Where that file is on the disk."""
        return os.path.join(self.root, path)

    def state(self, path: bytes) -> os.stat_result | None:
        """What is there, itself and not what it leads to; None for nothing."""
        try:
            return os.lstat(self.at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_plain(self, path: bytes) -> bool:
        """Whether it is a file or link that Git can hold (no pipe, socket or device), in real directories."""
        if any(os.path.islink(self.at(parent)) for parent in parents(path)):
            return False
        state = self.state(path)
        return state is not None and (stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode))

    def object_of(self, path: bytes) -> str | None:
        """The name (SHA-1) that Git gives to the bytes as they are there, or None for what has none."""
        state = self.state(path)
        if state is None or not self.is_plain(path):
            return None
        if stat.S_ISLNK(state.st_mode):
            target = os.readlink(self.at(path))
            return hashlib.sha1(b"blob %d\0%s" % (len(target), target), usedforsecurity=False).hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % state.st_size, usedforsecurity=False)
        with open(self.at(path), "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def in_the_way(self, wanted: Tree, tracked: Collection[bytes]) -> list[bytes]:
        """What the course's files of `wanted` cannot be written over: files that Git does not follow, at their paths or as
        one of their directories, and directories where a file is to be."""
        found: dict[bytes, None] = {}
        directories: dict[bytes, bool] = {}
        for path, (mode, _) in wanted.items():
            for parent in parents(path):
                if parent not in directories:
                    state = self.state(parent)
                    directories[parent] = state is None or stat.S_ISDIR(state.st_mode)
                    if not directories[parent] and parent not in tracked:
                        found[parent] = None
                if not directories[parent]:
                    break
            else:
                state = self.state(path)
                if state is not None and stat.S_ISDIR(state.st_mode):
                    if mode != SUBMODULE and (path in tracked or self._untracked_below(path, tracked)):
                        found[path] = None
                elif state is not None and (path not in tracked or not self.is_plain(path)):
                    found[path] = None
        return list(found)

    def put_aside(
        self, path: bytes, tracked: Collection[bytes], *, beside: bool
    ) -> list[tuple[bytes, bytes]]:
        """Move what is at that path out of the way; what went where.

        Beside itself under a name of its own, or below `before`. Of a directory that holds the course's files too, only
        the others move.
        """
        target = self._beside(path) if beside else self.before + b"/" + path
        if self._is_directory(path) and any(name.startswith(path + b"/") for name in tracked):
            below = self._untracked_below(path, tracked)
            moves = [(name, target + name[len(path) :]) for name in below]
        else:
            moves = [(path, target)]
        return [(here, self.move(here, there)) for here, there in moves]

    def move(self, here: bytes, there: bytes) -> bytes:
        """Rename, making the directories; never over something: where it is then."""
        stem, suffix = os.path.splitext(there)
        number = 1
        while self.state(there) is not None:
            number += 1
            there = stem + b"-%d" % number + suffix
        os.makedirs(os.path.dirname(self.at(there)), exist_ok=True)
        os.rename(self.at(here), self.at(there))
        return there

    def write(self, path: bytes, content: bytes) -> None:
        """Replace a file's content in one step; its permissions stay."""
        temporary = self.at(path) + b".nbhosting-" + self.stamp
        with open(temporary, "xb") as file:
            file.write(content)
        os.chmod(temporary, stat.S_IMODE(os.stat(self.at(path)).st_mode))
        os.replace(temporary, self.at(path))

    def remove(self, path: bytes) -> None:
        """Unlink one file or link."""
        os.unlink(self.at(path))

    def is_our_link(self, path: bytes) -> bool:
        """Whether it is a link to the course's files that a MOOC's opening made."""
        state = self.state(path)
        return (
            state is not None
            and stat.S_ISLNK(state.st_mode)
            and os.readlink(self.at(path)).startswith(OUR_LINKS)
        )

    def has(self, path: str) -> bool:
        """Whether a file is at that path, in the workspace."""
        parts = path.split("/")
        return bool(path) and not {"", ".", ".."} & set(parts) and os.path.isfile(self.at(os.fsencode(path)))

    def _is_directory(self, path: bytes) -> bool:
        state = self.state(path)
        return state is not None and stat.S_ISDIR(state.st_mode)

    def _untracked_below(self, path: bytes, tracked: Collection[bytes]) -> list[bytes]:
        found = []
        for directory, _, names in os.walk(self.at(path)):
            for name in names:
                inside = os.path.relpath(os.path.join(directory, name), self.root)
                if inside not in tracked:
                    found.append(inside)
        return found

    def _beside(self, path: bytes) -> bytes:
        """`w1/n.ipynb` → `w1/n.mine-STAMP.ipynb`."""
        directory, name = os.path.split(path)
        stem, suffix = os.path.splitext(name)
        renamed = stem + b".mine-" + self.stamp + suffix
        if len(renamed) > LONGEST_NAME:
            return self.before + b"/" + path
        return os.path.join(directory, renamed)


def show(path: bytes) -> str:
    """A path as text for people and JSON: bytes that are no UTF-8 are shown as `\\xe9`."""
    return path.decode("utf-8", "backslashreplace")


def nul_ended(paths: Iterable[bytes]) -> bytes:
    """Paths as Git reads them with `-z --stdin`."""
    return b"".join(path + b"\0" for path in paths)
