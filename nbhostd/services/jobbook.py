"""Whatever takes long is a job: numbered, its lines kept and followed, its end recorded."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.model import Job, JobState
from nbhostd.core.ports import Clock, JobLog, Store

Say = Callable[[str], None]
_MOST_REMEMBERED = 1000


class Cancelled(WorldError):
    """Somebody stopped the job."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a job is: `done` of `total`, and what was the last of them."""

    done: int
    total: int
    what: str = ""


@dataclass(slots=True)
class RunningJob:
    """A job that has begun; `message` is what will be remembered of its success.

    Once it is `cancelled`, a job that was opened as cancellable ends as soon as it can, by raising Cancelled. `result` is
    kept beside the job's log, however it ends: what a page shows as more than lines.
    """

    number: int
    say: Say
    message: str = ""
    cancelled: bool = False
    stage: Stage | None = None
    result: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Errand:
    """Why a story is told: on whose behalf, and whom to tell the number of each job that it opens."""

    who: str = ""
    begun: Callable[[int], object] = lambda number: None
    jobs: list[int] = field(default_factory=list)
    over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, number: int) -> None:
        """One more job of it."""
        self.jobs.append(number)
        self._news.set()
        self.begun(number)

    def end(self) -> None:
        """No further job comes."""
        self.over = True
        self._news.set()

    async def after(self, number: int) -> int | None:
        """The job that comes after that one, once it has begun; None when it was the last."""
        while self.jobs[-1] == number and not self.over:
            self._news.clear()
            await self._news.wait()
        return next((job for job in self.jobs if job > number), None)


_ERRAND: ContextVar[Errand | None] = ContextVar("errand", default=None)


@contextmanager
def on_errand(errand: Errand) -> Iterator[None]:
    """Jobs that are opened inside this block, and by tasks born in it, are this errand's."""
    before = _ERRAND.set(errand)
    try:
        yield
    finally:
        _ERRAND.reset(before)
        errand.end()


class JobBook:
    """Opens a job for each long story, and closes it with the story's end."""

    def __init__(self, store: Store, log: JobLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._running: dict[int, RunningJob] = {}
        self._cancellable: dict[int, RunningJob] = {}
        self._errands: OrderedDict[int, Errand] = OrderedDict()

    def stage(self, number: int) -> Stage | None:
        """How far a job of this daemon's is, if it runs and says so."""
        job = self._running.get(number)
        return job.stage if job is not None else None

    def beside(self, number: int) -> list[int]:
        """The other jobs of the same errand, as long as this daemon remembers it."""
        errand = self._errands.get(number)
        return [job for job in errand.jobs if job != number] if errand is not None else []

    async def after(self, number: int) -> int | None:
        """The job that the same errand goes on with, once it has begun; None when that was its last."""
        errand = self._errands.get(number)
        return await errand.after(number) if errand is not None else None

    def is_cancellable(self, number: int) -> bool:
        """Whether `cancel` would find that job."""
        return number in self._cancellable

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
        who = errand.who if errand is not None else ""
        number = (await self._store.create_job(kind, subject, self._clock.now(), who)).number
        if errand is not None:
            self._remember(number, errand)

        def say(line: str) -> None:
            self._append(number, line)
            on_line(line)

        running = self._running[number] = RunningJob(number, say)
        if cancellable:
            self._cancellable[number] = running
        with self._log.live(number):
            try:
                yield running
            except NbhostdError as error:
                first_line = error.message.partition("\n")[0]
                self._append(number, f"error: {first_line}")
                self._keep(running)
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
                self._running.pop(number, None)
                self._cancellable.pop(number, None)
            self._keep(running)
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

    def _remember(self, number: int, errand: Errand) -> None:
        self._errands[number] = errand
        while len(self._errands) > _MOST_REMEMBERED:
            self._errands.popitem(last=False)
        errand.open(number)

    def _keep(self, running: RunningJob) -> None:
        if not running.result:
            return
        try:
            self._log.keep(running.number, json.dumps(running.result))
        except WorldError:
            return  # as with lines

    def _append(self, number: int, line: str) -> None:
        try:
            self._log.append(number, line)
        except WorldError:
            return  # a full disk loses the log, not the job
