"""Every content that a notebook ever had, from real repositories."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from pygit2.enums import FileMode, ObjectType

from nbhostd.adapters.gitversions import MirrorHistories
from nbhostd.core.errors import WorldError
from nbhostd.core.gist import LARGEST, gist
from nbhostd.core.names import CourseName, NotebookPath

COURSE = CourseName("python")
AUTHOR = pygit2.Signature("A. Teacher", "teacher@example.org", 1_700_000_000)


class Mirror:
    def __init__(self, top: Path) -> None:
        self.repository = pygit2.init_repository(top / COURSE / "git", bare=True)

    def commit(self, files: dict[str, str], branch: str = "main") -> str:
        name = f"refs/heads/{branch}"
        parents = [self.repository.references[name].target] if name in self.repository.references else []
        tree = self._tree({tuple(path.split("/")): text for path, text in files.items()})
        return str(self.repository.create_commit(name, AUTHOR, AUTHOR, "m", tree, list(parents)))

    def _tree(self, files: dict[tuple[str, ...], str]) -> pygit2.Oid:
        builder = self.repository.TreeBuilder()
        for name in {path[0] for path in files}:
            below = {path[1:]: text for path, text in files.items() if path[0] == name}
            if () in below:
                builder.insert(name, self.repository.create_blob(below[()].encode()), FileMode.BLOB)
            else:
                builder.insert(name, self._tree(below), FileMode.TREE)
        return builder.write()


def blob(text: str) -> str:
    return str(pygit2.hash(text.encode()))


async def test_all_versions_of_all_branches_count(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path)
    mirror.commit({"w1/a.md": "1", "data.csv": "x"})
    mirror.commit({"w1/a.md": "2", "b.py": "b"})
    newest = mirror.commit({"w1/a.md": "1", "b.py": "b"})
    mirror.commit({"w1/a.md": "other"}, branch="next")
    history = await MirrorHistories(tmp_path).history(COURSE, newest)
    assert {path: set(versions) for path, versions in history.items()} == {
        NotebookPath("w1/a.md"): {blob("1"), blob("2"), blob("other")},
        NotebookPath("b.py"): {blob("b")},
    }
    assert mirror.repository[blob("1")].type == ObjectType.BLOB


async def test_a_history_is_read_once_per_commit(tmp_path: Path) -> None:
    mirror, histories = Mirror(tmp_path), MirrorHistories(tmp_path)
    first = mirror.commit({"a.md": "1"})
    before = await histories.history(COURSE, first)
    assert await histories.history(COURSE, first) is before
    second = mirror.commit({"a.md": "2"})
    assert len((await histories.history(COURSE, second))[NotebookPath("a.md")]) == 2


async def test_gists_are_those_of_all_versions_and_of_one_notebook(tmp_path: Path) -> None:
    mirror, histories = Mirror(tmp_path), MirrorHistories(tmp_path)
    mirror.commit({"a.md": "1", "b.md": "b"})
    first = mirror.commit({"a.md": "2", "b.md": "b"})
    a = NotebookPath("a.md")
    assert await histories.gists(COURSE, first, a) == {gist(".md", b"1"), gist(".md", b"2")}
    second = mirror.commit({"a.md": "x" * (LARGEST + 1)})
    assert await histories.gists(COURSE, second, a) == {gist(".md", b"1"), gist(".md", b"2")}
    third = mirror.commit({"a.md": "3"})
    assert gist(".md", b"3") in await histories.gists(COURSE, third, a)
    assert await histories.gists(COURSE, third, NotebookPath("absent.md")) == set()


async def test_a_course_without_a_mirror_is_said_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        await MirrorHistories(tmp_path).history(COURSE, "0" * 40)
