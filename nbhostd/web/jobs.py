"""Jobs, as whoever began them follows them: a page whose log grows, survives a reload, and has a button that cancels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol
from weakref import WeakSet

import msgspec
from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Job, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.people import CourseAccess, Power, judge
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Nothing, Operation
from nbhostd.web.reception import Visitor
from nbhostd.web.site import SitePages

KINDS = {
    "create": N_("Creation of a course"),
    "pull": N_("Pull"),
    "build": N_("Building an image"),
    "site": N_("Building a static site"),
    "pull-students": N_("Pull for the students"),
    "drop": N_("Handing out files"),
}
STATES = {
    JobState.RUNNING: N_("running"),
    JobState.SUCCEEDED: N_("succeeded"),
    JobState.FAILED: N_("failed"),
    JobState.CANCELLED: N_("cancelled"),
    JobState.LOST: N_("lost: nbhostd ended under it"),
}
TONES = {
    JobState.RUNNING: "note",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "note",
    JobState.LOST: "bad",
}
_SITE_WIDE = ("minimal", "scipy")
_LOOKS_OF_SILENCE = 30
"""After so many looks that found nothing, a comment keeps the line open."""


class JobShape(msgspec.Struct, frozen=True):
    """A job: something that takes long."""

    number: int
    kind: str
    subject: str
    state: str
    started_at: str
    ended_at: str | None
    message: str
    begun_by: str


class JobList(msgspec.Struct, frozen=True):
    """Jobs, the latest first."""

    jobs: list[JobShape]


class JobLines(msgspec.Struct, frozen=True):
    """What a job has said so far, and how it stands."""

    job: JobShape
    lines: list[str]


class JobStore(Protocol):
    """Where jobs are remembered (the store)."""

    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]: ...
    async def job(self, number: int) -> Job | None: ...


class JobLog(Protocol):
    """Jobs' logs (adapters/jobs.py)."""

    def looks(self, number: int) -> AsyncGenerator[list[str], None]: ...
    def lines(self, number: int) -> Sequence[str]: ...


class Rights(Protocol):
    """What is asked of services/people.py."""

    async def access(self, course: CourseName) -> CourseAccess | None: ...


def job_shape(job: Job) -> JobShape:
    """A job, for the API."""
    return JobShape(
        job.number, job.kind, job.subject, job.state.value, job.started_at.isoformat(timespec="seconds"),
        job.ended_at.isoformat(timespec="seconds") if job.ended_at else None, job.message, job.begun_by,
    )  # fmt: skip


class Jobs:
    """Everybody's jobs: a course's for its teachers, the others for administrators."""

    def __init__(
        self, store: JobStore, log: JobLog, cancel: Callable[[Job], Awaitable[None]], rights: Rights
    ) -> None:
        self.store = store
        self.log = log
        self._end = cancel
        self._rights = rights

    def operations(self) -> list[Operation]:
        """What can be done with jobs."""
        number = "{number:[0-9]{1,15}}"
        return [
            Operation(
                "job.list", "GET", "/courses/{course}/jobs", "The latest jobs of a course", Power.TEACH, self._list,
                JobList,
            ),
            Operation(
                "job.show", "GET", f"/jobs/{number}", "A job and what it has said so far", Power.ACCOUNT, self._show,
                JobLines,
            ),
            Operation(
                "job.cancel", "POST", f"/jobs/{number}/cancel", "End a job", Power.ACCOUNT, self._cancel, Nothing,
                done=N_("The job is being cancelled."),
            ),
        ]  # fmt: skip

    async def of(self, visitor: Visitor, number: int, *, reading: bool) -> Job:
        """A job that this visitor may look at or end. Raises Refused (401, 403, 404)."""
        job = await self.store.job(number)
        about = job.subject.partition("/")[0] if job else ""
        access = None
        if about and about not in _SITE_WIDE:
            access = await self._rights.access(CourseName(about))
        if access is None:
            judge(visitor.actor, Power.ADMINISTER, reading=reading).demand()
        else:
            judge(visitor.actor, Power.TEACH, access, reading=reading).demand()
        if job is None:
            raise Refused("There is no such job.", status=404, reason="no-such-job")
        return job

    async def _list(self, call: Call) -> JobList:
        return JobList([job_shape(job) for job in await self.store.jobs(course=call.course)])

    async def _show(self, call: Call) -> JobLines:
        job = await self.of(call.visitor, int(call.names["number"]), reading=True)
        return JobLines(job_shape(job), list(self.log.lines(job.number)))

    async def _cancel(self, call: Call) -> Nothing:
        await self._end(await self.of(call.visitor, int(call.names["number"]), reading=False))
        return Nothing()


class JobsRoom:
    """`/jobs/N` and its events."""

    def __init__(self, site: SitePages, jobs: Jobs) -> None:
        self._site = site
        self._jobs = jobs
        self._streams: WeakSet[asyncio.Task[object]] = WeakSet()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/jobs/{number:[0-9]{1,15}}", self.show, allow_head=False)
        router.add_get("/jobs/{number:[0-9]{1,15}}/events", self.events, allow_head=False)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What it is, what it has said so far, how it ended."""
        visitor = await self._site.reception.visitor(request)
        job = await self._jobs.of(visitor, int(request.match_info["number"]), reading=True)
        about = job.subject.partition("/")[0]
        say = self._site.say
        crumbs = [("/admin/jobs", say(request, N_("Jobs")))]
        if about not in _SITE_WIDE:
            crumbs = [(f"/teach/{about}", about), (f"/teach/{about}/jobs", say(request, N_("Jobs")))]
        return await self._site.render(
            request, "job.html", job=job, kind=say(request, KINDS.get(job.kind, job.kind)),
            state=say(request, STATES[job.state]), tone=TONES[job.state],
            lines=self._jobs.log.lines(job.number), running=job.state is JobState.RUNNING,
            crumbs=[*crumbs, (request.path, f"{job.number}")],
        )  # fmt: skip

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Its lines from `?from=` on as server-sent events (WHATWG HTML §9.2), and at last how it ended."""
        visitor = await self._site.reception.visitor(request)
        job = await self._jobs.of(visitor, int(request.match_info["number"]), reading=True)
        said = request.headers.get("Last-Event-ID", request.query.get("from", "0"))
        start = int(said) if said.isdecimal() and len(said) < 10 else 0
        response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
        self._site.pages.dress(response)
        response.content_type = "text/event-stream"
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        async with aclosing(self._messages(request, job, start)) as messages:
            async for message in messages:
                await response.write(message.encode())
        return response

    async def _messages(self, request: web.Request, job: Job, start: int) -> AsyncGenerator[str, None]:
        place, silent = 0, 0
        async with aclosing(self._jobs.log.looks(job.number)) as looks:
            async for lines in looks:
                silent = 0 if lines else silent + 1
                if silent % _LOOKS_OF_SILENCE == _LOOKS_OF_SILENCE - 1:
                    yield ": still here\n\n"
                for line in lines:
                    place += 1
                    if place > start:
                        yield f"id: {place}\ndata: {json.dumps({'line': line})}\n\n"
        ended = await self._jobs.store.job(job.number) or job
        text = self._site.say(request, STATES[ended.state])
        end = {"state": ended.state.value, "text": text, "tone": TONES[ended.state], "message": ended.message}
        yield f"event: end\ndata: {json.dumps(end)}\n\n"

    async def close(self, _app: web.Application) -> None:
        """End the open streams, so that a stopping daemon waits for nobody; browsers come back by themselves."""
        for task in tuple(self._streams):
            task.cancel()
