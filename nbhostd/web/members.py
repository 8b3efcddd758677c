"""People who are logged in, at the door of a launch: their own workspaces, in their own courses, need no signature."""

from __future__ import annotations

from aiohttp import hdrs, web

from nbhostd.core.classurl import PREFIX
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

        Raises Refused: 404 when the course is not theirs, 401 when a classroom's link comes from nobody, or when its
        page is still open, but not its login.
        """
        visitor = await self._reception.visitor(request)
        user = visitor.actor.user
        if user is None:
            await self.demand_in_frame(request)
            if wanted.mode is Mode.CLASSROOM and _on_top(request):
                raise Refused("Log in first.", status=401, reason="not-logged-in")
            return False
        if user.name != wanted.student or visitor.session is None:
            if self.classroom(request):
                raise _ended()
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

    async def demand_in_frame(self, request: web.Request) -> None:
        """Return, unless a classroom's page asks for what its frame shows and nobody is logged in: Refused(401)."""
        if self.classroom(request) and (await self._reception.visitor(request)).actor.user is None:
            raise _ended()

    def classroom(self, request: web.Request) -> str:
        """The address of the classroom's page whose frame this is for; '' for none."""
        if request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe":
            return ""
        page = self._reception.own_address(request.headers.get(hdrs.REFERER, ""))
        return page if page.startswith(PREFIX) else ""


def _ended() -> Refused:
    return Refused("The login of this page has ended.", status=401, reason="login-ended")


def _on_top(request: web.Request) -> bool:
    """Whether a person loads this in a tab: in a platform's iframe, nobody can log in here."""
    frame = request.headers.get("Sec-Fetch-Dest", "document") != "document"
    return is_navigation(request.method, request.headers) and not frame
