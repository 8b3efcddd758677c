"""Builds images: a course's after its base, one build at a time, the one in use untouched until the new one is whole."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nbhostd.core import imagenames
from nbhostd.core.buildargv import build_image
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Course, Job, JobSpec, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Git, Images, Jobs
from nbhostd.core.subject import subject
from nbhostd.services.courses import Courses
from nbhostd.services.jobbook import Cancelled, JobBook, Say

log = logging.getLogger(__name__)

KIND = "build"

# Workspaces live in the transient store: a prune that does not know them takes the image from under them.
_PRUNE = ("/usr/bin/podman", "--transient-store", "image", "prune", "--force")

_LAST_LINES = 12
_LARGEST_RECIPE = 64 << 10
_FROM = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*(?:localhost/)?nbhosting/(minimal|scipy)-notebook(?::latest)?(?=\s|$)",
    re.M | re.I,
)
_BASE_OF = {"minimal": (), "scipy": ("minimal",)}


@dataclass(frozen=True, slots=True)
class Built:
    """An image that is there now."""

    name: str
    digest: str
    job: int


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
        self, images: Images, jobs: Jobs, book: JobBook, courses: Courses, git: Git, config: Callable[[], Config]
    ) -> None:  # fmt: skip
        self._images = images
        self._jobs = jobs
        self._book = book
        self._courses = courses
        self._git = git
        self._config = config
        self._building = ""

    async def build(self, target: str, on_line: Say, *, fresh: bool = False) -> Built:
        """Build 'minimal', 'scipy', or the image of the course of that name; a base that is missing comes first.

        `fresh` uses no cached layer. Raises Refused (404 no such course or recipe, 409 another build runs),
        WorldError with the last lines when it does not build: the image as it was stays.
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
            return await self._build(plan, on_line, fresh=fresh)
        finally:
            self._building = ""

    async def prune(self, on_line: Say) -> None:
        """Remove images that have lost their name to a newer build and that no container uses."""
        spec = JobSpec("prune", "images", _PRUNE, timeout=600)
        async with self._book.job(spec.kind, spec.subject, on_line) as job:
            state = await self._jobs.run(job.number, spec, on_line)
            if state is not JobState.SUCCEEDED:
                raise WorldError(
                    "The unused images could not be removed.", detail=f"job {job.number}: {state}"
                )

    async def resume(self, job: Job) -> None:
        """See a build to its end that an earlier life of the daemon began."""
        with subject(f"job {job.number}"):
            state = await self._jobs.attach(job.number, lambda _: None)
            await self._book.end(job.number, state, "ended while nbhostd was restarted")
            log.info("the build of “%s” that was under way: %s", job.subject, state)

    async def _plan(self, target: str) -> _Plan:
        if target in imagenames.KINDS:
            return _Plan(target, target, imagenames.kind_image(target), bases=_BASE_OF[target])
        course = await self._courses.get(CourseName.parse(target))
        directory = await self._courses.recipe(course)
        if directory is None or course.commit is None:
            places = ", ".join(imagenames.RECIPE_FILES)
            raise Refused(
                f"The course “{course.name}” has no recipe of its own ({places}); it uses"
                f" {imagenames.shown(course.image)}.",
                status=404,
                reason="no-recipe",
            )
        state = self._config().paths.state
        return _Plan(
            target=course.name,
            what=imagenames.course_slug(course.name),
            image=imagenames.course_image(course.name),
            context=f"{state}/courses/{course.name}/public/{course.commit}/{directory}",
            bases=await self._bases(course, directory),
        )

    async def _bases(self, course: Course, directory: str) -> tuple[str, ...]:
        """Which of our images a course's recipe starts from, with theirs, in the order to build them."""
        for name in ("Containerfile", "Dockerfile"):
            recipe = await self._git.read(course.name, f"{directory}/{name}", limit=_LARGEST_RECIPE)
            if recipe is not None:
                kinds = [kind.lower() for kind in _FROM.findall(recipe.decode(errors="replace"))]
                return tuple(dict.fromkeys(base for kind in kinds for base in (*_BASE_OF[kind], kind)))
        return ()

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
                log.info("built: %s", digest)
                return Built(plan.image, digest, job.number)
