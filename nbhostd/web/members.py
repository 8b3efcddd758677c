"""People who are logged in, at the door of a launch: their own workspaces, in their own courses, need no signature."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.headers import is_navigation
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.core.urls import OpenRequest
from nbhostd.web.reception import Reception


class Members:
    """Satisfies `Members` of web/context.py and `Membership` of web/sites.py."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def admits(self, request: web.Request, wanted: OpenRequest) -> bool:
        """Whether whoever is logged in may open this, being the student that it names.

        Raises Refused: 404 when the course is not theirs, 401 when a classroom's link comes from nobody.
        """
        visitor = await self._reception.visitor(request)
        user = visitor.actor.user
        if user is None:
            if wanted.mode is Mode.CLASSROOM and _on_top(request):
                raise Refused("Log in first.", status=401, reason="not-logged-in")
            return False
        if user.name != wanted.student or visitor.session is None:
            return False
        await self._reception.demand(request, Power.OPEN, wanted.course)
        return True

    async def is_member(self, request: web.Request, course: CourseName) -> bool:
        """Whether whoever is logged in may open this course."""
        try:
            await self._reception.demand(request, Power.OPEN, course)
        except Refused:
            return False
        return True


def _on_top(request: web.Request) -> bool:
    """Whether a person loads this in a tab: in a platform's iframe, nobody can log in here."""
    frame = request.headers.get("Sec-Fetch-Dest", "document") != "document"
    return is_navigation(request.method, request.headers) and not frame
