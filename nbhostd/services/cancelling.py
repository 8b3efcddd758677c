"""Ending a job before it has ended by itself."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.model import Job, JobState
from nbhostd.core.ports import Jobs
from nbhostd.core.siteargv import KIND as SITE
from nbhostd.services.images import KIND as IMAGE
from nbhostd.services.jobbook import JobBook


def is_cancellable(job: Job, book: JobBook) -> bool:
    """Whether `cancel` would end it."""
    if job.state is not JobState.RUNNING:
        return False
    return book.is_cancellable(job.number) or job.kind in (IMAGE, SITE)


async def cancel(job: Job, book: JobBook, jobs: Jobs) -> None:
    """Have a job end as soon as it can. Raises Refused(409) for one that cannot, or that has ended; WorldError."""
    if book.cancel(job.number):
        return
    if not is_cancellable(job, book):
        raise Refused(
            "Only a build or a pull for students that runs can be cancelled.",
            status=409,
            reason="not-cancellable",
        )
    await jobs.cancel(job.number)


class Cancelling:
    """The same, for the pages."""

    def __init__(self, book: JobBook, jobs: Jobs) -> None:
        self._book = book
        self._jobs = jobs

    def is_cancellable(self, job: Job) -> bool:
        """Whether `cancel` would end it."""
        return is_cancellable(job, self._book)

    async def cancel(self, job: Job) -> None:
        """Have a job end as soon as it can. Raises Refused(409), WorldError."""
        await cancel(job, self._book, self._jobs)
