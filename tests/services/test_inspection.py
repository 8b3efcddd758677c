"""Inspection: each commit is looked at once, by whoever asks first, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from nbhostd.adapters.courselint import TreeInspector
from nbhostd.core.errors import WorldError
from nbhostd.core.lint import Finding
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.ports_teaching import Inspector
from nbhostd.services.inspection import Inspection
from nbhostd.services.tasks import Tasks
from tests.fakes.git import FakeGit
from tests.fakes.teaching import FakeInspector

PYTHON = CourseName("python")
COURSE = Course(1, PYTHON, "/x", None, "minimal", commit="a" * 40)
FAULT = Finding("w1/a.md", 0, "error", "is odd")


@dataclass
class Slow:
    """An inspector that waits until it may say what it found."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    broken: bool = False

    async def findings(self, course: CourseName, commit: str) -> Sequence[Finding]:
        self.looks += 1
        await self.go.wait()
        if self.broken:
            raise WorldError("It is gone.")
        return [FAULT]


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    keeper = Tasks()
    yield keeper
    await keeper.close()


async def test_a_page_does_not_wait_for_ever_and_the_next_one_is_told(tasks: Tasks) -> None:
    slow = Slow()
    inspection = Inspection(slow, tasks, patience=0)
    assert await inspection.findings(COURSE) is None
    assert await inspection.findings(COURSE) is None
    slow.go.set()
    await asyncio.gather(*tasks._running)
    assert await inspection.findings(COURSE) == [FAULT]
    assert slow.looks == 1


async def test_a_new_commit_is_looked_at_before_anybody_asks(tasks: Tasks) -> None:
    slow = Slow()
    slow.go.set()
    inspection = Inspection(slow, tasks)
    await inspection.findings(COURSE)
    newer = replace(COURSE, commit="b" * 40)
    inspection.renew(newer)
    await asyncio.gather(*tasks._running)
    assert slow.looks == 2
    await inspection.findings(newer)
    assert slow.looks == 2


async def test_what_failed_is_tried_again_and_no_commit_has_no_fault(tasks: Tasks) -> None:
    slow = Slow(broken=True)
    slow.go.set()
    inspection = Inspection(slow, tasks)
    with pytest.raises(WorldError):
        await inspection.findings(COURSE)
    slow.broken = False
    assert await inspection.findings(COURSE) == [FAULT]
    assert await inspection.findings(replace(COURSE, commit=None)) == ()


FILES = {
    "w1/a.ipynb": b"not json",
    "w1/b c.md": b"---\njupyter:\n  kernelspec:\n    name: python3\n---\n# B\n",
    "nbhosting/nbhosting.yaml": b"odd: 1\n",
    "nbhosting/tracks.py": b"",
}


@pytest.fixture(params=["real", "fake"])
async def inspector(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Inspector, str]:
    """Both, with the same course."""
    git = FakeGit()
    git.upstream("/up", "main", FILES)
    commit = await git.fetch(PYTHON, "/up", None, lambda line: None)
    await git.export(PYTHON, commit, lambda line: None)
    if request.param == "fake":
        return FakeInspector(git), commit
    for name, content in FILES.items():
        path = tmp_path / PYTHON / "public" / commit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / PYTHON / "public" / commit / "link.md").symlink_to("/etc/passwd")
    return TreeInspector(tmp_path), commit


async def test_both_inspectors_find_the_same(inspector: tuple[Inspector, str]) -> None:
    found = await inspector[0].findings(PYTHON, inspector[1])
    assert {(one.file, one.line, one.level) for one in found} == {
        ("nbhosting/nbhosting.yaml", 1, "error"), ("nbhosting/tracks.py", 0, "warning"), ("w1/a.ipynb", 0, "error"),
    }  # fmt: skip
    with pytest.raises(WorldError):
        await inspector[0].findings(PYTHON, "c" * 40)
