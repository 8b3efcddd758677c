"""A course's directories, moved and removed as one: the fake and the real ones keep the same promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbhostd.adapters.coursedirs import CourseDirectories
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.names import CourseName
from nbhostd.core.ports_upkeep import CourseDirs
from tests.fakes.coursedirs import KINDS, FakeDirs

OLD, NEW = CourseName("old"), CourseName("new")


class Place:
    """One implementation, and what is in it."""

    def __init__(self, state: Path | None) -> None:
        self.state = state
        self.fake = FakeDirs()
        self.dirs: CourseDirs = CourseDirectories(state) if state else self.fake

    def put(self, kind: str, course: str) -> None:
        if self.state is None:
            self.fake.files[kind, course] = 1
        else:
            (self.state / kind / course).mkdir(parents=True)
            (self.state / kind / course / "file").write_text(kind)

    async def there(self, course: CourseName) -> list[str]:
        found = await self.dirs.present(course)
        assert all(directory.files == 1 for directory in found)
        return [directory.kind for directory in found]


@pytest.fixture(params=["real", "fake"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path if request.param == "real" else None)


async def test_all_move_together(place: Place) -> None:
    for kind in ("courses", "droparea", "local"):
        place.put(kind, OLD)
    await place.dirs.move(OLD, NEW)
    assert await place.there(NEW) == ["courses", "droparea", "local"]
    assert await place.there(OLD) == []
    assert await place.dirs.half_moved() == (OLD, NEW)
    await place.dirs.settle()
    assert await place.dirs.half_moved() is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_that_is_taken_on_the_disk_moves_nothing(place: Place, kind: str) -> None:
    for each in KINDS:
        place.put(each, OLD)
    place.put(kind, NEW)
    with pytest.raises(Refused) as refusal:
        await place.dirs.move(OLD, NEW)
    assert refusal.value.status == 409
    assert await place.there(OLD) == list(KINDS)
    assert await place.dirs.half_moved() is None


async def test_what_the_administrator_has_moved_already_is_fine(place: Place) -> None:
    place.put("courses", OLD)
    place.put("local", NEW)
    await place.dirs.move(OLD, NEW)
    assert await place.there(NEW) == ["courses", "local"]


async def test_half_a_move_is_gone_on_with_or_taken_back(place: Place) -> None:
    place.put("courses", OLD)
    place.put("sites", NEW)
    await place.dirs.complete(OLD, NEW)
    assert await place.there(NEW) == ["courses", "sites"]
    await place.dirs.complete(NEW, OLD)
    assert await place.there(OLD) == ["courses", "sites"]


async def test_the_administrators_directory_is_never_removed(place: Place) -> None:
    for kind in KINDS:
        place.put(kind, OLD)
    await place.dirs.remove(OLD)
    assert await place.there(OLD) == ["local"]
    await place.dirs.remove(OLD)


async def test_what_may_not_be_moved_leaves_all_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, rename = Place(tmp_path), os.rename
    for kind in KINDS:
        place.put(kind, OLD)

    def refuse(source: Path, target: Path) -> None:
        if "courses" in source.parts and source.name == OLD:
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(Refused, match="move it to"):
        await place.dirs.move(OLD, NEW)
    assert await place.there(OLD) == list(KINDS)
    assert await place.dirs.half_moved() is None


async def test_half_a_note_is_no_move(tmp_path: Path) -> None:
    (tmp_path / "courses").mkdir()
    (tmp_path / "courses/.renaming").write_text('["old')
    dirs = CourseDirectories(tmp_path)
    with pytest.raises(WorldError):
        await dirs.half_moved()
    assert await dirs.half_moved() is None
