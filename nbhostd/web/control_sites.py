"""Static sites, as nbhostctl asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from nbhostd.core.access import Keyring
from nbhostd.core.errors import Refused
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Clock
from nbhostd.services.courses import Courses
from nbhostd.services.sites import Listed, Sites
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import Shape, Voice, read_body, stream
from nbhostd.web.moments import iso
from nbhostd.web.sites import LONGEST, PURPOSE, site_path, site_ticket

_DEFAULT_EXPIRY = 30 * 86400


class SitesControl:
    """List, run, and give an address."""

    def __init__(
        self, courses: Courses, sites: Sites, keyring: Callable[[], Keyring], clock: Clock,
        public_url: Callable[[], str], tasks: Tasks,
    ) -> None:  # fmt: skip
        self._courses = courses
        self._sites = sites
        self._keyring = keyring
        self._clock = clock
        self._origin = public_url
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/builds", self.list_builds),
            web.post("/v1/builds/{course}/run", self.run),
            web.post("/v1/builds/{course}/{build}/url", self.url),
        ]

    async def list_builds(self, request: web.Request) -> web.Response:
        wanted = request.query.get("course")
        courses = (
            [await self._courses.get(CourseName.parse(wanted))] if wanted else await self._courses.list()
        )
        shapes = [
            self._shape(course, listed) for course in courses for listed in await self._sites.listed(course)
        ]
        return web.json_response({"builds": shapes})

    async def run(self, request: web.Request) -> web.StreamResponse:
        name = course_name(request)
        body = await read_body(request, {"builds": list, "force": bool})
        builds = [str(build) for build in body.get("builds", ())]

        async def work(say: Voice) -> Shape:
            made = await self._sites.run(name, builds, say, force=body.get("force", False))
            return {
                "builds": [
                    {
                        "build": one.build,
                        "outcome": one.outcome,
                        "commit": one.commit,
                        "job": one.job,
                        "complaint": one.complaint,
                        "url": self._public_url(site_path(name, one.build))
                        if one.outcome in ("built", "current")
                        else None,
                    }
                    for one in made
                ]
            }

        return await stream(request, self._tasks, work)

    async def url(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"expires": int})
        course = await self._courses.get(course_name(request))
        build = request.match_info["build"]
        listed = next((one for one in await self._sites.listed(course) if one.build.id == build), None)
        if listed is None:
            raise Refused(
                f"The course “{course.name}” has no build “{build[:60]}”.", status=404, reason="no-such-build"
            )
        if listed.kind == "elsewhere":
            return web.json_response({"url": listed.build.external_url, "expires": None})
        if course.public_builds:
            url = self._public_url(site_path(course.name, build))
            return web.json_response({"url": url, "expires": None})
        lifetime = timedelta(seconds=body.get("expires", _DEFAULT_EXPIRY))
        if not timedelta(0) < lifetime <= LONGEST:
            raise Refused(f"An address expires after 1 to {LONGEST.days} days.")
        expires = (self._clock.now() + lifetime).replace(microsecond=0)
        ticket = site_ticket(self._keyring().for_purpose(PURPOSE)[0], course.name, build, expires)
        url = self._public_url(site_path(course.name, build, ticket=ticket))
        return web.json_response({"url": url, "expires": expires.isoformat()})

    def _shape(self, course: Course, listed: Listed) -> Shape:
        build, last = listed.build, listed.last
        return {
            "course": course.name,
            "build": build.id,
            "name": build.name,
            "description": build.description,
            "kind": listed.kind,
            "url": build.external_url or self._public_url(site_path(course.name, build.id)),
            "latest": listed.latest,
            "current": listed.latest == course.commit,
            "public": course.public_builds,
            "last": {
                "job": last.job,
                "state": last.state.value,
                "commit": last.commit,
                "at": iso(last.built_at),
            }
            if last
            else None,
        }

    def _public_url(self, path: str) -> str:
        return self._origin() + path
