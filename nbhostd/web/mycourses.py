"""Where one arrives: the site's first page, one's own courses, and the pages of a group that anybody may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import web

from nbhostd.core.classurl import ClassAddress, class_path
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, CourseSettings
from nbhostd.core.names import CourseName
from nbhostd.core.people import Actor, Group, GroupName, Power, Role
from nbhostd.core.selection import finds
from nbhostd.web.buildlinks import BuildLink, BuildLinks
from nbhostd.web.operations import Call, Operation
from nbhostd.web.site import SitePages

_LONGEST_PATTERN = 200


class TrackCard(msgspec.Struct, frozen=True):
    """One way through a course; `url` is its page."""

    id: str
    name: str
    description: str
    url: str


class CourseCard(msgspec.Struct, frozen=True):
    """A course as its people see it; `role` is 'student' or 'teacher', `url` its classroom's page."""

    name: str
    role: str
    url: str
    archived: bool
    tracks: list[TrackCard]
    builds: list[BuildLink]


class CourseCards(msgspec.Struct, frozen=True):
    """Courses, by name."""

    courses: list[CourseCard]


class Wanted(msgspec.Struct, frozen=True):
    """Which courses. `pattern` is a part of the name, or several with `|` between them; `all` is for the site's staff."""

    pattern: str = ""
    all: str = ""


class Shelf(Protocol):
    """What is asked of services/courses.py."""

    async def list(self) -> list[Course]: ...
    async def settings(self, course: Course) -> CourseSettings: ...


class Membership(Protocol):
    """What is asked of services/people.py."""

    async def courses_of(self, actor: Actor) -> dict[CourseName, Role]: ...
    async def own_courses(self, actor: Actor) -> dict[CourseName, Role]: ...
    async def group(self, name: GroupName) -> Group: ...


class MyCourses:
    """`/`, `/courses` and `/public/GROUP`; the predecessor's addresses lead here."""

    def __init__(self, site: SitePages, courses: Shelf, people: Membership, builds: BuildLinks) -> None:
        self._site = site
        self._courses = courses
        self._people = people
        self._builds = builds

    def operations(self) -> list[Operation]:
        """What programs may ask."""
        return [
            Operation(
                "course.mine", "GET", "/courses", "My courses, or with `all` all that I may open", Power.ACCOUNT,
                self._mine, CourseCards, query=Wanted,
            )
        ]  # fmt: skip

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/", self.welcome)
        router.add_get("/courses", self.show)
        router.add_get("/public/{group:[^/]+/?}", self.public)
        router.add_get("/welcome{rest:.*}", self._to_welcome)
        router.add_get("/auditor/courses{rest:.*}", self._to_courses)

    async def _to_welcome(self, _request: web.Request) -> web.StreamResponse:
        return self._site.pages.redirect("/")

    async def _to_courses(self, request: web.Request) -> web.StreamResponse:
        query = {key: request.query[key] for key in ("pattern", "all") if request.query.get(key)}
        return self._site.pages.redirect("/courses" + (f"?{urlencode(query)}" if query else ""))

    async def welcome(self, request: web.Request) -> web.StreamResponse:
        """What this site is; who is logged in goes on to the own courses."""
        visitor = await self._site.reception.visitor(request)
        if visitor.session is not None:
            return self._site.pages.redirect("/courses")
        return await self._site.render(request, "welcome.html")

    async def show(self, request: web.Request) -> web.StreamResponse:
        """One's own courses, a card for each."""
        visitor = await self._site.reception.demand(request, Power.ACCOUNT)
        pattern = request.query.get("pattern", "")[:_LONGEST_PATTERN]
        every = bool(request.query.get("all")) and visitor.actor.is_staff
        cards = await self._cards(visitor.actor, every)
        return await self._site.render(
            request, "courses.html", cards=[card for card in cards if finds(pattern, card.name)],
            pattern=pattern, every=every, any=bool(cards), may_see_all=visitor.actor.is_staff,
        )  # fmt: skip

    async def public(self, request: web.Request) -> web.StreamResponse:
        """The static sites of a group's courses, for everybody; nothing else of them is told."""
        try:
            group = await self._people.group(GroupName.parse(request.match_info["group"].rstrip("/")))
        except Refused:
            raise Refused("There is no such group.", status=404, reason="no-public-group") from None
        shown: list[tuple[str, Sequence[BuildLink]]] = []
        for course in await self._courses.list():
            if course.name in group.courses and course.public_builds and not course.archived:
                links = await self._links(course, member=False)
                if links:
                    shown.append((course.name, links))
        return await self._site.render(request, "public.html", group=group.name, courses=shown)

    async def _mine(self, call: Call) -> CourseCards:
        cards = await self._cards(call.visitor.actor, bool(call.query.all))
        return CourseCards(
            [card for card in cards if finds(call.query.pattern[:_LONGEST_PATTERN], card.name)]
        )

    async def _cards(self, actor: Actor, every: bool) -> list[CourseCard]:
        roles = await (self._people.courses_of(actor) if every else self._people.own_courses(actor))
        return [
            await self._card(course, roles[course.name])
            for course in await self._courses.list()
            if course.name in roles and (every or not course.archived)
        ]

    async def _card(self, course: Course, role: Role) -> CourseCard:
        settings = await self._courses.settings(course)
        tracks = [
            TrackCard(
                track.id, track.name, track.description, class_path(ClassAddress(course.name, track.id))
            )
            for track in settings.tracks
        ]
        return CourseCard(
            course.name, role.value, class_path(ClassAddress(course.name)), course.archived, tracks,
            await self._links(course, member=True),
        )  # fmt: skip

    async def _links(self, course: Course, *, member: bool) -> list[BuildLink]:
        try:
            return await self._builds.of(course, member=member)
        except NbhostdError:
            return []  # a course whose files cannot be read now is still one's course


def manage_path(course: str) -> str:
    """Where a course's teachers manage it."""
    return f"/teach/{quote(course, safe='')}"
