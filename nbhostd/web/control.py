"""The control API: what nbhostctl asks of the daemon, on a socket that only administrators can open.

Everything under /v1 is JSON. A POST that takes long answers with JSON lines (see `control_wire.stream`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Protocol

from aiohttp import web

from nbhostd import __version__
from nbhostd.core import imagenames
from nbhostd.core.access import MAX_LIFETIME, Keyring, sign_launch
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused
from nbhostd.core.giturl import GitUrl
from nbhostd.core.model import JobState, Phase
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.ports import Clock, Images, Jobs, Store
from nbhostd.core.unitspec import SocketServiceSpec
from nbhostd.core.urls import OpenRequest, launch_stem, open_path
from nbhostd.services.courses import Changes, Courses
from nbhostd.services.images import KIND, ImageBuilder
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_shapes import (
    StatusRow,
    course_shape,
    job_shape,
    report_shape,
    row_shape,
    settings_shape,
    units_shape,
)
from nbhostd.web.control_wire import Say, Shape, json_errors, read_body, required, stream

_DEFAULT_EXPIRY = 300
_MOST_JOBS = 1000


class Workspaces(Protocol):
    """What control asks of services/workspaces.py."""

    async def stop(self, id: WorkspaceId, reason: str) -> bool: ...
    async def delete_of_course(self, course: CourseName) -> int: ...


class Status(Protocol):
    """What control asks of services/status.py."""

    async def rows(self) -> Sequence[StatusRow]: ...
    async def units(self, id: WorkspaceId) -> SocketServiceSpec: ...


class Logs(Protocol):
    """Jobs' logs, live."""

    def follow(self, number: int) -> AsyncIterator[str]: ...


class Finding(Protocol):
    """One line of `nbhostctl check`."""

    @property
    def level(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ControlContext:
    """The people that the handlers speak to."""

    config: Callable[[], Config]
    keyring: Callable[[], Keyring]
    clock: Clock
    store: Store
    courses: Courses
    builder: ImageBuilder
    images: Images
    jobs: Jobs
    logs: Logs
    workspaces: Workspaces
    status: Status
    check: Callable[[], Awaitable[Sequence[Finding]]]


def create_control_app(context: ControlContext) -> web.Application:
    """The application to serve on the control socket, and nowhere else."""
    control = _Control(context)
    app = web.Application(middlewares=[json_errors], client_max_size=1 << 20)
    app.on_cleanup.append(control.close)
    app.add_routes(
        [
            web.get("/v1/courses", control.list_courses),
            web.post("/v1/courses", control.create_course),
            web.get("/v1/courses/{course}", control.show_course),
            web.patch("/v1/courses/{course}", control.change_course),
            web.delete("/v1/courses/{course}", control.delete_course),
            web.post("/v1/courses/{course}/pull", control.pull_course),
            web.get("/v1/images", control.list_images),
            web.post("/v1/images/build", control.build_image),
            web.post("/v1/images/prune", control.prune_images),
            web.get("/v1/status", control.show_status),
            web.post("/v1/stop", control.stop),
            web.get("/v1/units/{course}/{student}", control.show_units),
            web.post("/v1/launch-url", control.launch_url),
            web.get("/v1/check", control.run_check),
            web.get("/v1/jobs", control.list_jobs),
            web.get("/v1/jobs/{number:[0-9]{1,18}}", control.show_job),
            web.get("/v1/jobs/{number:[0-9]{1,18}}/log", control.follow_job),
            web.post("/v1/jobs/{number:[0-9]{1,18}}/cancel", control.cancel_job),
        ]
    )
    return app


class _Control:
    def __init__(self, context: ControlContext) -> None:
        self._c = context
        self._tasks = Tasks()

    async def close(self, _: web.Application) -> None:
        """End what is still under way, when the daemon does."""
        await self._tasks.close()

    # courses

    async def list_courses(self, request: web.Request) -> web.Response:
        courses = [course_shape(course) for course in await self._c.courses.list()]
        return web.json_response({"courses": courses})

    async def create_course(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"name": str, "git_url": str, "image": str, "branch": str})
        name, git_url = CourseName.parse(required(body, "name")), required(body, "git_url")

        async def work(say: Say) -> Shape:
            course, report = await self._c.courses.create(
                name, git_url, say, image=body.get("image"), branch=body.get("branch")
            )
            if await self._c.images.digest(course.image) is None:
                say(
                    f"warning: its image is not here yet: nbhostctl image build {_target(course.image, name)}"
                )
            return {"course": course_shape(course), "report": report_shape(report)}

        return await stream(request, self._tasks, work)

    async def show_course(self, request: web.Request) -> web.Response:
        course = await self._c.courses.get(_course(request))
        settings = await self._c.courses.settings(course)
        return web.json_response(
            {
                **course_shape(course),
                "image_digest": await self._c.images.digest(course.image),
                "workspaces": len(await self._c.store.workspaces(course.name)),
                "recipe": await self._c.courses.recipe(course),
                "settings": settings_shape(settings),
            }
        )

    async def change_course(self, request: web.Request) -> web.Response:
        body = await read_body(
            request, {"git_url": str, "branch": str, "image": str, "autopull": bool, "archived": bool}
        )
        if not body:
            raise Refused("Nothing to change was given.")
        course = await self._c.courses.change(_course(request), Changes(**body))
        warning = GitUrl.parse(course.git_url).warning if "git_url" in body else ""
        return web.json_response({"course": course_shape(course), "warnings": [warning] if warning else []})

    async def delete_course(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"with_workspaces": bool})
        delete_workspaces = self._c.workspaces.delete_of_course if body.get("with_workspaces") else None
        deleted = await self._c.courses.delete(_course(request), delete_workspaces)
        return web.json_response({"workspaces_deleted": deleted})

    async def pull_course(self, request: web.Request) -> web.StreamResponse:
        name = _course(request)

        async def work(say: Say) -> Shape:
            return {"report": report_shape(await self._c.courses.pull(name, say))}

        return await stream(request, self._tasks, work)

    # images

    async def list_images(self, request: web.Request) -> web.Response:
        courses = await self._c.courses.list()
        images = [
            {
                "name": imagenames.shown(name),
                "full_name": name,
                "digest": digest,
                "size": size,
                "courses": [
                    course.name for course in courses if course.image == name.removesuffix(":latest")
                ],
            }
            for name, digest, size in await self._c.images.named()
        ]
        return web.json_response({"images": images})

    async def build_image(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"target": str, "fresh": bool})
        target = required(body, "target")

        async def work(say: Say) -> Shape:
            return asdict(await self._c.builder.build(target, say, fresh=body.get("fresh", False)))

        return await stream(request, self._tasks, work)

    async def prune_images(self, request: web.Request) -> web.StreamResponse:
        async def work(say: Say) -> Shape:
            await self._c.builder.prune(say)
            return {}

        return await stream(request, self._tasks, work)

    # workspaces

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
        id = WorkspaceId(_course(request), StudentName.parse(request.match_info["student"]))
        return web.json_response(units_shape(await self._c.status.units(id)))

    async def launch_url(self, request: web.Request) -> web.Response:
        body = await read_body(
            request, {"course": str, "notebook": str, "student": str, "expires": int, "forcecopy": bool}
        )
        lifetime = timedelta(seconds=body.get("expires", _DEFAULT_EXPIRY))
        if not timedelta(0) < lifetime <= MAX_LIFETIME:
            raise Refused(f"A launch expires after 1 to {int(MAX_LIFETIME.total_seconds())} seconds.")
        wanted = OpenRequest(
            CourseName.parse(required(body, "course")),
            NotebookPath.parse(launch_stem(required(body, "notebook"))),
            StudentName.parse(required(body, "student")),
        )
        course = await self._c.courses.get(wanted.course)
        found = await self._c.courses.locate(course, wanted.notebook, _nowhere)
        query = sign_launch(
            self._c.keyring().keys[0],
            wanted,
            expires=self._c.clock.now() + lifetime,
            nonce=secrets.token_urlsafe(16),
            forcecopy=body.get("forcecopy", False),
        )
        url = f"{self._c.config().server.public_url}{open_path(wanted)}?{query}"
        warnings = (
            [] if found else [f"the course has no notebook “{wanted.notebook}” (the student may have one)"]
        )
        return web.json_response({"url": url, "notebook": found, "warnings": warnings})

    # the host, and jobs

    async def run_check(self, request: web.Request) -> web.Response:
        findings = await self._c.check()
        shapes = [{"level": str(f.level), "subject": f.subject, "text": f.text} for f in findings]
        return web.json_response({"findings": shapes})

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
        if job.state is not JobState.RUNNING or job.kind != KIND:
            raise Refused("Only a build that runs can be cancelled.", status=409, reason="not-cancellable")
        await self._c.jobs.cancel(job.number)
        return web.json_response({})


def _course(request: web.Request) -> CourseName:
    return CourseName.parse(request.match_info["course"])


def _number(request: web.Request) -> int:
    return int(request.match_info["number"])


def _no_such_job(request: web.Request) -> Refused:
    return Refused(f"There is no job {request.match_info['number']}.", status=404, reason="no-such-job")


def _target(image: str, course: CourseName) -> str:
    """What to write after `nbhostctl image build` for an image."""
    short = imagenames.shown(image)
    return short if short in imagenames.KINDS else str(course)


async def _nowhere(_: NotebookPath) -> bool:
    return False
