"""Courses, as nbhostctl asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from aiohttp import web

from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.giturl import GitUrl
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.services.courses import Changes
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import ControlContext, course_name
from nbhostd.web.control_shapes import course_shape, report_shape, settings_shape
from nbhostd.web.control_wire import Say, Shape, read_body, required, stream

_ALL = 3


class CoursesControl:
    """Create, list, show, change and pull."""

    def __init__(self, context: ControlContext, tasks: Tasks) -> None:
        self._c = context
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/courses", self.list_courses),
            web.post("/v1/courses", self.create_course),
            web.get("/v1/courses/{course}", self.show_course),
            web.patch("/v1/courses/{course}", self.change_course),
            web.post("/v1/courses/{course}/pull", self.pull_course),
        ]

    async def list_courses(self, request: web.Request) -> web.Response:
        """Without `detail` (0 to 3) what the database knows, at once."""
        detail = request.query.get("detail", "")
        if detail not in ("", "0", "1", "2", "3"):
            raise Refused("detail must be 0 to 3.")
        courses = await self._c.courses.list()
        shapes = [course_shape(course) for course in courses]
        if detail:
            shapes = await self._detailed(courses, int(detail))
        return web.json_response({"courses": shapes})

    async def _detailed(self, courses: Sequence[Course], detail: int) -> list[Shape]:
        here = await self._images_here({course.image for course in courses})
        used = Counter(workspace.id.course for workspace in await self._c.store.workspaces())
        rows = await self._c.status.rows() if detail else ()
        awake = Counter(row.id.course for row in rows)
        return [
            {
                **course_shape(course),
                "image_here": here[course.image],
                "workspaces": used[course.name],
                "awake": awake[course.name],
                **(await self._content_of(course) if detail == _ALL else {}),
            }
            for course in courses
        ]

    async def _images_here(self, images: Iterable[str]) -> dict[str, bool | None]:
        """Which images there are; None where Podman cannot be asked, which is no reason to list nothing."""
        here: dict[str, bool | None] = {}
        for image in images:
            try:
                here[image] = await self._c.images.digest(image) is not None
            except WorldError:
                here[image] = None
        return here

    async def _content_of(self, course: Course) -> Shape:
        try:
            settings = await self._c.courses.settings(course)
        except WorldError as error:
            # One course whose files cannot be read does not hide the others.
            return {
                "notebooks": None,
                "tracks": None,
                "builds": None,
                "faults": None,
                "trouble": error.message,
            }
        notebooks = {path for track in settings.tracks for part in track.sections for path in part.notebooks}
        return {
            "notebooks": len(notebooks),
            "tracks": len(settings.tracks),
            "builds": len(settings.builds),
            "faults": len(settings.warnings),
        }

    async def create_course(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"name": str, "git_url": str, "image": str, "branch": str})
        name, git_url = CourseName.parse(required(body, "name")), required(body, "git_url")

        async def work(say: Say) -> Shape:
            course, report = await self._c.courses.create(
                name, git_url, say, image=body.get("image"), branch=body.get("branch")
            )
            if await self._c.images.digest(course.image) is None:
                say(f"warning: its image is not here yet: {await self._c.builder.advice(course)}")
            return {"course": course_shape(course), "report": report_shape(report)}

        return await stream(request, self._tasks, work)

    async def show_course(self, request: web.Request) -> web.Response:
        course = await self._c.courses.get(course_name(request))
        settings = await self._c.courses.settings(course)
        recipe = await self._c.builder.recipes.of(course)
        return web.json_response(
            {
                **course_shape(course),
                "image_digest": await self._c.images.digest(course.image),
                "workspaces": len(await self._c.store.workspaces(course.name)),
                "recipe": recipe.shown if recipe else None,
                "settings": settings_shape(settings),
            }
        )

    async def change_course(self, request: web.Request) -> web.Response:
        flags = dict.fromkeys(("autopull", "archived", "autobuild", "public_builds"), bool)
        body = await read_body(request, {"git_url": str, "branch": str, "image": str, **flags})
        if not body:
            raise Refused("Nothing to change was given.")
        course = await self._c.courses.change(course_name(request), Changes(**body))
        warning = GitUrl.parse(course.git_url).warning if "git_url" in body else ""
        return web.json_response({"course": course_shape(course), "warnings": [warning] if warning else []})

    async def pull_course(self, request: web.Request) -> web.StreamResponse:
        name = course_name(request)

        async def work(say: Say) -> Shape:
            return {"report": report_shape(await self._c.courses.pull(name, say))}

        return await stream(request, self._tasks, work)
