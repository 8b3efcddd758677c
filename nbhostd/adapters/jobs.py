"""Commands as transient services of the user manager: nothing is ever spawned by the daemon itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from nbhostd.adapters.joblogs import JobLogs, Tail
from nbhostd.core.errors import WorldError
from nbhostd.core.jobspec import SLICE, describe_job, job_end, job_unit, why_it_failed
from nbhostd.core.model import JobSpec, JobState, UnitState, UnitStatus
from nbhostd.core.unitspec import UnitSpec

# A running job's new lines are handed on this often, in seconds.
_LOOK = 0.3
# Changes are told by systemd; if it forgets to, the unit is asked after this many looks.
_LOOKS_PER_QUESTION = 20
_STOP_TIMEOUT = 20.0
# A build that prints without end must not fill the disk, in bytes.
_LONGEST_LOG = 64 << 20


class ServiceRunner(Protocol):
    """What of systemd a job needs."""

    async def run_service(self, spec: UnitSpec, slices: Sequence[UnitSpec] = ()) -> str: ...
    async def status(self, unit: str) -> UnitStatus: ...
    async def stop(self, unit: str, *, timeout: float) -> None: ...
    async def reset_failed(self, unit: str) -> None: ...
    def on_change(self, callback: Callable[[str], None]) -> None: ...


class UnitJobRunner:
    """Jobs, each the service nbhjob-<number>; satisfies core.ports.Jobs and, for their logs, LogReader."""

    def __init__(self, systemd: ServiceRunner, directory: Path) -> None:
        self._systemd = systemd
        self.logs = JobLogs(directory)
        self._directory = directory
        self._cancelled: set[int] = set()
        self._changed: dict[str, asyncio.Event] = {}
        systemd.on_change(self._on_change)

    def _on_change(self, unit: str) -> None:
        for name, event in self._changed.items():
            if unit in ("", name):
                event.set()

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        """Run to the end, feeding complete lines of output; the state it ended in.

        A number whose unit is there already is attached to, never run twice. Raises WorldError when it cannot
        even be asked for.
        """
        with self.logs.live(number):
            tail = Tail(self.logs.path(number), self.logs.size(number))
            self._make_directory()
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

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError("The job's log cannot be written.", detail=str(error)) from error

    async def _see_through(self, number: int, tail: Tail, on_line: Callable[[str], None]) -> JobState:
        changed = self._changed[job_unit(number)] = asyncio.Event()
        try:
            status = await self._end(number, tail, on_line, changed)
        finally:
            del self._changed[job_unit(number)]
        cancelled = number in self._cancelled
        self._cancelled.discard(number)
        end = job_end(status, cancelled=cancelled)
        assert end is not None
        if end is JobState.FAILED:
            self.logs.append(number, why_it_failed(status))
        for line in tail.lines(last=True):
            on_line(line)
        await self._forget(number)
        return end

    async def _end(
        self, number: int, tail: Tail, on_line: Callable[[str], None], changed: asyncio.Event
    ) -> UnitStatus:
        """The status of the job's unit once its program has ended."""
        looks = 0
        while True:
            if changed.is_set() or looks % _LOOKS_PER_QUESTION == 0:
                changed.clear()
                status = await self._ask(number)
                if status is not None and job_end(status, cancelled=False) is not None:
                    return status
            for line in tail.lines():
                on_line(line)
            if tail.offset > _LONGEST_LOG and number not in self._cancelled:
                await self._stop_flood(number)
            looks += 1
            try:
                async with asyncio.timeout(_LOOK):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _stop_flood(self, number: int) -> None:
        try:
            await self.cancel(number)
        except WorldError:
            return  # tried again at the next look
        self.logs.append(number, "It printed too much and was stopped.")

    async def _ask(self, number: int) -> UnitStatus | None:
        """The unit's status, or None when systemd cannot be asked just now: not knowing is not an end."""
        try:
            return await self._systemd.status(job_unit(number))
        except WorldError:
            return None

    async def _forget(self, number: int) -> None:
        """Unload the unit, which was kept to tell how it ended."""
        unit = job_unit(number)
        status = await self._ask(number)
        if status is None or status.state is UnitState.ABSENT:
            return
        try:
            await self._systemd.stop(unit, timeout=_STOP_TIMEOUT)
            await self._systemd.reset_failed(unit)
        except WorldError:
            # It stays until the next boot, holding nothing but a name that is never used again.
            return
