"""What administrators lay over courses, in memory: (course, file name) -> content."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbhostd.core.names import CourseName


@dataclass
class FakeLocalFiles:
    """`files[course, name] = content` is the administrator's editor."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)

    async def read(self, course: CourseName, name: str, *, limit: int = 1 << 20) -> bytes | None:
        content = self.files.get((course, name))
        return None if content is None else content[:limit]

    def path(self, course: CourseName, name: str) -> str | None:
        known = any(of == course and (path == name or path.startswith(f"{name}/")) for of, path in self.files)
        return f"/local/{course}/{name}" if known else None

    def version(self, course: CourseName, name: str) -> str:
        content = self.files.get((course, name))
        return "" if content is None else f"{hash(content)}"
