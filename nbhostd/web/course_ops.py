"""A course's beginning, other name and end: what the site's staff and administrators do about courses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.services.courses import Changes
from nbhostd.services.jobbook import Say
from nbhostd.services.upkeep import Belongings
from nbhostd.web.languages import N_
from nbhostd.web.operations import Begun, Call, Nothing, Operation

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class CourseWish(msgspec.Struct, frozen=True):
    """A course to make of a git repository; without `branch` its own choice, without `image` its own recipe's or the site's."""

    name: Name
    git_url: Annotated[str, Meta(min_length=1, max_length=2000)]
    branch: Annotated[str, Meta(max_length=250)] = ""
    image: Annotated[str, Meta(max_length=300)] = ""


class NewName(msgspec.Struct, frozen=True):
    """A course's name from now on. With `stop`, workspaces that run are stopped; else they are in the way."""

    to: Name
    stop: bool = False


class Archived(msgspec.Struct, frozen=True):
    """Whether the course is out of sight, and not pulled by itself any more."""

    archived: bool


class CourseEnd(msgspec.Struct, frozen=True):
    """The course's name once more, and whether students' workspaces and the files in its drop areas go with it."""

    typed: Name
    with_workspaces: bool = False
    with_files: bool = False


class Directory(msgspec.Struct, frozen=True):
    """A directory that is kept under the course's name; `kept` ones are the administrator's, and are never removed."""

    kind: str
    path: str
    size: int
    files: int
    kept: bool


class CourseBelongings(msgspec.Struct, frozen=True):
    """What there is of a course: what another name would move, and its end remove."""

    workspaces: int
    awake: list[str]
    directories: list[Directory]
    image: str | None


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def create(
        self,
        name: CourseName,
        git_url: str,
        on_line: Say,
        *,
        image: str | None = None,
        branch: str | None = None,
    ) -> object: ...
    async def change(self, name: CourseName, changes: Changes) -> Course: ...


class Upkeep(Protocol):
    """What is asked of services/upkeep.py."""

    async def belongings(self, name: CourseName) -> Belongings: ...
    async def rename(self, old: CourseName, new: CourseName, say: Say, *, stop: bool = False) -> Course: ...


class Farewell(Protocol):
    """What is asked of services/farewell.py."""

    async def delete(self, name: CourseName, say: Say, *, with_workspaces: bool, with_files: bool) -> int: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


class CourseOperations:
    """`course.create`, `.belongings`, `.rename`, `.archive`, `.delete`."""

    def __init__(self, courses: Courses, upkeep: Upkeep, farewell: Farewell, errands: Errands) -> None:
        self._courses = courses
        self._upkeep = upkeep
        self._farewell = farewell
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with courses as a whole."""
        manage, admin, one = Power.MANAGE, Power.ADMINISTER, "/courses/{course}"
        return [
            Operation(
                "course.create", "POST", "/courses", "Make a course of a git repository", manage, self._create, Begun,
                CourseWish, secret=frozenset({"git_url"}),
            ),
            Operation(
                "course.belongings", "GET", f"{one}/belongings", "What there is of a course", manage, self._belongings,
                CourseBelongings,
            ),
            Operation(
                "course.rename", "POST", f"{one}/rename", "Give a course another name; its addresses change with it", manage,
                self._rename, Nothing, NewName, done=N_("The course has another name now."),
            ),
            Operation(
                "course.archive", "POST", f"{one}/archive", "Take a course out of sight, or bring it back", manage,
                self._archive, Nothing, Archived, done=N_("The course is changed."),
            ),
            Operation(
                "course.delete", "DELETE", one, "Delete a course with everything that belongs to it", admin, self._delete,
                Begun, CourseEnd,
            ),
        ]  # fmt: skip

    async def _create(self, call: Call) -> Begun:
        wish: CourseWish = call.body
        name = CourseName.parse(wish.name.strip())

        async def work(say: Say) -> object:
            return await self._courses.create(
                name, wish.git_url.strip(), say, image=wish.image.strip() or None, branch=wish.branch.strip() or None
            )  # fmt: skip

        return Begun(await self._errands.begin(call.who, f"creation of {name}", work))

    async def _belongings(self, call: Call) -> CourseBelongings:
        return belongings_shape(await self._upkeep.belongings(call.course))

    async def _rename(self, call: Call) -> Nothing:
        wish: NewName = call.body
        await self._upkeep.rename(
            call.course, CourseName.parse(wish.to.strip()), _nobody_listens, stop=wish.stop
        )
        return Nothing()

    async def _archive(self, call: Call) -> Nothing:
        await self._courses.change(call.course, Changes(archived=call.body.archived))
        return Nothing()

    async def _delete(self, call: Call) -> Begun:
        wish: CourseEnd = call.body
        name = call.course
        if wish.typed != name:
            raise Refused("What was typed is not the course's name.", reason="not-typed")

        async def work(say: Say) -> object:
            return await self._farewell.delete(
                name, say, with_workspaces=wish.with_workspaces, with_files=wish.with_files
            )

        return Begun(await self._errands.begin(call.who, f"deletion of {name}", work))


def belongings_shape(belongings: Belongings) -> CourseBelongings:
    """What there is of a course, for the API."""
    return CourseBelongings(
        belongings.workspaces, [str(id) for id in belongings.awake],
        [Directory(one.kind, one.path, one.size, one.files, one.kept) for one in belongings.directories],
        belongings.image,
    )  # fmt: skip


def _nobody_listens(_line: str) -> None:
    """What a renaming warns of is in the journal, too."""
