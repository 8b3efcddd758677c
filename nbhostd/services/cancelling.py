"""Ending a job before it has ended by itself."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.model import Job, JobState
from nbhostd.core.ports import Jobs
from nbhostd.core.siteargv import KIND as SITE
from nbhostd.services.images import KIND as IMAGE
from nbhostd.services.jobbook import JobBook


async def cancel(job: Job, book: JobBook, jobs: Jobs) -> None:
    """Have a job end as soon as it can. Raises Refused(409) for one that cannot, or that has ended; WorldError."""
    if book.cancel(job.number):
        return
    if job.state is not JobState.RUNNING or job.kind not in (IMAGE, SITE):
        raise Refused(
            "Only a build or a pull for students that runs can be cancelled.",
            status=409,
            reason="not-cancellable",
        )
    await jobs.cancel(job.number)
