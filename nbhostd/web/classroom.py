"""The classroom's page: a course's notebooks on one side, the open one in a frame, and everything else one click away.

The addresses are the predecessor's (core/classurl.py). The frame's content comes from the workspace's own origin; the page
knows nothing of what happens in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from nbhostd.core.classurl import PREFIX, ClassAddress, View, class_path, notebook_address, parse_class
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.core.people import Power, Role, role
from nbhostd.services.handouts import Handouts
from nbhostd.services.lessons import Lesson, Lessons
from nbhostd.web.buildlinks import BuildLinks
from nbhostd.web.classpage import ClassPage, NotebookLink, ViewLink, frame_origins
from nbhostd.web.context import WebSettings
from nbhostd.web.languages import N_
from nbhostd.web.mycourses import manage_path
from nbhostd.web.operations import Call, Operation
from nbhostd.web.ownspace import own_workspace
from nbhostd.web.reception import Accesses, Visitor
from nbhostd.web.site import SitePages


class StepShape(msgspec.Struct, frozen=True):
    """A notebook of a track: `mark` is 'untouched', 'opened' or 'changed'; `url` its classroom's page."""

    notebook: str
    title: str
    mark: str
    url: str


class ProgressShape(msgspec.Struct, frozen=True):
    """How far the caller is in one track of a course; `track` is null where the course shows none."""

    course: str
    track: str | None
    notebooks: list[StepShape]


class WhichTrack(msgspec.Struct, frozen=True):
    """The id of a track; without one, or with one that there is not, the first."""

    track: str = ""


class Shelf(Protocol):
    """What is asked of services/courses.py."""

    async def get(self, name: CourseName) -> Course: ...


class ClassroomRoom:
    """`/auditor/notebook/…`, and the operation `course.progress`."""

    def __init__(
        self, site: SitePages, courses: Shelf, lessons: Lessons, handouts: Handouts, people: Accesses, builds: BuildLinks,
        settings: Callable[[], WebSettings],
    ) -> None:  # fmt: skip
        self._site = site
        self._courses = courses
        self._lessons = lessons
        self._handouts = handouts
        self._people = people
        self._builds = builds
        self._settings = settings

    def operations(self) -> list[Operation]:
        """What programs, and the page itself, may ask."""
        return [
            Operation(
                "course.progress", "GET", "/courses/{course}/progress", "How far I am in a course", Power.OPEN,
                self._progress, ProgressShape, query=WhichTrack,
            )
        ]  # fmt: skip

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get(PREFIX.rstrip("/"), self._nowhere)
        router.add_get(PREFIX, self._nowhere)
        router.add_get(PREFIX + "{classroom:.*}", self.show)

    async def _nowhere(self, _request: web.Request) -> web.StreamResponse:
        return self._site.pages.redirect("/courses")

    async def _progress(self, call: Call) -> ProgressShape:
        course = await self._courses.get(call.course)
        lesson = await self._lessons.lesson(course, call.query.track, own_workspace(call))
        track = lesson.track.id if lesson.track else ""
        steps = [
            StepShape(
                step.notebook, step.title, step.mark.value,
                class_path(notebook_address(course.name, track, step.notebook)),
            )
            for step in lesson.steps
        ]  # fmt: skip
        return ProgressShape(course.name, track or None, steps)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The page; a course that is not one's own is not there."""
        asked = parse_class(request.rel_url.raw_path)
        visitor = await self._site.reception.demand(request, Power.OPEN, asked.course)
        me = WorkspaceId(asked.course, visitor.user.name)
        course = await self._courses.get(asked.course)
        lesson = await self._lessons.lesson(course, asked.track, me)
        page = ClassPage(lesson, await self._shown(asked, lesson), me.student)
        views = [*await self._views(request, page, me), *await self._for_teachers(request, visitor, course)]
        page = replace(
            page, views=views, title=await self._title(page, views), warning=self._warning(request, asked, lesson)
        )  # fmt: skip
        return await self._site.render(
            request, "classroom.html", classroom=page, frames=frame_origins(self._settings())
        )

    async def _views(self, request: web.Request, page: ClassPage, me: WorkspaceId) -> list[ViewLink]:
        return [
            *page.builds(await self._builds.of(page.lesson.course, member=True)),
            *page.areas(await self._handouts.received(me)),
            page.view(View.LAB, "", self._site.say(request, N_("JupyterLab")), "notebook"),
            page.view(View.TREE, "", self._site.say(request, N_("My files (classic Jupyter)")), "folder"),
        ]

    async def _for_teachers(self, request: web.Request, visitor: Visitor, course: Course) -> list[ViewLink]:
        """The way to the course's management, and to where its teachers hand out files."""
        access = await self._people.access(course.name)
        if access is None or role(visitor.actor, access) is not Role.TEACHER:
            return []
        manage, say = manage_path(course.name), self._site.say
        return [
            *(
                ViewLink(
                    f"{manage}/dropareas/{quote(area, safe='')}",
                    say(request, N_("Hand out in {area}"), area=area),
                    "upload",
                )
                for area in await self._handouts.areas(course.name)
            ),
            ViewLink(manage, say(request, N_("Manage this course")), "settings"),
        ]

    async def _shown(self, asked: ClassAddress, lesson: Lesson) -> ClassAddress:
        """What is really shown: the track that there is, and a notebook by its real name."""
        track, path = lesson.track.id if lesson.track else "", asked.path
        if path and asked.view is not View.BUILD:
            path = await self._lessons.locate(lesson.course, path) or path
        elif asked.view is View.NOTEBOOK and lesson.steps:
            path = lesson.steps[0].notebook
        return ClassAddress(asked.course, track, asked.view, path)

    async def _title(self, page: ClassPage, views: Sequence[ViewLink]) -> str:
        """What is open, in words."""
        shown = page.shown
        links: list[NotebookLink | ViewLink] = [*views]
        links += [link for section in page.sections for link in section.notebooks]
        current = next((link.text for link in links if link.current), "")
        if current or not shown.path or shown.view is not View.NOTEBOOK:
            return current or shown.path
        return await self._lessons.title(page.lesson.course, NotebookPath(shown.path))

    def _warning(self, request: web.Request, asked: ClassAddress, lesson: Lesson) -> str:
        if not asked.track or (lesson.track and lesson.track.id == asked.track):
            return ""
        name = asked.track[:60]
        if lesson.track is None:
            return self._site.say(request, N_("This course has no track “{asked}”."), asked=name)
        text = N_("This course has no track “{asked}”: this is “{shown}”.")
        return self._site.say(request, text, asked=name, shown=lesson.track.name)
