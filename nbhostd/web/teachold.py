"""The predecessor's addresses for teachers and staff: each leads to the page that has taken its place, and changes nothing.

Some of them pulled or built when they were opened; the page that they lead to now has the button.
"""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName
from nbhostd.web.coursetabs import teach_path
from nbhostd.web.pages import Pages

_TO = {
    "/staff/course/{course}": "",
    "/staff/course/{course}/update": "settings",
    "/staff/courses/update-from-git/{course}": "",
    "/staff/courses/build-image/{course}": "",
    "/staff/courses/build-image-force/{course}": "",
    "/staff/courses/clear-staff/{course}": "students",
    "/staff/courses/show-tracks/{course}": "notebooks",
    "/staff/courses/destroy-my-container/{course}": "students",
    "/staff/stats/{course}": "statistics",
    "/staff/stats/daily_metrics/{course}": "statistics",
    "/staff/stats/monitor_counts/{course}": "statistics",
    "/staff/stats/material_usage/{course}": "statistics",
}


class OldTeachPages:
    """`/staff/…`; who may look is asked by the page that it leads to."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes, each with and without its last slash."""
        for path in _TO:
            router.add_get(path, self.lead)
            router.add_get(f"{path}/", self.lead)
        router.add_get("/staff/courses{rest:.*}", self.all)
        router.add_get("/staff", self.all)
        router.add_get("/staff/", self.all)

    async def lead(self, request: web.Request) -> web.StreamResponse:
        """To the page of the course."""
        resource = request.match_info.route.resource
        assert resource is not None
        try:
            course = CourseName.parse(request.match_info["course"])
        except Refused:
            return self._pages.redirect("/teach")
        return self._pages.redirect(teach_path(course, _TO[resource.canonical.removesuffix("/")]))

    async def all(self, _request: web.Request) -> web.StreamResponse:
        """To the list."""
        return self._pages.redirect("/teach")
