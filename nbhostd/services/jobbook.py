"""Whatever takes long is a job: numbered, its lines kept and followed, its end recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.model import Job, JobState
from nbhostd.core.ports import Clock, JobLog, Store

Say = Callable[[str], None]


class Cancelled(WorldError):
    """Somebody stopped the job."""


@dataclass(slots=True)
class RunningJob:
    """A job that has begun; `message` is what will be remembered of its success.

    Once it is `cancelled`, a job that was opened as cancellable ends as soon as it can, by raising Cancelled.
    """

    number: int
    say: Say
    message: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """Why a story is told: on whose behalf, and whom to tell the number of each job that it opens."""

    who: str = ""
    begun: Callable[[int], object] = lambda number: None


_ERRAND: ContextVar[Errand] = ContextVar("errand", default=Errand())  # noqa: B039  # it is frozen


@contextmanager
def on_errand(errand: Errand) -> Iterator[None]:
    """Jobs that are opened inside this block, and by tasks born in it, are this errand's."""
    before = _ERRAND.set(errand)
    try:
        yield
    finally:
        _ERRAND.reset(before)


class JobBook:
    """Opens a job for each long story, and closes it with the story's end."""

    def __init__(self, store: Store, log: JobLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._cancellable: dict[int, RunningJob] = {}

    def cancel(self, number: int) -> bool:
        """Ask a cancellable job of this daemon's to end; False when there is none of that number."""
        job = self._cancellable.get(number)
        if job is not None:
            job.cancelled = True
        return job is not None

    @asynccontextmanager
    async def job(
        self, kind: str, subject: str, on_line: Say, *, outlives: bool = False, cancellable: bool = False
    ) -> AsyncIterator[RunningJob]:
        """A job for as long as this is entered: SUCCEEDED unless something is raised through it.

        With `outlives` it is a unit that goes on when the daemon ends, so it then stays RUNNING. Whoever opens it as
        `cancellable` looks at `cancelled` now and then.
        """
        errand = _ERRAND.get()
        number = (await self._store.create_job(kind, subject, self._clock.now(), errand.who)).number
        errand.begun(number)

        def say(line: str) -> None:
            self._append(number, line)
            on_line(line)

        running = RunningJob(number, say)
        if cancellable:
            self._cancellable[number] = running
        with self._log.live(number):
            try:
                yield running
            except NbhostdError as error:
                first_line = error.message.partition("\n")[0]
                self._append(number, f"error: {first_line}")
                state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
                await self.end(number, state, first_line)
                raise
            except asyncio.CancelledError:
                if not outlives:
                    await self.end(number, JobState.CANCELLED, "nbhostd was stopped")
                raise
            except BaseException:
                await self.end(number, JobState.FAILED, "this is a bug in nbhostd; the journal says more")
                raise
            finally:
                self._cancellable.pop(number, None)
            await self.end(number, JobState.SUCCEEDED, running.message)

    async def record(self, kind: str, subject: str, lines: Iterable[str], message: str) -> None:
        """A job that turned out to be worth keeping after it had succeeded."""
        job = await self._store.create_job(kind, subject, self._clock.now())
        for line in lines:
            self._append(job.number, line)
        await self.end(job.number, JobState.SUCCEEDED, message)

    async def left_open(self, *outliving: str) -> list[Job]:
        """The jobs of these kinds that an earlier life of the daemon left open; others are closed as LOST."""
        left = [job for job in await self._store.jobs(limit=1000) if job.state is JobState.RUNNING]
        for job in left:
            if job.kind not in outliving:
                await self.end(job.number, JobState.LOST, "nbhostd ended under it")
        return [job for job in left if job.kind in outliving]

    async def end(self, number: int, state: JobState, message: str) -> None:
        """Record how a job ended."""
        await self._store.end_job(number, state, message, self._clock.now())

    def _append(self, number: int, line: str) -> None:
        try:
            self._log.append(number, line)
        except WorldError:
            return  # a full disk loses the log, not the job
