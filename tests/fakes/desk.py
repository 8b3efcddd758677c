"""A desk without students' identities: the second implementation of core.ports.Desk, on plain paths.

`state` is laid out as the real one: courses/<course>/public/current below it, workspaces made beside. `fail` is
raised, once, by the next request.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Mapping
from nbhostd.core.names import CourseName, NotebookPath

STATIC = "/home/jovyan/static"


@dataclass
class FakeDesk:
    state: Path
    fail: NbhostdError | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)

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

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        self._asked("exists", workspace)
        space = self._space(workspace)
        return [
            (space / path).is_file() and (space / path).resolve() == space.resolve() / path for path in paths
        ]

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        self._asked("measure", workspace)
        found = [
            path.lstat()
            for path in self._space(workspace).rglob("*")
            if path.is_symlink() or not path.is_dir()
        ]
        return sum(one.st_blocks * 512 for one in found), len(found)

    async def delete(self, workspace: int, uid: int) -> None:
        self._asked("delete", workspace)
        if self._space(workspace).exists():
            shutil.rmtree(self._space(workspace))

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
                kept = space / ".nbhosting/reset" / inside.with_name(f"{target.stem}-{aside}{target.suffix}")
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target, kept)
            target.unlink()
        shutil.copy2(source, target)
        target.chmod(target.stat().st_mode & 0o755 | 0o600)
        return True


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
