"""A desk without students' identities: the second implementation of core.ports.Desk, on plain paths.

`state` is laid out as the real one: courses/<course>/public/current below it, workspaces made beside. `fail` is
raised, once, by the next request.
"""

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.gist import gist
from nbhostd.core.handouts import Dropped
from nbhostd.core.model import Mapping
from nbhostd.core.names import AreaName, CourseName, FilePath, NotebookPath
from nbhostd.core.parcel import END, FILE, FOLDER, HARD, LINK, NOTE, THE_END, Entry
from nbhostd.core.progress import Fingerprint
from nbhostd.core.students import Listing, OwnFile
from nbhostd.core.takeover import Stock, Unpacked

STATIC = "/home/jovyan/static"
PACKED = ("courses", "local", "droparea", "shares", "sites", "import", "jobs", ".ssh", "backup")


@dataclass
class FakeDesk:
    state: Path
    fail: NbhostdError | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)
    known: dict[Path, dict[str, tuple[int, int]]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    """The names of files whose content was read for a fingerprint."""
    parsed: list[str] = field(default_factory=list)
    """The paths of files that were read for their gist."""

    async def prepare(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        *,
        notebook: NotebookPath | None,
        force: bool,
        links: Sequence[Mapping],
        aside: str | None = None,
    ) -> bool:
        self._asked("prepare", workspace)
        space, copied = self._space(workspace), False
        folder = space
        if notebook is not None:
            source = self.state / "courses" / course / "public" / "current" / notebook
            target = space / notebook
            folder = target.parent
            if force or not os.path.lexists(target):
                copied = self._copy(course, source, target, space, aside)
            elif target.is_symlink() or not target.is_file():
                raise Refused(
                    f"In your workspace, “{notebook}” is not a plain file.", status=409, reason="not-plain"
                )
        space.mkdir(parents=True, exist_ok=True)
        for link in links:
            _link(folder / link.source, link.destination)
        return copied

    async def reset(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        notebook: NotebookPath,
        *,
        links: Sequence[Mapping],
        aside: str,
    ) -> str | None:
        before = set(self._kept(workspace))
        await self.prepare(workspace, uid, course, notebook=notebook, force=True, links=links, aside=aside)
        return next(iter(set(self._kept(workspace)) - before), None)

    def _kept(self, workspace: int) -> list[str]:
        space = self._space(workspace)
        return [
            str(path.relative_to(space)) for path in (space / "before-reset").rglob("*") if path.is_file()
        ]

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        self._asked("exists", workspace)
        space = self._space(workspace)
        return [
            (space / path).is_file() and (space / path).resolve() == space.resolve() / path for path in paths
        ]

    async def ages(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[float | None]:
        there = await self.exists(workspace, uid, paths)
        space = self._space(workspace)
        return [
            (space / path).stat().st_mtime if found else None
            for path, found in zip(paths, there, strict=True)
        ]

    async def fingerprints(
        self, workspace: int, uid: int, known: Sequence[tuple[NotebookPath, str]]
    ) -> list[Fingerprint | None]:
        there = await self.exists(workspace, uid, [path for path, _ in known])
        space = self._space(workspace)
        return [
            self._fingerprint(space / path, stamp) if found else None
            for (path, stamp), found in zip(known, there, strict=True)
        ]

    async def gists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[str]:
        there = await self.exists(workspace, uid, paths)
        space = self._space(workspace)
        self.parsed += [path for path, found in zip(paths, there, strict=True) if found]
        return [
            gist(path.suffix, (space / path).read_bytes()) if found else ""
            for path, found in zip(paths, there, strict=True)
        ]

    def _fingerprint(self, file: Path, known: str) -> Fingerprint:
        found, content = file.stat(), file.read_bytes()
        stamp = f"{found.st_ino} {found.st_size} {found.st_ctime_ns}"
        if stamp == known:
            return Fingerprint(stamp)
        self.read.append(file.name)
        return Fingerprint(stamp, hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest())

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        self._asked("measure", workspace)
        found = [
            path.lstat()
            for path in self._space(workspace).rglob("*")
            if path.is_symlink() or not path.is_dir()
        ]
        return sum(one.st_blocks * 512 for one in found), len(found)

    async def files(
        self, workspace: int, uid: int, *, below: str = "", suffixes: Sequence[str] = ()
    ) -> Listing:
        self._asked("files", workspace)
        space = self._space(workspace)
        found = [
            path
            for path in sorted((space / below).rglob("*"))
            if path.is_file()
            and path.resolve() == space.resolve() / path.relative_to(space)
            and not any(part.startswith(".") for part in path.relative_to(space).parts)
            and path.name.endswith(tuple(suffixes) or "")
        ]
        return Listing(tuple(_own_file(space, path) for path in found))

    async def delete(self, workspace: int, uid: int, *, staged: bool = False) -> None:
        self._asked("delete", workspace)
        space = self.state / "restore" / "workspaces" / str(workspace) if staged else self._space(workspace)
        if space.exists():
            shutil.rmtree(space)

    def _asked(self, op: str, workspace: int) -> None:
        self.calls.append((op, workspace))
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error

    def _space(self, workspace: int) -> Path:
        return self.state / "workspaces" / str(workspace)

    def _copy(self, course: str, source: Path, target: Path, space: Path, aside: str | None) -> bool:
        tree = (self.state / "courses" / course / "public" / "current").resolve()
        if not source.is_file() or not source.resolve().is_relative_to(tree):
            raise Refused(
                f"The course has no notebook “{source.name}”.", status=404, reason="no-such-notebook"
            )
        _make_folders(space, target.parent)
        if target.is_dir() and not target.is_symlink():
            raise Refused(
                f"In your workspace, “{target.name}” is not a plain file.", status=409, reason="not-plain"
            )
        if os.path.lexists(target):
            if aside and target.is_file() and not target.is_symlink():
                inside = target.relative_to(space)
                kept = space / "before-reset" / inside.with_name(f"{target.stem}-{aside}{target.suffix}")
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target, kept)
            target.unlink()
        shutil.copy2(source, target)
        target.chmod(target.stat().st_mode & 0o755 | 0o600)
        return True


def _own_file(space: Path, path: Path) -> OwnFile:
    found = path.stat()
    name = FilePath.parse(str(path.relative_to(space)))
    return OwnFile(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _make_folders(space: Path, folder: Path) -> None:
    space.mkdir(parents=True, exist_ok=True)
    here = space
    for part in folder.relative_to(space).parts:
        here = here / part
        if here.is_symlink() or (here.exists() and not here.is_dir()):
            raise Refused(
                f"In your workspace, “{part}” is not a plain folder.", status=409, reason="not-plain"
            )
        here.mkdir(exist_ok=True)


def _link(link: Path, destination: str) -> None:
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"{STATIC}/{destination}")


class FakeHandingDesk(FakeDesk):
    """The same, for drop areas, imports and backups: the desks of core.handouts, core.takeover and core.backup."""

    async def drop(
        self, workspace: int, uid: int, course: CourseName, area: AreaName, files: Sequence[FilePath]
    ) -> list[Dropped]:
        self._asked("drop", workspace)
        top = self.state / "droparea" / course / area
        for file in files:
            if not (top / file).is_file() or (top / file).is_symlink():
                raise Refused(f"The drop area has no file “{file}”.", status=404, reason="no-such-file")
        return [
            self._hand_out(top / file, self._space(workspace), f"DROPPED/{area}/{file}") for file in files
        ]

    def _hand_out(self, source: Path, space: Path, path: str) -> Dropped:
        target = space / path
        if os.path.lexists(target):
            return Dropped.THERE if target.is_file() and not target.is_symlink() else Dropped.IN_THE_WAY
        try:
            _make_folders(space, target.parent)
        except Refused:
            return Dropped.IN_THE_WAY
        shutil.copy2(source, target)
        return Dropped.NEW

    async def unpack(
        self, workspace: int, uid: int, parcel: AsyncIterator[bytes], *, staged: bool = False
    ) -> Unpacked:
        self._asked("unpack", workspace)
        space = self.state / "restore" / "workspaces" / str(workspace) if staged else self._space(workspace)
        return await self._unpack(space, parcel, replace=False)

    async def stage(self, parcel: AsyncIterator[bytes]) -> Unpacked:
        self._asked("stage", 0)
        return await self._unpack(self.state / "restore", parcel, replace=False)

    async def pack(self, workspace: int, uid: int) -> AsyncGenerator[bytes]:
        self._asked("pack", workspace)
        if not self._space(workspace).is_dir():
            raise Refused("There is no such workspace.", status=404, reason="no-workspace")
        for piece in _packed(self._space(workspace), "", {}):
            yield piece
        yield THE_END

    async def pack_stock(self, path: str, *, under: Sequence[str] = ()) -> AsyncGenerator[bytes]:
        self._asked("pack_stock", 0)
        if (*under, *path.split("/"))[0] not in PACKED or ".." in path.split("/"):
            raise Refused("This is not a request.")
        top = self.state.joinpath(*under, path)
        if not top.is_dir():
            raise Refused(f"There is no {path}.", status=404, reason="no-such-place")
        for piece in _packed(top, f"{path}/", {}):
            yield piece
        yield bytes(_told_of(FOLDER, path, top.stat()))
        yield THE_END

    async def stock(
        self, place: Stock, course: CourseName | None, parcel: AsyncIterator[bytes], *, replace: bool = False
    ) -> Unpacked:
        self._asked("stock", 0)
        return await self._unpack(self.state / place / (course or ""), parcel, replace=replace)

    async def _unpack(self, top: Path, parcel: AsyncIterator[bytes], *, replace: bool) -> Unpacked:
        data = b"".join([piece async for piece in parcel])
        top.mkdir(parents=True, exist_ok=True)
        known = self.known.setdefault(top, {})
        written = size = same = 0
        kept: list[str] = []
        troubles: list[str] = []
        while True:
            if b"\n" not in data:
                raise Refused("The parcel broke off in the middle.", reason="broken-off")
            line, _, data = data.partition(b"\n")
            entry = Entry.parse(line)
            if entry.kind == END:
                return Unpacked(written, size, same, tuple(kept), len(kept), tuple(troubles))
            if entry.kind == FILE and len(data) < entry.size:
                raise Refused("The parcel broke off in the middle.", reason="broken-off")
            content, data = (data[: entry.size], data[entry.size :]) if entry.kind == FILE else (b"", data)
            target = top / entry.path
            try:
                if ".." in entry.path.split("/") or entry.path.startswith("/"):
                    raise Refused("bad")
                _make_folders(top, target.parent)
            except Refused:
                troubles.append(f"{entry.path}: in the way")
                continue
            if entry.kind == FOLDER:
                target.mkdir(exist_ok=True)
                target.chmod(entry.mode & 0o777 | 0o700)
                os.utime(target, ns=(entry.mtime, entry.mtime))
                continue
            here = _state(target)
            if here == _told(entry) and not replace:
                same += 1
            elif here is not None and not (len(here) == 2 and (replace or known.get(entry.path) == here)):
                kept.append(entry.path)
                continue
            else:
                target.unlink(missing_ok=True)
                _make(top, target, entry, content)
                written, size = written + 1, size + len(content)
            known[entry.path] = (entry.size, entry.mtime)


def _packed(folder: Path, prefix: str, first: dict[int, str]) -> Iterator[bytes]:
    for path in sorted(folder.iterdir()):
        name, seen = prefix + path.name, path.lstat()
        if path.is_symlink():
            yield bytes(Entry(LINK, name, 0o777, seen.st_mtime_ns, to=os.readlink(path)))
        elif path.is_dir():
            yield from _packed(path, f"{name}/", first)
            yield bytes(_told_of(FOLDER, name, seen))
        elif not path.is_file():
            yield bytes(Entry(NOTE, name, to="is no plain file: left out"))
        elif seen.st_ino in first:
            yield bytes(
                Entry(HARD, name, seen.st_mode & 0o7777, seen.st_mtime_ns, seen.st_size, first[seen.st_ino])
            )
        else:
            if seen.st_nlink > 1:
                first[seen.st_ino] = name
            yield bytes(_told_of(FILE, name, seen))
            yield path.read_bytes()


def _told_of(kind: str, name: str, seen: os.stat_result) -> Entry:
    return Entry(kind, name, seen.st_mode & 0o7777, seen.st_mtime_ns, seen.st_size if kind == FILE else 0)


def _state(target: Path) -> tuple[str | int, ...] | None:
    if target.is_symlink():
        return (os.readlink(target),)
    if not target.exists():
        return None
    found = target.stat()
    return (found.st_size, found.st_mtime_ns) if target.is_file() else ("a folder", 0, 0)


def _told(entry: Entry) -> tuple[str | int, ...]:
    return (entry.to,) if entry.kind == LINK else (entry.size, entry.mtime)


def _make(top: Path, target: Path, entry: Entry, content: bytes) -> None:
    if entry.kind == LINK:
        target.symlink_to(entry.to)
        os.utime(target, ns=(entry.mtime, entry.mtime), follow_symlinks=False)
    elif entry.kind == HARD:
        target.hardlink_to(top / entry.to)
    else:
        target.write_bytes(content)
        target.chmod(entry.mode & 0o777 | 0o400)
        os.utime(target, ns=(entry.mtime, entry.mtime))
