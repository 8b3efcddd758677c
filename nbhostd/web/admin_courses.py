"""`/admin/courses`: every course there is, and what the site's staff does about one as a whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from nbhostd.core import imagenames
from nbhostd.core.errors import NbhostdError
from nbhostd.core.giturl import redacted
from nbhostd.core.model import Course, Workspace
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.people import CourseAccess, Power
from nbhostd.services.upkeep import Belongings
from nbhostd.web.admintabs import admin_path, admin_tabs
from nbhostd.web.site import SitePages


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A course, as the list shows it. `image_here` is None where Podman cannot be asked, `size` where nobody asked."""

    course: Course
    access: CourseAccess
    image: str
    image_here: bool | None
    workspaces: int
    awake: int
    size: int | None


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def list(self) -> list[Course]: ...
    async def get(self, name: CourseName) -> Course: ...


class People(Protocol):
    """What is asked of services/people.py."""

    async def accesses(self) -> list[CourseAccess]: ...


class Spaces(Protocol):
    """What is asked of the store."""

    async def workspaces(self) -> list[Workspace]: ...


class Upkeep(Protocol):
    """What is asked of services/upkeep.py."""

    async def belongings(self, name: CourseName) -> Belongings: ...


Digest = Callable[[str], Awaitable[str | None]]
Awake = Callable[[], Iterable[WorkspaceId]]


class CoursePages:
    """The list, and a course's page."""

    def __init__(
        self, site: SitePages, courses: Courses, people: People, store: Spaces, upkeep: Upkeep, digest: Digest,
        awake: Awake,
    ) -> None:  # fmt: skip
        self._site = site
        self._courses = courses
        self._people = people
        self._store = store
        self._upkeep = upkeep
        self._digest = digest
        self._awake = awake

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/admin/courses", self.show_all)
        router.add_get("/admin/courses/{course}", self.show)

    async def show_all(self, request: web.Request) -> web.StreamResponse:
        """Every course, archived ones too, and a form for a new one."""
        visitor = await self._site.reception.demand(request, Power.MANAGE)
        rows = await self._rows(sizes=request.query.get("sizes") == "1")
        return await self._site.render(
            request, "admin_courses.html", rows=rows, sizes=any(row.size is not None for row in rows),
            is_admin=visitor.actor.is_admin, **admin_tabs(request, self._site, visitor.actor, "courses"),
        )  # fmt: skip

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What belongs to a course, and its other name, its rest and its end."""
        visitor = await self._site.reception.demand(request, Power.MANAGE)
        course = await self._courses.get(CourseName.parse(request.match_info["course"]))
        belongings, trouble = None, ""
        try:
            belongings = await self._upkeep.belongings(course.name)
        except NbhostdError as error:
            trouble = self._site.pages.refusal(request, error)
        here = admin_path("courses", course.name)
        return await self._site.render(
            request, "admin_course.html", course=course, git_url=redacted(course.git_url), belongings=belongings,
            trouble=trouble, image=imagenames.shown(course.image), page_url=here, is_admin=visitor.actor.is_admin,
            own_image=imagenames.shown(belongings.image) if belongings and belongings.image else "",
            **admin_tabs(request, self._site, visitor.actor, "courses", (here, str(course.name))),
        )  # fmt: skip

    async def _rows(self, *, sizes: bool) -> Sequence[CourseRow]:
        courses = await self._courses.list()
        access = {one.course: one for one in await self._people.accesses()}
        spaces = Counter(workspace.id.course for workspace in await self._store.workspaces())
        awake = Counter(id.course for id in self._awake())
        here = {image: await self._here(image) for image in {course.image for course in courses}}
        measured = await asyncio.gather(*(self._size(course) for course in courses)) if sizes else ()
        by_name = dict(zip((course.name for course in courses), measured, strict=False))
        return [
            CourseRow(
                course, access.get(course.name, CourseAccess(course.name)), imagenames.shown(course.image),
                here[course.image], spaces[course.name], awake[course.name], by_name.get(course.name),
            )
            for course in courses
        ]  # fmt: skip

    async def _here(self, image: str) -> bool | None:
        try:
            return await self._digest(image) is not None
        except NbhostdError:
            return None

    async def _size(self, course: Course) -> int | None:
        try:
            belongings = await self._upkeep.belongings(course.name)
        except NbhostdError:
            return None
        return sum(one.size for one in belongings.directories)
