"""Courses' directories in memory: the second implementation of core.ports.CourseDirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import CourseDirectory
from nbhostd.core.names import CourseName

KINDS = ("courses", "sites", "droparea", "local")


@dataclass
class FakeDirs:
    """`files[kind, course]` is how many files are in a directory."""

    files: dict[tuple[str, str], int] = field(default_factory=dict)
    note: tuple[CourseName, CourseName] | None = None
    fail: NbhostdError | None = None

    async def move(self, old: CourseName, new: CourseName) -> None:
        if self.fail is not None:
            raise self.fail
        for kind in KINDS:
            if (kind, new) in self.files and (kind != "local" or (kind, old) in self.files):
                raise Refused("There is a directory of that name.", status=409, reason="course-exists")
        self.note = (old, new)
        await self.complete(old, new)

    async def complete(self, old: CourseName, new: CourseName) -> None:
        for kind in KINDS:
            if (kind, old) in self.files:
                self.files[kind, new] = self.files.pop((kind, old))

    async def settle(self) -> None:
        self.note = None

    async def half_moved(self) -> tuple[CourseName, CourseName] | None:
        return self.note

    async def present(self, course: CourseName) -> list[CourseDirectory]:
        return [
            CourseDirectory(kind, f"/{kind}/{course}", 512 * self.files[kind, course], self.files[kind, course],
                            kept=kind == "local")
            for kind in KINDS
            if (kind, course) in self.files
        ]  # fmt: skip

    async def remove(self, course: CourseName) -> None:
        for kind in KINDS[:-1]:
            self.files.pop((kind, course), None)
