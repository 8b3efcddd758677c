"""Jobs without systemd: the second implementation of core.ports.Jobs, which runs commands as plain processes.

A test that wants no process at all scripts a kind of job: `jobs.scripts["build"] = Script(lines=(…), state=…)`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from nbhostd.core.model import JobSpec, JobState


@dataclass(frozen=True)
class Script:
    """How a job of one kind goes: its lines, how it ends, and whether it waits to be released first."""

    lines: tuple[str, ...] = ()
    state: JobState = JobState.SUCCEEDED
    release: asyncio.Event | None = None


@dataclass
class FakeJobs:
    scripts: dict[str, Script] = field(default_factory=dict)
    ran: list[JobSpec] = field(default_factory=list)
    left: dict[int, JobState] = field(default_factory=dict)
    """Jobs of an earlier life, and how they end."""
    _lines: dict[int, list[str]] = field(default_factory=dict)
    _cancel: dict[int, asyncio.Event] = field(default_factory=dict)

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        self.ran.append(spec)
        lines = self._lines.setdefault(number, [])
        cancel = self._cancel[number] = asyncio.Event()

        def tell(line: str) -> None:
            lines.append(line)
            on_line(line)

        try:
            if spec.kind in self.scripts:
                return await self._play(self.scripts[spec.kind], cancel, tell)
            return await self._spawn(spec, cancel, tell)
        finally:
            del self._cancel[number]

    async def attach(self, number: int, on_line: Callable[[str], None]) -> JobState:
        for line in self._lines.get(number, ()):
            on_line(line)
        return self.left.pop(number, JobState.LOST)

    async def cancel(self, number: int) -> None:
        if number in self._cancel:
            self._cancel[number].set()

    async def follow(self, number: int) -> AsyncIterator[str]:
        async for lines in self.looks(number):
            for line in lines:
                yield line

    async def looks(self, number: int) -> AsyncGenerator[list[str], None]:
        shown = 0
        while True:
            live = number in self._cancel
            lines = self._lines.get(number, [])[shown:]
            shown += len(lines)
            yield lines
            if not live:
                return
            await asyncio.sleep(0.01)

    def lines(self, number: int) -> list[str]:
        return list(self._lines.get(number, ()))

    @staticmethod
    async def _play(script: Script, cancel: asyncio.Event, tell: Callable[[str], None]) -> JobState:
        if script.release is not None:
            waits = {asyncio.create_task(script.release.wait()), asyncio.create_task(cancel.wait())}
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
        if cancel.is_set():
            return JobState.CANCELLED
        for line in script.lines:
            tell(line)
        return script.state

    async def _spawn(self, spec: JobSpec, cancel: asyncio.Event, tell: Callable[[str], None]) -> JobState:
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={"PATH": os.defpath, **dict(spec.environment)},
                cwd=spec.working_directory,
                start_new_session=True,
            )
        except OSError:
            tell("Its program could not be started.")
            return JobState.FAILED
        reader = asyncio.create_task(_read(process, tell))
        stop = asyncio.create_task(cancel.wait())
        done, _ = await asyncio.wait(
            {reader, stop}, timeout=spec.timeout, return_when=asyncio.FIRST_COMPLETED
        )
        stop.cancel()
        if reader not in done:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await reader
        status = await process.wait()
        if cancel.is_set():
            return JobState.CANCELLED
        if reader not in done:
            tell("It ran for too long and was stopped.")
            return JobState.FAILED
        if status:
            tell(f"It ended with exit status {status}.")
        return JobState.FAILED if status else JobState.SUCCEEDED


async def _read(process: asyncio.subprocess.Process, tell: Callable[[str], None]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        tell(line.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2])
