"""Stories of the catalogue: read once per commit, whoever asks, and whatever is pulled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from nbhostd.core.catalog import Facts
from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName
from nbhostd.services.catalog import Catalog
from nbhostd.services.tasks import KeyedLocks, Tasks
from tests.fakes.catalogs import FakeCatalogs, FakeNotebooks
from tests.services.test_courses import NAME, URL, Scene

OLD = {"w1/a.md": b"---\njupyter: {nbhosting: {title: Old}}\n---\n"}
NEW = {"w1/a.md": b"---\njupyter: {nbhosting: {title: New}}\n---\n"}


class CatalogScene(Scene):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.reader, self.catalogs, self.tasks = FakeNotebooks(self.git), FakeCatalogs(), Tasks()
        self.catalog = Catalog(self.reader, self.catalogs, self.courses, KeyedLocks(), self.tasks)


@pytest.fixture
def scene() -> CatalogScene:
    return CatalogScene()


def titles(facts: Facts) -> list[str]:
    return [one.title for one in facts.values()]


async def test_a_course_is_read_once_per_commit_however_many_ask(scene: CatalogScene) -> None:
    course = await scene.created(OLD)
    answers = await asyncio.gather(*(scene.catalog.notebooks(course) for _ in range(20)))
    assert all(titles(answer) == ["Old"] for answer in answers)
    assert scene.reader.asked == [course.commit]
    scene.git.upstream(URL, "main", NEW)
    await scene.courses.pull(NAME, lambda _: None)
    assert titles(await scene.catalog.notebooks(await scene.courses.get(NAME))) == ["New"]


async def test_a_pull_meanwhile_gives_the_newer_catalogue(scene: CatalogScene) -> None:
    course = await scene.created(OLD)
    scene.git.upstream(URL, "main", NEW)
    await scene.courses.pull(NAME, lambda _: None)
    del scene.git._trees[NAME][course.commit or ""]
    assert titles(await scene.catalog.notebooks(course)) == ["New"]


async def test_a_tree_that_is_lost_is_said(scene: CatalogScene, caplog: pytest.LogCaptureFixture) -> None:
    course = await scene.created(OLD)
    scene.git._trees[NAME].clear()
    with pytest.raises(WorldError):
        await scene.catalog.notebooks(course)
    scene.catalog.renew(course)
    (task,) = scene.tasks._running
    await asyncio.wait([task])
    assert "titles could not be read" in caplog.text


async def test_a_course_is_read_in_the_background_when_it_has_changed(scene: CatalogScene) -> None:
    scene.courses.on_content(scene.catalog.renew)
    course = await scene.created(OLD)
    await asyncio.gather(*scene.tasks._running)
    assert scene.reader.asked == [course.commit]
    scene.git.upstream(URL, "main", NEW)
    await scene.courses.pull(NAME, lambda _: None)
    await asyncio.gather(*scene.tasks._running)
    assert len(scene.reader.asked) == 2
    await scene.courses.pull(NAME, lambda _: None)
    assert not scene.tasks._running


async def test_a_course_without_content_has_no_notebooks(scene: CatalogScene) -> None:
    course = await scene.store.create_course(CourseName("empty"), URL, None, "minimal", scene.clock.now())
    assert await scene.catalog.notebooks(course) == {}
