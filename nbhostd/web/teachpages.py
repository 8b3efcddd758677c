"""The pages of a course for its teachers: the list of courses, the overview, the content, the static sites, the settings."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from aiohttp import web

from nbhostd.core.classurl import ClassAddress, class_path, notebook_address
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.imagenames import OWN
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.people import Power, judge
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.courseviews import CourseViews
from nbhostd.web.jobs import Jobs
from nbhostd.web.jobsroom import Words
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Operations, converted
from nbhostd.web.reception import CSRF_FIELD, Visitor
from nbhostd.web.site import SitePages
from nbhostd.web.teach_access import TeachAccess
from nbhostd.web.teach_content import TeachContent
from nbhostd.web.teach_courses import Courses, TeachCourses
from nbhostd.web.teach_sites import AddressWish, TeachSites
from nbhostd.web.teachshapes import SiteAddress

_RECENT = 8


@dataclass(frozen=True, slots=True)
class Rooms:
    """Whose answers the pages show."""

    courses: TeachCourses
    access: TeachAccess
    sites: TeachSites
    content: TeachContent
    jobs: Jobs


class TeachPages:
    """`/teach` and what is below it of a course's own."""

    def __init__(
        self, site: SitePages, operations: Operations, courses: Courses, views: CourseViews, rooms: Rooms
    ) -> None:
        self._site = site
        self._operations = operations
        self._courses = courses
        self._views = views
        self._rooms = rooms

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/teach", self.all)
        router.add_get("/teach/{course}", self.overview)
        router.add_get("/teach/{course}/notebooks", self.notebooks)
        router.add_get("/teach/{course}/sites", self.sites)
        router.add_post("/teach/{course}/sites", self.make_address)
        router.add_get("/teach/{course}/settings", self.settings)

    async def all(self, request: web.Request) -> web.StreamResponse:
        """The courses that one teaches; who teaches none is shown so."""
        visitor = await self._site.reception.demand(request, Power.ACCOUNT)
        archived = bool(request.query.get("archived"))
        taught = await self._rooms.courses.taught(visitor.actor, archived=archived)
        if not taught.courses and not taught.archived and not visitor.actor.is_staff:
            raise Refused("You teach no course here.", status=403, reason="not-teacher")
        return await self._site.render(
            request, "teach.html", taught=taught, archived=archived, path=teach_path,
            may_make=judge(visitor.actor, Power.MANAGE).allowed,
            crumbs=[("/teach", self._site.say(request, N_("Courses")))],
        )  # fmt: skip

    async def overview(self, request: web.Request) -> web.StreamResponse:
        """How a course is, and what is done about it."""
        _, course = await self._enter(request)
        trouble, sites, faults = "", None, None
        try:
            sites = await self._rooms.sites.of(course)
            faults = await self._views.faults(course)
        except NbhostdError as error:
            trouble = self._site.pages.refusal(request, error)
        return await self._site.render(
            request, "teach_course.html", shown=await self._views.show(course), sites=sites, faults=faults,
            trouble=trouble, jobs=await self._rooms.jobs.store.jobs(course=course.name, limit=_RECENT),
            words=Words(self._site, request), class_path=_class_path(course.name), path=teach_path,
            **course_tabs(request, self._site, course.name, ""),
        )  # fmt: skip

    async def notebooks(self, request: web.Request) -> web.StreamResponse:
        """All notebooks, and the tracks as students see them."""
        _, course = await self._enter(request)
        tracks = await self._rooms.content.tracks(course)
        return await self._site.render(
            request, "teach_notebooks.html", course=course, listed=await self._rooms.content.notebooks(course),
            tracks=tracks, names={track.id: track.name for track in tracks.tracks}, path=teach_path,
            opened=lambda notebook, track="": _class_path(course.name, notebook, track),
            **course_tabs(request, self._site, course.name, "notebooks"),
        )  # fmt: skip

    async def sites(self, request: web.Request) -> web.StreamResponse:
        """The static sites."""
        _, course = await self._enter(request)
        return await self._sites_page(request, course)

    async def make_address(self, request: web.Request) -> web.StreamResponse:
        """Make an address of a static site, and show it, this once."""
        visitor, course = await self._enter(request, reading=False)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        names = {"course": str(course.name), "build": str(form.get("build", ""))}
        wish = {"days": str(form["days"])} if form.get("days") else {}
        try:
            given = msgspec.to_builtins(converted(wish, AddressWish, strict=False))
            address = await self._operations.call(
                self._operations.get("site.address"), Call(visitor, names), given
            )
        except Refused as error:
            return await self._sites_page(
                request, course, status=error.status, wrong=self._site.pages.refusal(request, error)
            )
        return await self._sites_page(request, course, address=address, given=names["build"])

    async def _sites_page(
        self, request: web.Request, course: Course, *, status: int = 200, wrong: str = "", given: str = "",
        address: SiteAddress | None = None,
    ) -> web.Response:  # fmt: skip
        return await self._site.render(
            request, "teach_sites.html", status=status, course=course, listed=await self._rooms.sites.of(course),
            wrong=wrong, given=given, address=address, words=Words(self._site, request),
            **course_tabs(request, self._site, course.name, "sites"),
        )  # fmt: skip

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """How a course is kept, and whose it is."""
        visitor, course = await self._enter(request)
        shown = await self._views.show(course)
        own = self._site.say(request, N_("the one of the course's own recipe"))
        return await self._site.render(
            request, "teach_settings.html", shown=shown,
            named_choices=[(each, own if each == OWN else each) for each in shown.image.choices],
            access=await self._rooms.access.of(course.name),
            manages=judge(visitor.actor, Power.MANAGE).allowed, is_admin=visitor.actor.is_admin,
            **course_tabs(request, self._site, course.name, "settings"),
        )  # fmt: skip

    async def _enter(self, request: web.Request, *, reading: bool = True) -> tuple[Visitor, Course]:
        """The visitor, who teaches the course of the address. Raises Refused (401, 403, 404)."""
        name = CourseName.parse(request.match_info["course"])
        visitor = await self._site.reception.demand(request, Power.TEACH, name)
        return visitor, await self._courses.get(name)


def _class_path(course: CourseName, notebook: str = "", track: str = "") -> str:
    """The classroom's page, where a teacher opens a notebook in a workspace of one's own."""
    if not notebook:
        return class_path(ClassAddress(course, track))
    return class_path(notebook_address(course, track, NotebookPath(notebook)))
