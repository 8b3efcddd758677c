"""Builds images: a course's after its base, one build at a time, the one in use untouched until the new one is whole."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nbhostd.core import imagenames
from nbhostd.core.buildargv import build_image, look_into, prune_images, remove_image
from nbhostd.core.config import Config
from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.model import Course, Job, JobSpec, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Images, Jobs
from nbhostd.core.recipe import BASE_OF
from nbhostd.core.subject import subject
from nbhostd.services.courses import Courses
from nbhostd.services.jobbook import Cancelled, JobBook, Say
from nbhostd.services.recipes import Recipes

log = logging.getLogger(__name__)

KIND = "build"

_LAST_LINES = 12
_MOST_PACKAGES = 5000


@dataclass(frozen=True, slots=True)
class Built:
    """An image that is there now."""

    name: str
    digest: str
    job: int


@dataclass(frozen=True, slots=True)
class Details:
    """What is in an image: Python's version and the packages', by name."""

    name: str
    digest: str
    python: str
    packages: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to build: for people, for images/build, and for a course the directory with its recipe."""

    target: str
    what: str
    image: str
    context: str | None = None
    bases: tuple[str, ...] = ()


class ImageBuilder:
    """Builds are jobs, and outlive the daemon: `resume` at the next start sees to those that it finds."""

    def __init__(
        self, images: Images, jobs: Jobs, book: JobBook, courses: Courses, recipes: Recipes, config: Callable[[], Config]
    ) -> None:  # fmt: skip
        self._images = images
        self._jobs = jobs
        self._book = book
        self._courses = courses
        self._config = config
        self.recipes = recipes
        self._building = ""

    async def build(self, target: str, on_line: Say, *, fresh: bool = False) -> Built:
        """Build 'minimal', 'scipy', or the image of the course of that name; a base that is missing comes first.

        `fresh` uses no cached layer. What the new image has replaced is removed once nothing runs on it. Raises Refused
        (404 no such course or recipe, 400 a recipe that asks for too much, 409 another build runs), WorldError with the
        last lines when it does not build: the image as it was stays.
        """
        if self._building:
            raise Refused(
                f"The image “{self._building}” is being built; one build at a time.",
                status=409,
                reason="building",
            )
        self._building = target
        try:
            plan = await self._plan(target)
            for base in plan.bases:
                if await self._images.digest(imagenames.kind_image(base)) is None:
                    on_line(f"the base image “{base}” is missing: it is built first")
                    await self._build(_Plan(base, base, imagenames.kind_image(base)), on_line, fresh=False)
            built = await self._build(plan, on_line, fresh=fresh)
            await self._tidy(on_line)
            return built
        finally:
            self._building = ""

    async def prune(self, on_line: Say) -> None:
        """Remove images that have lost their name to a newer build and that no container uses."""
        await self._run(prune_images(), on_line, "The unused images could not be removed.")

    async def forget(self, course: Course) -> None:
        """Remove the image of a course that was deleted, unless another course uses it. Not being there is success."""
        name = imagenames.course_image(course.name)
        if any(other.image == name for other in await self._courses.list()):
            log.info("the image of the deleted course stays, another course uses it")
            return
        try:
            if await self._images.digest(name) is not None:
                await self._run(remove_image(name, course.name), lambda _: None, "It could not be removed.")
        except NbhostdError as error:
            log.warning("the image of the deleted course stays: %s", error)

    async def details(self, target: str) -> Details:
        """What is in the image of a course, or in the one of that name. Raises Refused(404), WorldError."""
        name = await self._name(target)
        digest = await self._images.digest(name)
        if digest is None:
            raise Refused(f"There is no image {imagenames.shown(name)} here.", status=404, reason="no-image")
        lines: list[str] = []
        spec = look_into(digest, imagenames.shown(name), f"{self._config().paths.share}/images/seccomp.json")
        await self._run(spec, lines.append, "It could not be looked into.")
        pairs = [(name, version) for line in lines for name, tab, version in (line.partition("\t"),) if tab]
        found = dict(sorted(pairs[:_MOST_PACKAGES], key=lambda pair: pair[0].lower()))
        return Details(name, digest, found.pop("python", ""), found)

    async def advice(self, course: Course) -> str:
        """What to do about a course's image that is not there: one sentence, with the command."""
        short = imagenames.shown(course.image)
        if short in imagenames.KINDS:
            return f"nbhostctl image build {short}"
        if course.image == imagenames.course_image(course.name):
            if await self.recipes.of(course) is not None:
                return f"nbhostctl image build {course.name}"
            places = ", ".join(imagenames.RECIPE_FILES)
            return (
                f"it has no recipe ({places}): add one, or nbhostctl course set {course.name} --image minimal"
            )
        return (
            f"nothing here builds an image “{short}”: bring it with podman pull (as the user nbhostd), or"
            f" nbhostctl course set {course.name} --image minimal"
        )

    async def resume(self, job: Job) -> None:
        """See a build to its end that an earlier life of the daemon began."""
        with subject(f"job {job.number}"):
            state = await self._jobs.attach(job.number, lambda _: None)
            await self._book.end(job.number, state, "ended while nbhostd was restarted")
            log.info("the build of “%s” that was under way: %s", job.subject, state)
            if state is JobState.SUCCEEDED:
                await self._tidy(lambda _: None)

    async def _tidy(self, on_line: Say) -> None:
        """What is in the way is no reason to call a good build bad."""
        try:
            await self.prune(on_line)
        except NbhostdError as error:
            log.warning("what the new image has replaced stays: %s", error)

    async def _run(self, spec: JobSpec, on_line: Say, complaint: str) -> None:
        async with self._book.job(spec.kind, spec.subject, on_line) as job:
            state = await self._jobs.run(job.number, spec, on_line)
            if state is not JobState.SUCCEEDED:
                raise WorldError(complaint, detail=f"job {job.number}: {state}")

    async def _name(self, target: str) -> str:
        if target in imagenames.KINDS:
            return imagenames.kind_image(target)
        known = {str(course.name): course.image for course in await self._courses.list()}
        return known.get(target) or imagenames.resolve(target, CourseName.parse("none"))

    async def _plan(self, target: str) -> _Plan:
        if target in imagenames.KINDS:
            return _Plan(target, target, imagenames.kind_image(target), bases=BASE_OF[target])
        course = await self._courses.get(CourseName.parse(target))
        recipe = await self.recipes.of(course)
        if recipe is None:
            places = ", ".join(imagenames.RECIPE_FILES)
            raise Refused(
                f"The course “{course.name}” has no recipe of its own ({places}); it uses"
                f" {imagenames.shown(course.image)}.",
                status=404,
                reason="no-recipe",
            )
        recipe.check()
        return _Plan(
            target=course.name,
            what=imagenames.course_slug(course.name),
            image=imagenames.course_image(course.name),
            context=recipe.directory,
            bases=recipe.bases,
        )

    async def _build(self, plan: _Plan, on_line: Say, *, fresh: bool) -> Built:
        spec = build_image(self._config(), plan.target, plan.what, context=plan.context, fresh=fresh)
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def tell(line: str) -> None:
            last.append(line)
            on_line(line)

        with subject(f"image {plan.target}"):
            async with self._book.job(KIND, plan.target, on_line, outlives=True) as job:
                state = await self._jobs.run(job.number, spec, tell)
                if state is JobState.CANCELLED:
                    raise Cancelled(f"The build of “{plan.target}” was cancelled.")
                if state is not JobState.SUCCEEDED:
                    raise WorldError(
                        f"The image “{plan.target}” could not be built (job {job.number}).\n"
                        + "\n".join(last)
                    )
                digest = await self._images.digest(plan.image)
                if digest is None:
                    raise WorldError(f"The build ended well, but there is no image {plan.image}.")
                job.message = f"{plan.image} {digest}"
                job.result = {"image": imagenames.shown(plan.image), "digest": digest}
                log.info("built: %s", digest)
                return Built(plan.image, digest, job.number)
