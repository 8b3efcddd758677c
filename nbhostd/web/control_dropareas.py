"""Drop areas, as nbhostctl asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.names import AreaName, FilePath
from nbhostd.services.dropareas import DropAreas
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import Shape, Voice, read_body, stream

_CHUNK = 1 << 18
_AREA = "/v1/courses/{course}/dropareas/{area}"


class DropAreasControl:
    """List, put, remove and deploy."""

    def __init__(self, dropareas: DropAreas, tasks: Tasks) -> None:
        self._dropareas = dropareas
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/courses/{course}/dropareas", self.list_areas),
            web.get(_AREA, self.show_area),
            web.delete(_AREA, self.remove_area),
            web.put(_AREA + "/files/{path:.+}", self.put_file),
            web.delete(_AREA + "/files/{path:.+}", self.remove_file),
            web.post(_AREA + "/deploy", self.deploy),
        ]

    async def list_areas(self, request: web.Request) -> web.Response:
        areas = await self._dropareas.areas(course_name(request))
        shapes = [
            {"area": area, "files": len(files), "size": sum(file.size for file in files)}
            for area, files in areas.items()
        ]
        return web.json_response({"areas": shapes})

    async def show_area(self, request: web.Request) -> web.Response:
        students = request.query.getall("student", [])
        status = await self._dropareas.status(course_name(request), _area(request), students)
        return web.json_response({"files": [asdict(file) for file in status]})

    async def remove_area(self, request: web.Request) -> web.Response:
        removed = await self._dropareas.remove_area(course_name(request), _area(request))
        return web.json_response({"removed": removed})

    async def put_file(self, request: web.Request) -> web.Response:
        size = request.content_length
        if size is None:
            raise Refused("The file's size must be said (Content-Length).", status=411)
        await self._dropareas.put(
            course_name(request), _area(request), _file(request), size, content_of(request)
        )
        return web.json_response({"size": size})

    async def remove_file(self, request: web.Request) -> web.Response:
        await self._dropareas.remove(course_name(request), _area(request), _file(request))
        return web.json_response({})

    async def deploy(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"files": list, "all": bool, "students": list, "dry_run": bool})
        course, area = course_name(request), _area(request)
        files = [FilePath.parse(file) for file in _texts(body, "files")]
        students = _texts(body, "students")
        if bool(files) == body.get("all", False):
            raise Refused("Say which files, or else all.")

        async def work(say: Voice) -> Shape:
            done = await self._dropareas.deploy(
                course, area, say, files=files, students=students,
                dry_run=body.get("dry_run", False), progress=say.progress,
            )  # fmt: skip
            return asdict(done)

        return await stream(request, self._tasks, work)


async def content_of(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body, piece by piece: it may be larger than the memory."""
    async for piece in request.content.iter_chunked(_CHUNK):
        yield piece


def _area(request: web.Request) -> AreaName:
    return AreaName.parse(request.match_info["area"])


def _file(request: web.Request) -> FilePath:
    return FilePath.parse(request.match_info["path"])


def _texts(body: Shape, key: str) -> list[str]:
    texts = body.get(key, [])
    if not all(isinstance(text, str) for text in texts):
        raise Refused(f"“{key}” must be a list of texts.")
    return list(texts)
