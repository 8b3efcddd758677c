"""Commands as transient services of the user manager: nothing is ever spawned by the daemon itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from nbhostd.adapters.joblogs import JobLogs, Tail
from nbhostd.adapters.unit_ends import ServiceRunner, UnitEnds
from nbhostd.core.errors import WorldError
from nbhostd.core.jobspec import SLICE, describe_job, job_end, job_unit, why_it_failed
from nbhostd.core.model import JobSpec, JobState

_STOP_TIMEOUT = 20.0
# A build that prints without end must not fill the disk, in bytes.
_LONGEST_LOG = 64 << 20


class UnitJobRunner:
    """Jobs, each the service nbhjob-<number>; satisfies core.ports.Jobs and, for their logs, LogReader."""

    def __init__(self, systemd: ServiceRunner, directory: Path) -> None:
        self._systemd = systemd
        self.logs = JobLogs(directory)
        self._cancelled: set[int] = set()
        self._ends = UnitEnds(systemd)

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        """Run to the end, feeding complete lines of output; the state it ended in.

        A number whose unit is there already is attached to, never run twice. Raises WorldError when it cannot
        even be asked for.
        """
        with self.logs.live(number):
            tail = Tail(self.logs.path(number), self.logs.size(number))
            self.logs.lend(number)
            await self._systemd.run_service(describe_job(number, spec, str(self.logs.path(number))), (SLICE,))
            return await self._see_through(number, tail, on_line)

    async def attach(self, number: int, on_line: Callable[[str], None]) -> JobState:
        """Follow a job that an earlier daemon left, from the beginning of its log; LOST when nobody knows how it ended."""
        with self.logs.live(number):
            return await self._see_through(number, Tail(self.logs.path(number)), on_line)

    async def cancel(self, number: int) -> None:
        """Stop the job's unit; `run` then returns CANCELLED. A job that has ended is left as it ended."""
        unit = job_unit(number)
        if job_end(await self._systemd.status(unit), cancelled=False) is not None:
            return
        self._cancelled.add(number)
        await self._systemd.stop(unit, timeout=_STOP_TIMEOUT)

    def follow(self, number: int) -> AsyncIterator[str]:
        """Lines of a job's log from the beginning until the job has ended."""
        return self.logs.follow(number)

    async def _see_through(self, number: int, tail: Tail, on_line: Callable[[str], None]) -> JobState:
        async def look() -> None:
            for line in tail.lines():
                on_line(line)
            if tail.offset > _LONGEST_LOG and number not in self._cancelled:
                await self._stop_flood(number)

        status = await self._ends.wait(job_unit(number), look)
        cancelled = number in self._cancelled
        self._cancelled.discard(number)
        end = job_end(status, cancelled=cancelled)
        assert end is not None
        if end is JobState.FAILED:
            self.logs.append(number, why_it_failed(status))
        for line in tail.lines(last=True):
            on_line(line)
        await self._ends.forget(job_unit(number))
        return end

    async def _stop_flood(self, number: int) -> None:
        try:
            await self.cancel(number)
        except WorldError:
            return  # tried again at the next look
        self.logs.append(number, "It printed too much and was stopped.")
