"""Who runs which image, and how a new one is hurried on, as nbhostctl asks for it."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.names import CourseName
from nbhostd.services.courses import Courses
from nbhostd.services.rollout import Old, Rollout, Spread
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_wire import Shape, Voice, read_body, required, stream


class RolloutControl:
    """Images on their way to those who run."""

    def __init__(self, courses: Courses, rollout: Rollout, tasks: Tasks) -> None:
        self._courses = courses
        self._rollout = rollout
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/images/status", self.show_status),
            web.post("/v1/images/roll-out", self.roll_out),
        ]

    async def show_status(self, request: web.Request) -> web.Response:
        wanted = request.query.get("course")
        courses = (
            [await self._courses.get(CourseName.parse(wanted))] if wanted else await self._courses.list()
        )
        spreads = [await self._rollout.spread(course) for course in courses]
        return web.json_response({"courses": [_spread_shape(spread) for spread in spreads]})

    async def roll_out(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"course": str, "all": bool, "dry_run": bool})
        name = CourseName.parse(required(body, "course"))

        async def work(say: Voice) -> Shape:
            done = await self._rollout.hurry(
                name, say, everybody=body.get("all", False), only_say=body.get("dry_run", False)
            )
            return {
                "stopped": [str(id) for id in done.stopped],
                "left": [_old_shape(old) for old in done.left],
                "failed": [str(id) for id in done.failed],
            }

        return await stream(request, self._tasks, work)


def _spread_shape(spread: Spread) -> Shape:
    return {
        "course": spread.course,
        "image": spread.image,
        "digest": spread.digest,
        "running": spread.running,
        "old": [_old_shape(old) for old in spread.old],
    }


def _old_shape(old: Old) -> Shape:
    return {"workspace": str(old.id), "in_use": old.in_use}
