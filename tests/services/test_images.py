"""Builds: bases first, one at a time, failures told with their last lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from nbhostd.core.config import Config
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.imagenames import KINDS, kind_image
from nbhostd.core.model import Course, Job, JobSpec, JobState
from nbhostd.services.courses import Changes
from nbhostd.services.images import KIND, ImageBuilder
from nbhostd.services.recipes import Recipes
from tests.fakes.jobs import FakeJobs, Script
from tests.fakes.localfiles import FakeLocalFiles
from tests.services.cast import Images
from tests.services.test_courses import Scene

MINIMAL = "localhost/nbhosting/minimal-notebook"
SCIPY = "localhost/nbhosting/scipy-notebook"
OWN = "localhost/nbhosting/course-python"


@dataclass
class Builds(FakeJobs):
    """Jobs that leave an image behind when they end well."""

    images: Images = field(default_factory=lambda: Images({}))
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        self.begun.set()
        state = await super().run(number, spec, on_line)
        if state is JobState.SUCCEEDED and spec.kind == KIND:
            what = spec.argv[1]
            name = kind_image(what) if what in KINDS else f"localhost/nbhosting/course-{what}"
            self.images.digests[name] = f"sha256:{number}"
        return state


@dataclass
class BuildScene(Scene):
    images: Images = field(default_factory=lambda: Images({MINIMAL: "sha256:a", SCIPY: "sha256:b"}))
    overrides: FakeLocalFiles = field(default_factory=FakeLocalFiles)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs = Builds(images=self.images)
        self.recipes = Recipes(self.git, self.overrides, Config)
        self.builder = ImageBuilder(self.images, self.jobs, self.book, self.courses, self.recipes, Config)
        self.works()

    def works(self) -> None:
        self.jobs.scripts[KIND] = Script(lines=("STEP 1", "done"))
        self.jobs.scripts["prune"] = Script()

    @property
    def built(self) -> list[tuple[str, ...]]:
        return [spec.argv[1:] for spec in self.jobs.ran if spec.kind == KIND]

    async def job(self, kind: str = KIND) -> Job:
        """The latest of a kind."""
        return next(job for job in await self.store.jobs() if job.kind == kind)


@pytest.fixture
def scene() -> BuildScene:
    return BuildScene()


async def test_a_build_runs_the_recipe_and_is_recorded_by_digest(scene: BuildScene) -> None:
    built = await scene.builder.build("minimal", scene.lines.append)
    assert (built.name, built.digest) == (MINIMAL, "sha256:1")
    assert scene.jobs.ran[0].argv == ("/usr/share/nbhostd/images/build", "minimal", "--base=local")
    assert scene.lines == ["STEP 1", "done"]
    job = await scene.store.job(built.job)
    assert job is not None
    assert (job.kind, job.subject, job.state, job.message) == (
        "build",
        "minimal",
        JobState.SUCCEEDED,
        f"{MINIMAL} sha256:1",
    )


async def test_fresh_is_handed_on(scene: BuildScene) -> None:
    await scene.builder.build("scipy", lambda _: None, fresh=True)
    assert scene.built == [("scipy", "--base=local", "--fresh")]


async def test_a_missing_base_is_built_first(scene: BuildScene) -> None:
    del scene.images.digests[MINIMAL]
    await scene.builder.build("scipy", scene.lines.append, fresh=True)
    assert [argv[0] for argv in scene.built] == ["minimal", "scipy"]
    assert "--fresh" not in scene.built[0]
    assert "the base image “minimal” is missing: it is built first" in scene.lines


@pytest.mark.parametrize(
    ("recipe", "missing", "built"),
    [
        (b"FROM nbhosting/scipy-notebook\nRUN x", [MINIMAL, SCIPY], ["minimal", "scipy", "python"]),
        (
            b"from --platform=x localhost/nbhosting/minimal-notebook:latest AS y",
            [MINIMAL],
            ["minimal", "python"],
        ),
        (b"ARG X\nFROM debian AS s\nFROM nbhosting/minimal-notebook\n", [MINIMAL], ["minimal", "python"]),
        (b"FROM nbhosting/scipy-notebook", [], ["python"]),
        (b"FROM debian\n# FROM nbhosting/scipy-notebook", [SCIPY], ["python"]),
        (b"FROM registry.test/scipy-notebook-other", [SCIPY], ["python"]),
        (b"\xff\xfe", [SCIPY], ["python"]),
    ],
)
async def test_a_course_is_built_on_what_its_recipe_names(
    scene: BuildScene, recipe: bytes, missing: list[str], built: list[str]
) -> None:
    course = await scene.created({"nbhosting/Containerfile": recipe})
    for image in missing:
        del scene.images.digests[image]
    result = await scene.builder.build("python", lambda _: None)
    assert result.name == OWN
    assert [argv[0] for argv in scene.built] == built
    context = f"--context=/var/lib/nbhostd/courses/python/public/{course.commit}/nbhosting"
    assert scene.built[-1] == ("python", context)


async def test_a_course_without_a_recipe_is_told_so(scene: BuildScene) -> None:
    await scene.created()
    with pytest.raises(Refused, match="it uses minimal") as refusal:
        await scene.builder.build("python", lambda _: None)
    assert refusal.value.status == 404
    with pytest.raises(Refused) as refusal:
        await scene.builder.build("absent", lambda _: None)
    assert refusal.value.status == 404
    assert scene.jobs.ran == []


async def test_a_build_that_fails_shows_its_last_lines(scene: BuildScene) -> None:
    lines = tuple(f"line {n}" for n in range(40))
    scene.jobs.scripts[KIND] = Script(lines=lines, state=JobState.FAILED)
    with pytest.raises(WorldError) as error:
        await scene.builder.build("minimal", scene.lines.append)
    assert error.value.message.endswith("line 38\nline 39")
    assert "line 20" not in error.value.message
    job = await scene.job()
    assert (job.state, job.message) == (JobState.FAILED, "The image “minimal” could not be built (job 1).")
    scene.works()
    await scene.builder.build("minimal", lambda _: None)


async def test_a_build_without_an_image_at_its_end_is_no_success(scene: BuildScene) -> None:
    scene.images.digests.clear()
    scene.jobs.images = Images({})
    with pytest.raises(WorldError, match="there is no image"):
        await scene.builder.build("minimal", lambda _: None)
    assert (await scene.job()).state is JobState.FAILED


async def test_one_build_at_a_time_and_it_can_be_cancelled(scene: BuildScene) -> None:
    release = asyncio.Event()
    scene.jobs.scripts[KIND] = Script(release=release)
    building = asyncio.ensure_future(scene.builder.build("minimal", lambda _: None))
    await scene.jobs.begun.wait()
    with pytest.raises(Refused) as refusal:
        await scene.builder.build("scipy", lambda _: None)
    assert refusal.value.status == 409
    await scene.jobs.cancel(1)
    with pytest.raises(WorldError, match="was cancelled"):
        await building
    assert (await scene.job()).state is JobState.CANCELLED
    scene.works()
    await scene.builder.build("scipy", lambda _: None)


async def test_a_build_outlives_the_daemon(scene: BuildScene) -> None:
    scene.jobs.scripts[KIND] = Script(release=asyncio.Event())
    building = asyncio.ensure_future(scene.builder.build("minimal", lambda _: None))
    await scene.jobs.begun.wait()
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    (job,) = await scene.book.left_open(KIND)
    assert job.state is JobState.RUNNING
    scene.jobs.left[job.number] = JobState.SUCCEEDED
    await scene.builder.resume(job)
    ended = await scene.store.job(job.number)
    assert ended is not None
    assert ended.state is JobState.SUCCEEDED


async def test_what_is_unused_can_be_removed(scene: BuildScene) -> None:
    scene.jobs.scripts["prune"] = Script(lines=("sha256:0",))
    await scene.builder.prune(scene.lines.append)
    assert scene.lines == ["sha256:0"]
    scene.jobs.scripts["prune"] = Script(state=JobState.FAILED)
    with pytest.raises(WorldError):
        await scene.builder.prune(scene.lines.append)


async def test_a_name_that_is_no_name_is_refused(scene: BuildScene) -> None:
    with pytest.raises(Refused):
        await scene.builder.build("../x", lambda _: None)


async def test_the_administrators_recipe_counts_first_and_may_start_from_anything(scene: BuildScene) -> None:
    course = await scene.created({"nbhosting/Containerfile": b"FROM nbhosting/minimal-notebook"})
    foreign = b"FROM localhost/nbhosting/course-other\nCOPY --from=nbhosting/scipy-notebook /x /y"
    scene.overrides.files[course.name, "Dockerfile"] = foreign
    del scene.images.digests[SCIPY]
    await scene.builder.build("python", lambda _: None)
    assert [argv[0] for argv in scene.built] == ["scipy", "python"]
    assert scene.built[-1] == ("python", "--context=/var/lib/nbhostd/local/python")
    scene.overrides.files[course.name, "Containerfile"] = b"FROM debian"
    recipe = await scene.recipes.of(course)
    assert recipe is not None
    assert recipe.shown.endswith("/local/python/Containerfile")


async def test_a_course_does_not_start_from_another_courses_image(scene: BuildScene) -> None:
    await scene.created({"nbhosting/Containerfile": b"FROM localhost/nbhosting/course-other"})
    with pytest.raises(Refused, match="names the image “localhost/nbhosting/course-other”"):
        await scene.builder.build("python", lambda _: None)
    assert scene.jobs.ran == []


async def test_what_a_build_has_replaced_is_removed_and_may_stay(scene: BuildScene) -> None:
    await scene.builder.build("minimal", lambda _: None)
    (spec,) = [spec for spec in scene.jobs.ran if spec.kind == "prune"]
    # Without its first option podman does not know the workspaces, and takes the image from under them.
    assert spec.argv == ("/usr/bin/podman", "--transient-store", "image", "prune", "--force")
    scene.jobs.scripts["prune"] = Script(state=JobState.FAILED)
    await scene.builder.build("minimal", lambda _: None)
    assert (await scene.job("prune")).state is JobState.FAILED
    assert (await scene.job()).state is JobState.SUCCEEDED


async def test_a_deleted_courses_image_goes_unless_another_course_uses_it(scene: BuildScene) -> None:
    course = await scene.created({"nbhosting/Containerfile": b"FROM nbhosting/minimal-notebook"})
    await scene.builder.build("python", lambda _: None)
    await scene.builder.forget(course)
    assert not [spec for spec in scene.jobs.ran if "rm" in spec.argv]
    await scene.courses.change(course.name, Changes(image="minimal"))
    await scene.builder.forget(course)
    (spec,) = [spec for spec in scene.jobs.ran if "rm" in spec.argv]
    assert spec.argv[1:] == ("--transient-store", "image", "rm", "--ignore", OWN)
    scene.jobs.scripts["prune"] = Script(state=JobState.FAILED)
    await scene.builder.forget(course)


async def test_what_is_in_an_image(scene: BuildScene) -> None:
    await scene.created({})
    said = ("python\t3.13.5", "a word of pip's", "numpy\t2.1", "JupyterLab\t4.6")
    scene.jobs.scripts["details"] = Script(lines=said)
    for target in ("minimal", "python", MINIMAL):
        details = await scene.builder.details(target)
        assert (details.name, details.digest, details.python) == (MINIMAL, "sha256:a", "3.13.5")
        assert list(details.packages.items()) == [("JupyterLab", "4.6"), ("numpy", "2.1")]
    with pytest.raises(Refused) as refusal:
        await scene.builder.details("registry.test/absent")
    assert refusal.value.status == 404
    scene.jobs.scripts["details"] = Script(state=JobState.FAILED)
    with pytest.raises(WorldError):
        await scene.builder.details("minimal")


@pytest.mark.parametrize(
    ("image", "files", "said"),
    [
        ("scipy", {}, "nbhostctl image build scipy"),
        ("own", {"nbhosting/Dockerfile": b"FROM x"}, "nbhostctl image build python"),
        ("own", {}, "it has no recipe"),
        ("registry.test/absent:1", {}, "nothing here builds an image “registry.test/absent:1”"),
    ],
)
async def test_advice_about_an_image_that_is_missing_can_be_followed(
    scene: BuildScene, image: str, files: dict[str, bytes], said: str
) -> None:
    course: Course = await scene.created(files)
    course = await scene.courses.change(course.name, Changes(image=image))
    assert said in await scene.builder.advice(course)


async def test_a_new_course_with_an_administrators_recipe_uses_the_image_made_from_it(
    scene: BuildScene,
) -> None:
    scene.local.files["python", "Dockerfile"] = b"FROM nbhosting/scipy-notebook"
    course = await scene.created({})
    assert course.image == OWN
