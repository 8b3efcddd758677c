"""Jobs, as whoever began them follows them: a page whose log grows, survives a reload, and has a button that cancels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from weakref import WeakSet

from aiohttp import web

from nbhostd.core.model import Job, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.jobs import MAKING, MOST_LISTED, TIDYING, Jobs, course_of
from nbhostd.web.jobwords import KINDS, OUTCOMES, STATES, TONES, outcome_tone
from nbhostd.web.languages import N_
from nbhostd.web.site import SitePages

_LOOKS_OF_SILENCE = 30
"""After so many looks that found nothing, a comment keeps the line open."""


class Words:
    """Jobs in the words of whoever looks."""

    def __init__(self, site: SitePages, request: web.Request) -> None:
        self._site = site
        self._request = request

    def kind(self, job: Job) -> str:
        """What is done."""
        return self._site.say(self._request, KINDS.get(job.kind, job.kind))

    def state(self, job: Job) -> str:
        """How it stands."""
        return self._site.say(self._request, STATES[job.state])

    def tone(self, job: Job) -> str:
        """How that stands out."""
        return TONES[job.state]

    def outcome(self, end: str) -> str:
        """What became of a student's copy."""
        return self._site.say(self._request, OUTCOMES.get(end, end))

    def outcome_tone(self, end: str) -> str:
        """How that stands out."""
        return outcome_tone(end)


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
        router.add_get("/teach/{course}/jobs", self.of_course)
        router.add_get("/admin/jobs", self.all)

    async def of_course(self, request: web.Request) -> web.StreamResponse:
        """The latest jobs of a course."""
        course = CourseName.parse(request.match_info["course"])
        await self._site.reception.demand(request, Power.TEACH, course)
        return await self._site.render(
            request, "jobs.html", jobs=await self._jobs.store.jobs(course=course, limit=MOST_LISTED),
            words=Words(self._site, request), course=course, most=MOST_LISTED,
            **course_tabs(request, self._site, course, "jobs"),
        )  # fmt: skip

    async def all(self, request: web.Request) -> web.StreamResponse:
        """The latest jobs of the site."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        return await self._site.render(
            request, "jobs.html", jobs=await self._jobs.store.jobs(limit=MOST_LISTED),
            words=Words(self._site, request), course=None, most=MOST_LISTED,
            **admin_tabs(request, self._site, visitor.actor, "jobs"),
        )  # fmt: skip

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What it is, what it has said so far, how it ended."""
        visitor = await self._site.reception.visitor(request)
        job = await self._jobs.of(visitor, int(request.match_info["number"]), reading=True)
        course, say = course_of(job), self._site.say
        crumbs = [("/admin/jobs", say(request, N_("Jobs")))] if visitor.actor.is_admin else []
        if job.kind in MAKING:
            crumbs = [("/admin/courses", say(request, N_("Courses")))]
            course = course if (job.kind, job.state) == ("create", JobState.SUCCEEDED) else None
        elif course is not None:
            crumbs = [(teach_path(course), course), (teach_path(course, "jobs"), say(request, N_("Jobs")))]
        beside = [await self._jobs.store.job(number) for number in self._jobs.book.beside(job.number)]
        return await self._site.render(
            request, "job.html", job=job, course=course, words=Words(self._site, request),
            lines=self._jobs.log.lines(job.number), running=job.state is JobState.RUNNING,
            stage=self._jobs.book.stage(job.number), result=self._jobs.result(job),
            cancellable=self._jobs.cancelling.is_cancellable(job),
            beside=[other for other in beside if other is not None and other.kind != TIDYING],
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
        place, silent, told = 0, 0, None
        async with aclosing(self._jobs.log.looks(job.number)) as looks:
            async for lines in looks:
                silent = 0 if lines else silent + 1
                stage = self._jobs.book.stage(job.number)
                if stage is not None and stage != told:
                    told = stage
                    yield f"event: stage\ndata: {json.dumps(asdict(stage))}\n\n"
                if silent % _LOOKS_OF_SILENCE == _LOOKS_OF_SILENCE - 1:
                    yield ": still here\n\n"
                for line in lines:
                    place += 1
                    if place > start:
                        yield f"id: {place}\ndata: {json.dumps({'line': line})}\n\n"
        yield f"event: end\ndata: {json.dumps(await self._end(request, job))}\n\n"

    async def _end(self, request: web.Request, job: Job) -> dict[str, str]:
        """How it ended, and the page that says more: of what came of it, or of what it goes on with."""
        ended = await self._jobs.store.job(job.number) or job
        following = await self._jobs.book.after(job.number)
        more = await self._jobs.store.job(following) if following is not None else None
        go = f"/jobs/{job.number}" if self._jobs.result(ended) else ""
        if more is not None and more.kind != TIDYING:
            go = f"/jobs/{more.number}"
        text = self._site.say(request, STATES[ended.state])
        return {
            "state": ended.state.value, "text": text, "tone": TONES[ended.state], "message": ended.message, "go": go,
        }  # fmt: skip

    async def close(self, _app: web.Application) -> None:
        """End the open streams, so that a stopping daemon waits for nobody; browsers come back by themselves."""
        for task in tuple(self._streams):
            task.cancel()
