"""A course, as its teachers look at it, pull it and change it; and what of it is the site staff's.

Who changes what. The predecessor's pages let the site's staff change autopull, autobuild, image and staff of any course,
and kept the git address, the groups and the name for its administrators. Here a course's teachers do the former in their
own courses: all of it stays inside the course. What reaches beyond it is the site staff's: the groups say whose course it
is and who is let in, the address is what the server fetches (a path of its disk, say), an image of any name may be made
for another course or by nobody here, and a name and the archive are the list's order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.people import Actor, Power, Role, judge
from nbhostd.services.courses import Changes
from nbhostd.services.jobbook import Say
from nbhostd.web.courseviews import CourseViews
from nbhostd.web.languages import N_
from nbhostd.web.operations import Begun, Call, Nothing, Operation
from nbhostd.web.teachshapes import CourseShape, FaultList, TaughtCourses

CHANGED = N_("The course is changed.")
_ADDRESS = N_("The course's address is changed. The next pull fetches from there.")


class CourseChanges(msgspec.Struct, frozen=True):
    """What changes; what is left out stays. `branch` '' is the repository's own; `image` is one of the course's choices."""

    autopull: bool | None = None
    autobuild: bool | None = None
    public_builds: bool | None = None
    image: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    branch: Annotated[str, Meta(max_length=250)] | None = None


class Source(msgspec.Struct, frozen=True):
    """Where the course's repository is."""

    git_url: Annotated[str, Meta(min_length=1, max_length=2000)]


class Which(msgspec.Struct, frozen=True):
    """Archived courses are listed only when they are asked for."""

    archived: bool = False


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def list(self) -> list[Course]: ...
    async def get(self, name: CourseName) -> Course: ...
    async def pull(self, name: CourseName, on_line: Say) -> object: ...
    async def change(self, name: CourseName, changes: Changes) -> Course: ...


class Roles(Protocol):
    """What is asked of services/people.py."""

    async def courses_of(self, actor: Actor) -> dict[CourseName, Role]: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


class TeachCourses:
    """`course.list`, `.show`, `.faults`, `.pull`, `.change`, `.source`."""

    def __init__(self, courses: Courses, people: Roles, views: CourseViews, errands: Errands) -> None:
        self._courses = courses
        self._people = people
        self._views = views
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with a course."""
        teach, one = Power.TEACH, "/courses/{course}"
        return [
            Operation(
                "course.list", "GET", "/teaching", "The courses that I teach", Power.ACCOUNT, self._list, TaughtCourses,
                query=Which,
            ),
            Operation("course.show", "GET", one, "A course, with its commit and its image", teach, self._show, CourseShape),
            Operation(
                "course.faults", "GET", f"{one}/faults", "What is wrong in a course's files", teach, self._faults, FaultList
            ),
            Operation("course.pull", "POST", f"{one}/pull", "Bring a course's newest commit", teach, self._pull, Begun),
            Operation(
                "course.change", "PATCH", one, "Change how a course is kept", teach, self._change, Nothing, CourseChanges,
                done=CHANGED,
            ),
            Operation(
                "course.source", "PUT", f"{one}/source", "Say where a course's repository is", Power.MANAGE, self._source,
                Nothing, Source, done=_ADDRESS, secret=frozenset({"git_url"}),
            ),
        ]  # fmt: skip

    async def taught(self, actor: Actor, *, archived: bool) -> TaughtCourses:
        """The courses that somebody teaches: those in use, or the archived ones."""
        roles = await self._people.courses_of(actor)
        mine = [course for course in await self._courses.list() if roles.get(course.name) is Role.TEACHER]
        shown = [course for course in mine if course.archived == archived]
        others = sum(course.archived for course in mine)
        return TaughtCourses(await self._views.cards(shown), others)

    async def _list(self, call: Call) -> TaughtCourses:
        return await self.taught(call.visitor.actor, archived=call.query.archived)

    async def _show(self, call: Call) -> CourseShape:
        return await self._views.show(await self._courses.get(call.course))

    async def _faults(self, call: Call) -> FaultList:
        return await self._views.faults(await self._courses.get(call.course))

    async def _pull(self, call: Call) -> Begun:
        name = call.course
        number = await self._errands.begin(
            call.who, f"pull of {name}", lambda say: self._courses.pull(name, say)
        )
        return Begun(number)

    async def _change(self, call: Call) -> Nothing:
        wish: CourseChanges = call.body
        course = await self._courses.get(call.course)
        if wish.image is not None:
            await self._check_image(call.visitor.actor, course, wish.image)
        changes = Changes(
            branch=wish.branch.strip() if wish.branch is not None else None, image=wish.image,
            autopull=wish.autopull, autobuild=wish.autobuild, public_builds=wish.public_builds,
        )  # fmt: skip
        await self._courses.change(course.name, changes)
        return Nothing()

    async def _check_image(self, actor: Actor, course: Course, image: str) -> None:
        """Teachers choose among their course's own; the site's staff may name any image. Raises Refused(400)."""
        if judge(actor, Power.MANAGE).allowed:
            return
        choices = (await self._views.image(course)).choices
        if image not in choices:
            raise Refused(
                f"The image of this course is one of: {', '.join(choices)}.", reason="not-an-image-of-yours"
            )

    async def _source(self, call: Call) -> Nothing:
        await self._courses.change(call.course, Changes(git_url=call.body.git_url.strip()))
        return Nothing()
