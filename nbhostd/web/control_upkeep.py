"""What keeps a site in order, as nbhostctl asks for it: who has what, how large; other names, fresh starts, ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

from aiohttp import web

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.services.census import Census, Measured, Resident
from nbhostd.services.tasks import Tasks
from nbhostd.services.upkeep import Upkeep
from nbhostd.web.control_context import course_name
from nbhostd.web.control_shapes import course_shape
from nbhostd.web.control_wire import Shape, Voice, read_body, required, stream
from nbhostd.web.moments import iso

Delete = Callable[[WorkspaceId], Awaitable[None]]
Staff = Callable[[CourseName], Awaitable[Sequence[StudentName]]]
"""Those of a course's staff who have a workspace in it."""


class UpkeepControl:
    """Workspaces listed, measured, deleted; courses renamed, cleared and deleted."""

    def __init__(
        self, census: Census, upkeep: Upkeep, delete_workspace: Delete, staff: Staff, tasks: Tasks
    ) -> None:
        self._census = census
        self._upkeep = upkeep
        self._delete_workspace = delete_workspace
        self._staff = staff
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/workspaces", self.list_workspaces),
            web.post("/v1/workspaces/measure", self.measure_workspaces),
            web.delete("/v1/workspaces/{course}/{student}", self.delete_workspace),
            web.get("/v1/courses/{course}/belongings", self.show_belongings),
            web.post("/v1/courses/{course}/rename", self.rename_course),
            web.post("/v1/courses/{course}/clear", self.clear_students),
            web.delete("/v1/courses/{course}", self.delete_course),
        ]

    async def list_workspaces(self, request: web.Request) -> web.Response:
        residents = [_resident_shape(resident) for resident in await self._census.residents()]
        return web.json_response({"workspaces": residents})

    async def measure_workspaces(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"workspaces": list})
        ids = [_workspace_id(item) for item in required(body, "workspaces")]

        async def work(say: Voice) -> Shape:
            return {
                "measured": [_measured_shape(one) for one in await self._census.measure(ids, say.progress)]
            }

        return await stream(request, self._tasks, work)

    async def delete_workspace(self, request: web.Request) -> web.Response:
        id = WorkspaceId(course_name(request), StudentName.parse(request.match_info["student"]))
        await self._census.known(id)
        await self._delete_workspace(id)
        return web.json_response({})

    async def show_belongings(self, request: web.Request) -> web.Response:
        belongings = await self._upkeep.belongings(course_name(request))
        return web.json_response(
            {
                "workspaces": belongings.workspaces,
                "awake": [str(id) for id in belongings.awake],
                "directories": [asdict(directory) for directory in belongings.directories],
                "image": belongings.image,
            }
        )

    async def rename_course(self, request: web.Request) -> web.StreamResponse:
        old = course_name(request)
        body = await read_body(request, {"to": str, "stop": bool})
        new = CourseName.parse(required(body, "to"))

        async def work(say: Voice) -> Shape:
            renamed = await self._upkeep.rename(old, new, say, stop=body.get("stop", False))
            return {"course": course_shape(renamed)}

        return await stream(request, self._tasks, work)

    async def clear_students(self, request: web.Request) -> web.StreamResponse:
        course = course_name(request)
        body = await read_body(request, {"students": list, "staff": bool, "dry_run": bool})
        names = [StudentName.parse(str(name)) for name in required(body, "students")]
        if body.get("staff", False):
            names = list(dict.fromkeys([*names, *await self._staff(course)]))
        ids = [WorkspaceId(course, name) for name in names]

        async def work(say: Voice) -> Shape:
            results: list[Shape] = []
            for done, id in enumerate(ids):
                say.progress(done, len(ids), str(id))
                results.append(await self._clear(id, dry_run=body.get("dry_run", False)))
            return {"cleared": results}

        return await stream(request, self._tasks, work)

    async def _clear(self, id: WorkspaceId, *, dry_run: bool) -> Shape:
        try:
            return {"student": id.student, "notebooks": list(await self._census.clear(id, dry_run=dry_run))}
        except NbhostdError as error:
            return {"student": id.student, "error": error.message, "status": error.status}

    async def delete_course(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"with_workspaces": bool, "with_files": bool})
        deleted = await self._upkeep.delete(
            course_name(request),
            with_workspaces=body.get("with_workspaces", False),
            with_files=body.get("with_files", False),
        )
        return web.json_response({"workspaces_deleted": deleted})


def _workspace_id(item: object) -> WorkspaceId:
    if not isinstance(item, str):
        raise Refused("A workspace is written COURSE/STUDENT.", reason="bad-workspace")
    return WorkspaceId.parse(item)


def _resident_shape(resident: Resident) -> Shape:
    workspace, seen = resident.workspace, resident.last_visit
    return {
        "course": workspace.id.course,
        "student": workspace.id.student,
        "number": workspace.number,
        "mode": workspace.mode.value,
        "phase": resident.phase.value,
        "created_at": iso(workspace.created_at),
        "last_visit": iso(seen),
    }


def _measured_shape(measured: Measured) -> Shape:
    return {
        "workspace": str(measured.id), "size": measured.size, "files": measured.files, "trouble": measured.trouble,
    }  # fmt: skip
