"""What another site brings, as nbhostctl import sends it: piece by piece, each in a stream."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

from aiohttp import web

from nbhostd.core.counts import PastCount
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.rawfiles import past_count
from nbhostd.core.takeover import PastEvent, Stock
from nbhostd.services.courses import Changes
from nbhostd.services.takeover import Piece, Takeover, Wish, past_event
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import course_name
from nbhostd.web.control_dropareas import content_of
from nbhostd.web.control_shapes import course_shape
from nbhostd.web.control_wire import Shape, Voice, read_body, stream

T = TypeVar("T")
Add = Callable[[CourseName, Piece, list[T], str], Awaitable[int]]

_LONGEST = 300


class ImportControl:
    """Receives courses, files, events and people."""

    def __init__(self, takeover: Takeover, tasks: Tasks) -> None:
        self._takeover = takeover
        self._tasks = tasks
        self._busy: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/import", self.show),
            web.post("/v1/import/courses/{course}", self.take_course),
            web.put("/v1/import/stock/{place}/{course}", self.take_stock),
            web.put("/v1/import/people", self.take_people),
            web.put("/v1/import/workspaces/{course}/{student}/files", self.take_workspace),
            web.get("/v1/import/events/{course}", self.show_progress),
            web.put("/v1/import/events/{course}", self.take_events),
            web.get("/v1/import/counted/{course}", self.show_progress),
            web.put("/v1/import/counted/{course}", self.take_counts),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response({"items": await self._takeover.done(_text(request, "source"))})

    async def take_course(self, request: web.Request) -> web.StreamResponse:
        flags = dict.fromkeys(("autopull", "autobuild", "archived"), bool)
        body = await read_body(request, {"git_url": str, "image": str, "from_copy": bool, **flags})
        name = course_name(request)
        wish = Wish(
            body.get("git_url"), body.get("image"), Changes(**{flag: body.get(flag) for flag in flags}),
            body.get("from_copy", False),
        )  # fmt: skip

        async def work(say: Voice) -> Shape:
            return {"course": course_shape(await self._takeover.course(name, wish, say))}

        return await stream(request, self._tasks, work)

    async def take_stock(self, request: web.Request) -> web.Response:
        place = request.match_info["place"]
        if place not in {stock.value for stock in Stock}:
            raise Refused("There is no such place.", status=404)
        course, content = course_name(request), content_of(request)
        done = await self._takeover.stock(Stock(place), course, _piece(request), content)
        return web.json_response(asdict(done))

    async def take_people(self, request: web.Request) -> web.Response:
        done = await self._takeover.stock(Stock.IMPORT, None, _piece(request), content_of(request))
        return web.json_response(asdict(done))

    async def take_workspace(self, request: web.Request) -> web.Response:
        id = WorkspaceId(course_name(request), StudentName.parse(request.match_info["student"]))
        done = await self._takeover.workspace(id, _piece(request), content_of(request))
        return web.json_response(asdict(done))

    async def show_progress(self, request: web.Request) -> web.Response:
        return web.json_response({"progress": await self._takeover.progress(_piece(request))})

    async def take_events(self, request: web.Request) -> web.Response:
        """Lines of JSON: [at, student, event, notebook], and after some of them {"progress": how far that is}."""
        return await self._take(request, _event, self._takeover.add_events)

    async def take_counts(self, request: web.Request) -> web.Response:
        """Lines of JSON: [at, numbers of counts.raw…], and after some of them {"progress": how far that is}."""
        return await self._take(request, _count, self._takeover.add_counts)

    async def _take(
        self, request: web.Request, understand: Callable[[object], T], add: Add[T]
    ) -> web.Response:
        course, piece = course_name(request), _piece(request)
        if piece.item in self._busy:
            raise Refused("This is being imported already.", status=409, reason="importing")
        self._busy.add(piece.item)
        gathered: list[T] = []
        added = 0
        try:
            while line := await request.content.readline():
                shape = _parsed(line)
                if isinstance(shape, dict):
                    added += await add(course, piece, gathered, str(shape.get("progress", "")))
                    gathered = []
                else:
                    gathered.append(understand(shape))
        finally:
            self._busy.discard(piece.item)
        return web.json_response({"added": added})


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise Refused("This is no line of JSON.", detail=str(error)) from error


def _event(shape: object) -> PastEvent:
    try:
        at, student, event, notebook = map(str, shape)  # type: ignore[call-overload]
        return past_event(at, student, event, notebook)
    except (TypeError, ValueError) as error:
        raise Refused("This is no event.", detail=str(error)) from error


def _count(shape: object) -> PastCount:
    try:
        return past_count(shape if isinstance(shape, list) else [])
    except ValueError as error:
        raise Refused("This is no count.", detail=str(error)) from error


def _text(request: web.Request, key: str) -> str:
    text = request.query.get(key, "")
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise Refused(f"“{key}” is missing, or no plain text.")
    return text


def _piece(request: web.Request) -> Piece:
    return Piece(_text(request, "source"), _text(request, "item"), request.query.get("fingerprint", ""))
