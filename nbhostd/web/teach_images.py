"""A course's image, as its teachers build it and bring it to those who run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.services.jobbook import Say
from nbhostd.web.courseviews import CourseViews
from nbhostd.web.operations import Begun, Call, Operation
from nbhostd.web.teachshapes import ImageShape


class BuildWish(msgspec.Struct, frozen=True):
    """How to build; `fresh` uses nothing that was built before."""

    fresh: bool = False


class RolloutWish(msgspec.Struct, frozen=True):
    """Whom to stop: those that nobody uses now, or `everybody` who runs an earlier image."""

    everybody: bool = False


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def get(self, name: CourseName) -> Course: ...


class Builder(Protocol):
    """What is asked of services/images.py."""

    async def build(self, target: str, on_line: Say, *, fresh: bool = False) -> object: ...


class Hurrying(Protocol):
    """What is asked of services/hurrying.py."""

    async def hurry(self, name: CourseName, say: Say, *, everybody: bool) -> object: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


class TeachImages:
    """`image.show`, `.build`, `.rollout`."""

    def __init__(
        self, courses: Courses, views: CourseViews, builder: Builder, hurrying: Hurrying, errands: Errands
    ) -> None:
        self._courses = courses
        self._views = views
        self._builder = builder
        self._hurrying = hurrying
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with a course's image."""
        teach, image = Power.TEACH, "/courses/{course}/image"
        return [
            Operation("image.show", "GET", image, "A course's image", teach, self._show, ImageShape),
            Operation(
                "image.build", "POST", f"{image}/build", "Build the image of a course's own recipe", teach, self._build,
                Begun, BuildWish,
            ),
            Operation(
                "image.rollout", "POST", f"{image}/roll-out", "Stop workspaces that still run an earlier image", teach,
                self._roll_out, Begun, RolloutWish,
            ),
        ]  # fmt: skip

    async def _show(self, call: Call) -> ImageShape:
        return await self._views.image(await self._courses.get(call.course))

    async def _build(self, call: Call) -> Begun:
        course, fresh = await self._courses.get(call.course), call.body.fresh
        # Never more than the course's own: 'minimal' and 'scipy' are the site's, even in a course that is called so.
        number = await self._errands.begin(
            call.who, f"image of {course.name}",
            lambda say: self._builder.build(course.name, say, fresh=fresh),
        )  # fmt: skip
        return Begun(number)

    async def _roll_out(self, call: Call) -> Begun:
        name, everybody = call.course, call.body.everybody
        number = await self._errands.begin(
            call.who, f"roll-out of {name}",
            lambda say: self._hurrying.hurry(name, say, everybody=everybody),
        )  # fmt: skip
        return Begun(number)
