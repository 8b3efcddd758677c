"""Static versions, as nbhostctl asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from nbhostd.core.model import Share
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.ports import CourseShelf
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_wire import Shape, Voice, read_body, required, stream
from nbhostd.web.moments import iso
from nbhostd.web.shares import share_url


class Sharing(Protocol):
    """What this room asks of services/shares.py."""

    async def share(self, id: WorkspaceId, notebook: NotebookPath, language: str = "en") -> Share: ...
    async def remove(self, token: str) -> Share: ...
    async def all(self) -> list[Share]: ...


class SharesControl:
    """List, make and take down."""

    def __init__(
        self, shares: Sharing, courses: CourseShelf, public_url: Callable[[], str], tasks: Tasks
    ) -> None:
        self._shares = shares
        self._courses = courses
        self._public_url = public_url
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/shares", self.list_shares),
            web.post("/v1/shares", self.create_share),
            web.delete("/v1/shares/{token}", self.remove_share),
        ]

    async def list_shares(self, request: web.Request) -> web.Response:
        course, student = request.query.get("course"), request.query.get("student")
        wanted = (
            CourseName.parse(course) if course is not None else None,
            StudentName.parse(student) if student is not None else None,
        )
        if wanted[0] is not None:
            await self._courses.get(wanted[0])
        shares = [
            self._shape(share)
            for share in await self._shares.all()
            if wanted[0] in (None, share.workspace.course) and wanted[1] in (None, share.workspace.student)
        ]
        return web.json_response({"shares": shares})

    async def create_share(self, request: web.Request) -> web.StreamResponse:
        """A stream: it takes its time when many want one."""
        body = await read_body(request, {"course": str, "student": str, "notebook": str, "language": str})
        id = WorkspaceId(
            CourseName.parse(required(body, "course")), StudentName.parse(required(body, "student"))
        )
        notebook = NotebookPath.parse(required(body, "notebook"))

        async def work(_: Voice) -> Shape:
            return self._shape(await self._shares.share(id, notebook, body.get("language", "en")))

        return await stream(request, self._tasks, work)

    async def remove_share(self, request: web.Request) -> web.Response:
        return web.json_response(self._shape(await self._shares.remove(request.match_info["token"])))

    def _shape(self, share: Share) -> Shape:
        return {
            "course": share.workspace.course,
            "student": share.workspace.student,
            "notebook": share.notebook,
            "token": share.token,
            "url": share_url(self._public_url(), share),
            "shared_at": iso(share.shared_at),
        }
