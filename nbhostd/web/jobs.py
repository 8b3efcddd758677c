"""Jobs: whose they are, what they have said, what came of them, and how they are cancelled."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

import msgspec

from nbhostd.core.errors import Refused
from nbhostd.core.model import Job, JobState
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power, judge
from nbhostd.services.jobbook import Stage
from nbhostd.services.students import EVERYTHING
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Nothing, Operation
from nbhostd.web.reception import Accesses, Visitor

_SITE_WIDE = ("minimal", "scipy", EVERYTHING)
TIDYING = "prune"
MAKING = ("create", "delete")
"""Jobs about a course that is not there yet, or not any more."""
MOST_LISTED = 200


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


class StageShape(msgspec.Struct, frozen=True):
    """How far a job is that runs: `done` of `total`, and what was the last of them."""

    done: int
    total: int
    what: str


class JobLines(msgspec.Struct, frozen=True):
    """What a job has said so far, and how it stands; `result` is what came of it, as its kind has it."""

    job: JobShape
    lines: list[str]
    stage: StageShape | None
    result: dict[str, Any]


class JobStore(Protocol):
    """Where jobs are remembered (the store)."""

    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]: ...
    async def job(self, number: int) -> Job | None: ...


class JobLog(Protocol):
    """Jobs' logs (adapters/jobs.py)."""

    def looks(self, number: int) -> AsyncGenerator[list[str], None]: ...
    def lines(self, number: int) -> Sequence[str]: ...
    def result(self, number: int) -> str: ...


class Book(Protocol):
    """What is asked of services/jobbook.py."""

    def stage(self, number: int) -> Stage | None: ...
    def beside(self, number: int) -> list[int]: ...
    async def after(self, number: int) -> int | None: ...


class Cancelling(Protocol):
    """What is asked of services/cancelling.py."""

    async def cancel(self, job: Job) -> None: ...
    def is_cancellable(self, job: Job) -> bool: ...


def job_shape(job: Job) -> JobShape:
    """A job, for the API."""
    return JobShape(
        job.number, job.kind, job.subject, job.state.value, iso(job.started_at),
        iso(job.ended_at), job.message, job.begun_by,
    )  # fmt: skip


def course_of(job: Job) -> CourseName | None:
    """The course that a job is about; None for what is the whole site's."""
    about = job.subject.partition("/")[0]
    if about in _SITE_WIDE or (job.kind, about) in ((TIDYING, "images"), ("letters", "people")):
        return None
    return CourseName(about)


class Jobs:
    """Everybody's jobs: a course's for its teachers, the others for administrators."""

    def __init__(
        self, store: JobStore, log: JobLog, book: Book, cancelling: Cancelling, rights: Accesses
    ) -> None:
        self.store = store
        self.log = log
        self.book = book
        self.cancelling = cancelling
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
                "job.all", "GET", "/jobs", "The latest jobs of the site", Power.ADMINISTER, self._all, JobList
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
        about = course_of(job) if job else None
        access = await self._rights.access(about) if about is not None else None
        if access is not None:
            judge(visitor.actor, Power.TEACH, access, reading=reading).demand()
        elif job is not None and job.begun_by and job.begun_by == visitor.actor.name:
            # A base image that is built on the way to a course's, say.
            judge(visitor.actor, Power.ACCOUNT, reading=reading).demand()
        else:
            judge(visitor.actor, Power.ADMINISTER, reading=reading).demand()
        if job is None:
            raise Refused("There is no such job.", status=404, reason="no-such-job")
        return job

    async def _list(self, call: Call) -> JobList:
        return JobList(
            [job_shape(job) for job in await self.store.jobs(course=call.course, limit=MOST_LISTED)]
        )

    async def _all(self, call: Call) -> JobList:
        return JobList([job_shape(job) for job in await self.store.jobs(limit=MOST_LISTED)])

    async def _show(self, call: Call) -> JobLines:
        job = await self.of(call.visitor, int(call.names["number"]), reading=True)
        stage = self.book.stage(job.number)
        shown = StageShape(stage.done, stage.total, stage.what) if stage is not None else None
        return JobLines(job_shape(job), list(self.log.lines(job.number)), shown, self.result(job))

    def result(self, job: Job) -> dict[str, Any]:
        """What came of a job, as its kind has it; empty while it runs, and for most."""
        text = self.log.result(job.number) if job.state is not JobState.RUNNING else ""
        found = json.loads(text) if text else {}
        return found if isinstance(found, dict) else {}

    async def _cancel(self, call: Call) -> Nothing:
        await self.cancelling.cancel(await self.of(call.visitor, int(call.names["number"]), reading=False))
        return Nothing()
