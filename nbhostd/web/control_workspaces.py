"""Workspaces and the host, as nbhostctl asks for them."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from urllib.parse import quote

from aiohttp import web

from nbhostd import __version__
from nbhostd.core.access import MAX_LIFETIME, sign_launch
from nbhostd.core.errors import Refused
from nbhostd.core.model import Mode, Phase
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.urls import OpenRequest, jupyter_page, launch_stem, open_path, with_query
from nbhostd.web.control_context import ControlContext, course_name
from nbhostd.web.control_shapes import row_shape, units_shape
from nbhostd.web.control_wire import Shape, read_body, required

_DEFAULT_EXPIRY = 300
_LAUNCH = {
    "course": str, "notebook": str, "student": str, "expires": int, "forcecopy": bool,
    "classroom": bool, "page": str,
}  # fmt: skip


class WorkspacesControl:
    """Status, stop, units, launch URLs and the host's check."""

    def __init__(self, context: ControlContext) -> None:
        self._c = context

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/status", self.show_status),
            web.post("/v1/stop", self.stop),
            web.get("/v1/units/{course}/{student}", self.show_units),
            web.post("/v1/launch-url", self.launch_url),
            web.get("/v1/check", self.run_check),
        ]

    async def show_status(self, request: web.Request) -> web.Response:
        rows = await self._c.status.rows()
        phases = {
            phase.value: sum(row.phase is phase for row in rows)
            for phase in Phase
            if phase is not Phase.ASLEEP
        }
        return web.json_response(
            {"version": __version__, "phases": phases, "workspaces": [row_shape(row) for row in rows]}
        )

    async def stop(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"workspace": str, "course": str, "all": bool})
        if sum(bool(value) for value in body.values()) != 1:
            raise Refused("Give one of workspace, course and all.")
        wanted = [row.id for row in await self._c.status.rows()]
        if "workspace" in body:
            wanted = [WorkspaceId.parse(body["workspace"])]
        elif "course" in body:
            course = await self._c.courses.get(CourseName.parse(body["course"]))
            wanted = [id for id in wanted if id.course == course.name]
        stopped = await asyncio.gather(*(self._c.workspaces.stop(id, "administrator") for id in wanted))
        return web.json_response(
            {"stopped": [str(id) for id, done in zip(wanted, stopped, strict=True) if done]}
        )

    async def show_units(self, request: web.Request) -> web.Response:
        id = WorkspaceId(course_name(request), StudentName.parse(request.match_info["student"]))
        return web.json_response(units_shape(await self._c.status.units(id)))

    async def launch_url(self, request: web.Request) -> web.Response:
        body = await read_body(request, _LAUNCH)
        lifetime = timedelta(seconds=body.get("expires", _DEFAULT_EXPIRY))
        if not timedelta(0) < lifetime <= MAX_LIFETIME:
            raise Refused(f"A launch expires after 1 to {int(MAX_LIFETIME.total_seconds())} seconds.")
        wanted = _wanted(body)
        course = await self._c.courses.get(wanted.course)
        query = sign_launch(
            self._c.keyring().keys[0],
            wanted,
            expires=self._c.clock.now() + lifetime,
            nonce=secrets.token_urlsafe(16),
            forcecopy=body.get("forcecopy", False),
        )
        url = self._c.config().server.public_url + with_query(open_path(wanted), query)
        found, warnings = None, []
        if wanted.notebook is not None:
            found = await self._c.courses.locate(course, wanted.notebook, _nowhere)
            if found is None:
                warnings.append(f"the course has no notebook “{wanted.notebook}” (the student may have one)")
        return web.json_response({"url": url, "notebook": found, "warnings": warnings})

    async def run_check(self, request: web.Request) -> web.Response:
        findings = await self._c.check()
        shapes = [{"level": str(f.level), "subject": f.subject, "text": f.text} for f in findings]
        return web.json_response({"findings": shapes})


def _wanted(body: Shape) -> OpenRequest:
    """The launch that a request's body describes. Raises Refused."""
    course = CourseName.parse(required(body, "course"))
    student = StudentName.parse(required(body, "student"))
    if "page" in body:
        page = quote(body["page"], safe="/%?&=+,:;@!$'()*")  # as a person writes it
        return OpenRequest(course, None, student, Mode.CLASSROOM, jupyter_page(*page.split("?", 1)))
    notebook = NotebookPath.parse(launch_stem(required(body, "notebook")))
    mode = Mode.CLASSROOM if body.get("classroom", False) else Mode.MOOC
    return OpenRequest(course, notebook, student, mode)


async def _nowhere(_: NotebookPath) -> bool:
    return False
