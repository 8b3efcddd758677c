"""Whatever takes long is a job: numbered, its lines kept and followed, its end recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.model import JobState
from nbhostd.core.ports import Clock, JobLog, Store

Say = Callable[[str], None]


@dataclass(slots=True)
class RunningJob:
    """A job that has begun; `message` is what will be remembered of its success."""

    number: int
    say: Say
    message: str = ""


class JobBook:
    """Opens a job for each long story, and closes it with the story's end."""

    def __init__(self, store: Store, log: JobLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._clock = clock

    @asynccontextmanager
    async def job(self, kind: str, subject: str, on_line: Say) -> AsyncIterator[RunningJob]:
        """A job for as long as this is entered: SUCCEEDED unless something is raised through it."""
        number = (await self._store.create_job(kind, subject, self._clock.now())).number

        def say(line: str) -> None:
            self._append(number, line)
            on_line(line)

        running = RunningJob(number, say)
        with self._log.live(number):
            try:
                yield running
            except NbhostdError as error:
                self._append(number, f"error: {error.message}")
                await self._end(number, JobState.FAILED, error.message)
                raise
            except asyncio.CancelledError:
                await self._end(number, JobState.CANCELLED, "nbhostd was stopped")
                raise
            except BaseException:
                await self._end(number, JobState.FAILED, "this is a bug in nbhostd; the journal says more")
                raise
            await self._end(number, JobState.SUCCEEDED, running.message)

    async def record(self, kind: str, subject: str, lines: Iterable[str], message: str) -> None:
        """A job that turned out to be worth keeping after it had succeeded."""
        job = await self._store.create_job(kind, subject, self._clock.now())
        for line in lines:
            self._append(job.number, line)
        await self._end(job.number, JobState.SUCCEEDED, message)

    async def lose(self) -> int:
        """Close the jobs that an earlier life of the daemon left open, as LOST; how many."""
        open_jobs = [job for job in await self._store.jobs(limit=1000) if job.state is JobState.RUNNING]
        for job in open_jobs:
            await self._end(job.number, JobState.LOST, "nbhostd ended under it")
        return len(open_jobs)

    async def _end(self, number: int, state: JobState, message: str) -> None:
        await self._store.end_job(number, state, message, self._clock.now())

    def _append(self, number: int, line: str) -> None:
        try:
            self._log.append(number, line)
        except WorldError:
            return  # a full disk loses the log, not the job
