"""Stories of static sites: made once per commit, one after the other, kept when the next one fails; told with fakes."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbhostd.adapters import sitefiles
from nbhostd.adapters.sitefiles import SiteDirectory
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Course, HostFacts, JobSpec, JobState
from nbhostd.core.siteargv import KIND
from nbhostd.services.courses import Changes
from nbhostd.services.jobbook import Cancelled
from nbhostd.services.sites import Made, Sites, World
from tests.fakes.jobs import FakeJobs, Script
from tests.fakes.sites import FakeSites
from tests.services.cast import Host, Images
from tests.services.test_courses import NAME, URL, Scene

MINIMAL = "localhost/nbhosting/minimal-notebook"


def course_file(*builds: dict[str, str]) -> dict[str, bytes]:
    return {"nbhosting/nbhosting.yaml": json.dumps({"builds": builds}).encode()}


BOOK = {"id": "book", "name": "Book", "script": "make book"}


@dataclass
class Scripts(FakeJobs):
    """Jobs that leave a site behind when they end well."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    files: int = 2

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        self.begun.set()
        state = await super().run(number, spec, on_line)
        if state is JobState.SUCCEEDED and spec.output:
            self.write(spec.output)
        return state

    def write(self, output: str) -> None:
        with tarfile.open(output, "w") as tar:
            for number in range(self.files):
                entry = tarfile.TarInfo(f"{number}.html")
                entry.size = 1
                tar.addfile(entry, io.BytesIO(b"x"))


@dataclass
class SiteScene(Scene):
    folder: Path = Path("/nonexistent")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs, self.table, self.host = Scripts(), FakeSites(), Host()
        self.files = SiteDirectory(self.folder, settle=lambda: None)
        self.images = Images({MINIMAL: "sha256:a"})
        self.begin()
        self.works()

    def begin(self) -> None:
        """A life of the daemon."""
        world = World(
            self.courses, self.images, self.jobs, self.book, self.table, self.files, self.host, self.clock, Config,
            "/etc/ssl/ca.crt",
        )  # fmt: skip
        self.sites = Sites(world)

    def works(self, **more: object) -> None:
        self.jobs.scripts[KIND] = Script(lines=("working",), **more)  # type: ignore[arg-type]

    async def course(self, *builds: dict[str, str]) -> Course:
        return await self.created(course_file(*(builds or (BOOK,))))

    async def pulled(self, *builds: dict[str, str], content: bytes = b"new") -> Course:
        self.git.upstream(URL, "main", {**course_file(*(builds or (BOOK,))), "x.md": content})
        await self.courses.pull(NAME, lambda _: None)
        return await self.courses.get(NAME)

    async def run(self, *wanted: str, force: bool = False) -> list[Made]:
        return await self.sites.run(NAME, wanted, self.lines.append, force=force)

    async def states(self) -> list[JobState]:
        return [job.state for job in await self.store.jobs() if job.kind == KIND]


@pytest.fixture
def scene(tmp_path: Path) -> SiteScene:
    return SiteScene(folder=tmp_path / "sites")


async def test_a_site_is_made_of_the_published_commit(scene: SiteScene) -> None:
    course = await scene.course()
    (made,) = await scene.run()
    assert made == Made("book", "built", course.commit or "", 2)
    assert "working" in scene.lines
    (spec,) = scene.jobs.ran
    assert (spec.kind, spec.subject) == ("site", "python/book")
    assert f"/courses/python/public/{course.commit}," in " ".join(spec.argv)
    assert "sha256:a" in spec.argv
    request = json.loads(spec.argv[-1])
    assert (request["script"], request["result"]) == ("make book", "_build/html")
    job = await scene.store.job(2)
    assert job is not None
    assert (job.state, job.message) == (JobState.SUCCEEDED, f"{(course.commit or '')[:10]}, 2 files")
    (listed,) = await scene.sites.listed(course)
    assert (listed.latest, listed.kind) == (course.commit, "script")
    assert listed.last is not None
    assert listed.last.state is JobState.SUCCEEDED


async def test_the_same_commit_is_made_once_unless_forced(scene: SiteScene) -> None:
    await scene.course()
    await scene.run()
    assert [made.outcome for made in await scene.run()] == ["current"]
    assert "was built before" in scene.lines[-1]
    assert [made.outcome for made in await scene.run(force=True)] == ["built"]
    assert len(scene.jobs.ran) == 2
    await scene.pulled()
    assert [made.outcome for made in await scene.run()] == ["built"]


async def test_what_has_no_script_or_is_elsewhere_is_listed_and_not_run(scene: SiteScene) -> None:
    far = {"id": "far", "name": "Far", "external_url": "https://example.org", "script": "x"}
    course = await scene.course(far, {"id": "none", "name": "None"})
    assert [made.outcome for made in await scene.run()] == ["elsewhere", "nowhere"]
    assert scene.jobs.ran == []
    assert [listed.kind for listed in await scene.sites.listed(course)] == ["elsewhere", "nowhere"]


async def test_one_that_fails_stops_no_other_and_is_tried_again_without_force(scene: SiteScene) -> None:
    course = await scene.course(BOOK, {"id": "second", "name": "Second", "script": "x"})
    scene.works(state=JobState.FAILED)
    made = await scene.run()
    assert [(one.build, one.outcome) for one in made] == [("book", "failed"), ("second", "failed")]
    assert "could not be built (job 2)" in made[0].complaint
    assert "working" in made[0].complaint
    assert await scene.states() == [JobState.FAILED] * 2
    scene.works()
    assert [one.outcome for one in await scene.run("book")] == ["built"]
    assert await scene.files.latest(course.name, "second") is None
    assert list((scene.folder / ".archives").iterdir()) == []


async def test_a_site_that_is_too_large_leaves_the_earlier_one(
    scene: SiteScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await scene.course()
    await scene.run()
    await scene.pulled()
    monkeypatch.setattr(sitefiles, "_MOST_FILES", 1)
    (made,) = await scene.run()
    assert made.outcome == "failed"
    assert "too large" in made.complaint
    assert await scene.files.latest(first.name, "book") == first.commit


async def test_no_image_no_room_no_such_build(scene: SiteScene) -> None:
    await scene.course()
    with pytest.raises(Refused, match="no build “absent”; it has: book") as refusal:
        await scene.run("absent")
    assert refusal.value.status == 404
    scene.host.value = HostFacts(2, 8 << 30, 6 << 30, 1 << 30, 100 << 30)
    assert "no room" in (await scene.run())[0].complaint
    scene.images.digests.clear()
    assert "not on this server" in (await scene.run())[0].complaint
    assert scene.jobs.ran == []


async def test_one_at_a_time_per_course_and_it_can_be_cancelled(scene: SiteScene) -> None:
    course = await scene.course()
    scene.works(release=asyncio.Event())
    running = asyncio.ensure_future(scene.run())
    await scene.jobs.begun.wait()
    with pytest.raises(Refused) as refusal:
        await scene.run()
    assert (refusal.value.status, refusal.value.reason) == (409, "building")
    await scene.jobs.cancel(2)
    with pytest.raises(Cancelled):
        await running
    assert await scene.states() == [JobState.CANCELLED]
    (listed,) = await scene.sites.listed(course)
    assert listed.last is not None
    assert listed.last.state is JobState.CANCELLED
    scene.works()
    assert [one.outcome for one in await scene.run()] == ["built"]


async def test_the_latest_and_the_one_before_are_kept(scene: SiteScene) -> None:
    course = await scene.course()
    commits = []
    for number in range(4):
        course = await scene.pulled(content=str(number).encode())
        commits.append(course.commit)
        await scene.run()
    kept = {path.name for path in (scene.folder / NAME / "book").iterdir()} - {"latest", ".trees"}
    assert kept == set(commits[-2:])
    assert {site.commit for site in scene.table.sites.values()} == kept


async def test_a_build_that_the_course_does_not_list_any_more_goes(scene: SiteScene) -> None:
    await scene.course(BOOK, {"id": "second", "name": "Second", "script": "x"})
    await scene.run()
    await scene.pulled(BOOK)
    await scene.run()
    assert {path.name for path in (scene.folder / NAME).iterdir()} == {"book"}


async def test_a_pull_builds_by_itself_when_the_course_wants_it(scene: SiteScene) -> None:
    told: list[Course] = []
    scene.courses.on_pull(told.append)
    await scene.course()
    assert told == []
    course = await scene.pulled()
    assert told == [course]
    await scene.courses.pull(NAME, lambda _: None)
    assert told == [course]
    await scene.sites.autobuild(NAME)
    assert scene.jobs.ran == []
    await scene.courses.change(NAME, Changes(autobuild=True))
    await scene.sites.autobuild(NAME)
    assert await scene.files.latest(NAME, "book") == course.commit
    await scene.sites.autobuild(NAME)
    assert len(scene.jobs.ran) == 1
    await scene.courses.change(NAME, Changes(archived=True))
    await scene.pulled(content=b"newer")
    await scene.sites.autobuild(NAME)
    assert len(scene.jobs.ran) == 1


async def test_autobuild_waits_for_a_build_that_is_under_way(scene: SiteScene) -> None:
    await scene.course()
    await scene.courses.change(NAME, Changes(autobuild=True))
    release = asyncio.Event()
    scene.works(release=release)
    running = asyncio.ensure_future(scene.run())
    await scene.jobs.begun.wait()
    course = await scene.pulled()
    waiting = asyncio.ensure_future(scene.sites.autobuild(NAME))
    release.set()
    await running
    await waiting
    assert await scene.files.latest(NAME, "book") == course.commit


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.LOST])
async def test_a_build_outlives_the_daemon(scene: SiteScene, state: JobState) -> None:
    course = await scene.course()
    scene.works(release=asyncio.Event())
    running = asyncio.ensure_future(scene.run())
    await scene.jobs.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    scene.begin()
    (job,) = await scene.book.left_open("build", KIND)
    scene.jobs.write(scene.files.output(job.number))
    scene.jobs.left[job.number] = state
    await scene.sites.resume(job)
    ended = await scene.store.job(job.number)
    assert ended is not None
    assert ended.state is state
    (listed,) = await scene.sites.listed(course)
    assert listed.latest == (course.commit if state is JobState.SUCCEEDED else None)
    assert listed.last is not None
    assert listed.last.state is state
    assert list((scene.folder / ".archives").iterdir()) == []


async def test_a_build_whose_site_cannot_be_taken_over_has_failed(scene: SiteScene) -> None:
    await scene.course()
    scene.works(release=asyncio.Event())
    running = asyncio.ensure_future(scene.run())
    await scene.jobs.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (job,) = await scene.book.left_open(KIND)
    Path(scene.files.output(job.number)).write_bytes(b"torn")
    scene.jobs.left[job.number] = JobState.SUCCEEDED
    await scene.sites.resume(job)
    assert await scene.states() == [JobState.FAILED]


async def test_a_course_that_is_gone_is_an_answer(scene: SiteScene) -> None:
    with pytest.raises((Refused, WorldError)) as refusal:
        await scene.run()
    assert refusal.value.status == 404
