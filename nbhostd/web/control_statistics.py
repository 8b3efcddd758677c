"""What is recorded of a course, as nbhostctl stats shows and writes it: in numbers, and all of it, page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import astuple
from datetime import UTC, datetime

from aiohttp import web

from nbhostd.core.counts import CountPoint, Counts
from nbhostd.core.errors import NbhostdError
from nbhostd.core.figures import Recorded
from nbhostd.core.names import CourseName
from nbhostd.services.courses import Courses
from nbhostd.services.figures import Figures
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import error_shape

_AT_ONCE = 2000
_BEFORE_ALL = -(1 << 62)


class StatisticsControl:
    """Reads; `control_import` takes what comes from elsewhere."""

    def __init__(self, courses: Courses, figures: Figures, counts: Counts) -> None:
        self._courses = courses
        self._figures = figures
        self._counts = counts

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/statistics/{course}", self.show),
            web.get("/v1/statistics/{course}/events", self.give_events, allow_head=False),
            web.get("/v1/statistics/{course}/counts", self.give_counts, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Everybody counts here, those as well whom the figures leave out."""
        course = await self._course(request)
        await self._figures.catch_up()
        await self._figures.ready(course)
        overview = await self._figures.sums.overview(course, True)
        kinds = await self._figures.sums.deeds(course, True)
        shape = {
            "course": course, "events": sum(kinds.values()), "opens": overview.opens, "students": overview.students,
            "left_out": overview.hidden, "notebooks": overview.notebooks, "first": _stamp(overview.first),
            "last": _stamp(overview.last), "kinds": dict(sorted(kinds.items())),
        }  # fmt: skip
        return web.json_response(shape)

    async def give_events(self, request: web.Request) -> web.StreamResponse:
        """Lines `{"events": [[number, at, student, event, notebook], …]}`, in the order of time."""
        return await _give(request, "events", self._events(await self._course(request)))

    async def give_counts(self, request: web.Request) -> web.StreamResponse:
        """Lines `{"counts": [[at, what runs here ×3, what runs in all ×3, the computer's gauges], …]}`."""
        return await _give(request, "counts", self._points(await self._course(request)))

    async def _course(self, request: web.Request) -> CourseName:
        course: CourseName = (await self._courses.get(course_name(request))).name
        return course

    async def _events(self, course: CourseName) -> AsyncIterator[list[list[object]]]:
        after = (_BEFORE_ALL, 0)
        while page := await self._figures.sums.events(course, after, _AT_ONCE):
            yield [list(astuple(recorded)) for recorded in page]
            after = _place(page[-1])

    async def _points(self, course: CourseName) -> AsyncIterator[list[list[object]]]:
        after = _BEFORE_ALL
        while page := await self._counts.all_of(course, after, _AT_ONCE):
            yield [_flat(point) for point in page]
            after = page[-1].at


def _place(recorded: Recorded) -> tuple[int, int]:
    return recorded.at, recorded.number


def _flat(point: CountPoint) -> list[object]:
    return [point.at, *astuple(point.course), *astuple(point.all), *astuple(point.host)]


def _stamp(at: int | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat() if at is not None else None


async def _give(
    request: web.Request, key: str, pages: AsyncIterator[list[list[object]]]
) -> web.StreamResponse:
    """One page in memory at a time: whoever reads slowly is waited for."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    given = 0
    try:
        async for page in pages:
            given += len(page)
            await response.write(json.dumps({key: page}, ensure_ascii=False).encode() + b"\n")
        last: dict[str, object] = {"result": {key: given}}
    except NbhostdError as error:
        last = error_shape(error)
    await response.write(json.dumps(last).encode() + b"\n")
    return response
