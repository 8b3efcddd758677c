"""Jobs, as nbhostctl asks for them."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.services.cancelling import cancel
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import ControlContext
from nbhostd.web.control_shapes import job_shape
from nbhostd.web.control_wire import Say, Shape, stream

_MOST_JOBS = 1000


class JobsControl:
    """List, show, follow and cancel."""

    def __init__(self, context: ControlContext, tasks: Tasks) -> None:
        self._c = context
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/jobs", self.list_jobs),
            web.get("/v1/jobs/{number:[0-9]{1,18}}", self.show_job),
            web.get("/v1/jobs/{number:[0-9]{1,18}}/log", self.follow_job),
            web.post("/v1/jobs/{number:[0-9]{1,18}}/cancel", self.cancel_job),
        ]

    async def list_jobs(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "50")
        if not limit.isdecimal() or not 0 < int(limit) <= _MOST_JOBS:
            raise Refused(f"limit must be 1 to {_MOST_JOBS}.")
        return web.json_response(
            {"jobs": [job_shape(job) for job in await self._c.store.jobs(limit=int(limit))]}
        )

    async def show_job(self, request: web.Request) -> web.Response:
        job = await self._c.store.job(_number(request))
        if job is None:
            raise _no_such_job(request)
        return web.json_response(job_shape(job))

    async def follow_job(self, request: web.Request) -> web.StreamResponse:
        number = _number(request)
        if await self._c.store.job(number) is None:
            raise _no_such_job(request)

        async def work(say: Say) -> Shape:
            async for line in self._c.logs.follow(number):
                say(line)
            ended = await self._c.store.job(number)
            return job_shape(ended) if ended is not None else {}

        return await stream(request, self._tasks, work)

    async def cancel_job(self, request: web.Request) -> web.Response:
        job = await self._c.store.job(_number(request))
        if job is None:
            raise _no_such_job(request)
        await cancel(job, self._c.book, self._c.jobs)
        return web.json_response({})


def _number(request: web.Request) -> int:
    return int(request.match_info["number"])


def _no_such_job(request: web.Request) -> Refused:
    return Refused(f"There is no job {request.match_info['number']}.", status=404, reason="no-such-job")
