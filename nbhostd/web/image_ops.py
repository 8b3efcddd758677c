"""Images of the whole site: which there are, who uses them, which are missing; the bases, and what nobody uses any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from nbhostd.core import imagenames
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, Job, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.services.images import KIND
from nbhostd.services.jobbook import Say
from nbhostd.web.moments import iso
from nbhostd.web.operations import Begun, Call, Operation

_LATEST_JOBS = 1000


class ImageShape(msgspec.Struct, frozen=True):
    """An image, or one that a course wants and that is not here: then `size` and `digest` are null.

    `built_at`: when a build of ours ended last; `outdated`: workspaces that still run an earlier one.
    """

    name: str
    digest: str | None
    size: int | None
    built_at: str | None
    courses: list[str]
    outdated: int
    base: bool


class ImageList(msgspec.Struct, frozen=True):
    """All images, missing ones first; and those that have lost their name, which image.prune removes unless they run."""

    images: list[ImageShape]
    unnamed: int
    unnamed_size: int


class BuildWish(msgspec.Struct, frozen=True):
    """With `fresh`, no layer of an earlier build is used again."""

    fresh: bool = False


class RolloutWish(msgspec.Struct, frozen=True):
    """Whom to stop: those that still run an earlier one of this image and that nobody uses now, or `everybody`."""

    image: str
    everybody: bool = False


class Images(Protocol):
    """What is asked of adapters/podman.py."""

    async def named(self) -> list[tuple[str, str, int]]: ...
    async def unnamed(self) -> tuple[int, int]: ...


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def list(self) -> list[Course]: ...


class Builder(Protocol):
    """What is asked of services/images.py."""

    async def build(self, target: str, on_line: Say, *, fresh: bool = False) -> object: ...
    async def prune(self, on_line: Say) -> None: ...


class Rollout(Protocol):
    """What is asked of services/rollout.py."""

    async def outdated(self, course: Course) -> int: ...


class Hurrying(Protocol):
    """What is asked of services/hurrying.py."""

    async def hurry(self, name: CourseName, say: Say, *, everybody: bool) -> object: ...


class JobStore(Protocol):
    """What is asked of the store."""

    async def jobs(self, *, limit: int = 50) -> list[Job]: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


class ImageOperations:
    """`image.list`, `image.prune`, `images.rollout`, `base.build`."""

    def __init__(
        self, images: Images, courses: Courses, builder: Builder, rollout: Rollout, hurrying: Hurrying, store: JobStore,
        errands: Errands,
    ) -> None:  # fmt: skip
        self._images = images
        self._courses = courses
        self._builder = builder
        self._rollout = rollout
        self._hurrying = hurrying
        self._store = store
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with images."""
        admin = Power.ADMINISTER
        return [
            Operation("image.list", "GET", "/images", "The images", admin, self._list, ImageList),
            Operation(
                "image.prune", "POST", "/images/prune", "Remove images that have lost their name and that nothing runs",
                admin, self._prune, Begun,
            ),
            Operation(
                "images.rollout", "POST", "/images/roll-out", "Stop workspaces that still run an earlier one of an image",
                admin, self._roll_out, Begun, RolloutWish,
            ),
            Operation(
                "base.build", "POST", "/images/{base}/build", "Build a base image", admin, self._build, Begun,
                BuildWish,
            ),
        ]  # fmt: skip

    async def look(self) -> ImageList:
        """All images, missing ones first. Raises WorldError when Podman cannot be asked."""
        courses = await self._courses.list()
        wanted: dict[str, list[Course]] = {imagenames.kind_image(kind): [] for kind in imagenames.KINDS}
        for course in courses:
            wanted.setdefault(course.image.removesuffix(":latest"), []).append(course)
        built = _built(await self._store.jobs(limit=_LATEST_JOBS))
        named = {
            name.removesuffix(":latest"): (digest, size) for name, digest, size in await self._images.named()
        }
        shapes = [
            await self._shape(name, named.get(name), wanted.get(name, []), built)
            for name in [*wanted, *(name for name in named if name not in wanted)]
        ]
        unnamed = await self._images.unnamed()
        return ImageList(sorted(shapes, key=_order), *unnamed)

    async def _shape(
        self, name: str, found: tuple[str, int] | None, courses: list[Course], built: Mapping[str, datetime]
    ) -> ImageShape:
        short = imagenames.shown(name)
        moments = [built[target] for target in (short, short.removeprefix("course-")) if target in built]
        outdated = sum([await self._rollout.outdated(course) for course in courses]) if found else 0
        return ImageShape(
            short, found[0] if found else None, found[1] if found else None,
            iso(max(moments, default=None)),
            [str(course.name) for course in courses], outdated, short in imagenames.KINDS,
        )  # fmt: skip

    async def _list(self, call: Call) -> ImageList:
        return await self.look()

    async def _prune(self, call: Call) -> Begun:
        return Begun(await self._errands.begin(call.who, "pruning of images", self._builder.prune))

    async def _roll_out(self, call: Call) -> Begun:
        """In each course of the image in which somebody runs an earlier one, a job for each; one that fails stops no other."""
        image, everybody = call.body.image, call.body.everybody
        courses = [one for one in await self._courses.list() if imagenames.shown(one.image) == image]
        if not courses:
            raise Refused("No course has this image.", status=404, reason="unused-image")
        names = [course.name for course in courses if await self._rollout.outdated(course)]

        async def work(say: Say) -> None:
            trouble: NbhostdError | None = None
            for name in names:
                try:
                    await self._hurrying.hurry(name, say, everybody=everybody)
                except NbhostdError as error:
                    trouble = trouble or error
            if trouble is not None:
                raise trouble

        return Begun(await self._errands.begin(call.who, f"roll-out of {image}", work))

    async def _build(self, call: Call) -> Begun:
        base, fresh = call.names["base"], call.body.fresh
        if base not in imagenames.KINDS:
            raise Refused("There is no such base image.", status=404, reason="no-image")

        async def work(say: Say) -> object:
            return await self._builder.build(base, say, fresh=fresh)

        return Begun(await self._errands.begin(call.who, f"build of {base}", work))


def _built(jobs: list[Job]) -> dict[str, datetime]:
    """When each target was built last, by what a job was about."""
    return {
        job.subject: job.ended_at
        for job in reversed(jobs)
        if job.kind == KIND and job.state is JobState.SUCCEEDED and job.ended_at is not None
    }


def _order(image: ImageShape) -> tuple[bool, bool, str]:
    """Missing ones that somebody wants first, then the bases, then by name."""
    return (not (image.digest is None and (image.courses or image.base)), not image.base, image.name)
