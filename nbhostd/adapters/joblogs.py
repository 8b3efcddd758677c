"""Jobs' logs: one file per job, appended to by the job's unit and by us, read line by line while it grows."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from nbhostd.core.errors import WorldError

# How often a growing log is looked at, in seconds: a build's output may arrive half a second late.
_LOOK = 0.5
# A build's output is anybody's text: longer lines are cut, and no look reads more than this, in bytes.
_LONGEST_LINE = 8 << 10
_MOST_AT_ONCE = 1 << 20


class Tail:
    """Complete lines of a file that grows, from `offset` on."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self.offset = offset
        self._rest = b""

    def lines(self, *, last: bool = False) -> list[str]:
        """What has come since the last look; with `last` also a line that is not finished."""
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(_MOST_AT_ONCE)
        except FileNotFoundError:
            return []
        self.offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE or (last and self._rest and len(data) < _MOST_AT_ONCE):
            whole.append(self._rest)
            self._rest = b""
        return [_readable(line) for line in whole]


def _readable(line: bytes) -> str:
    """A progress bar writes over itself with carriage returns: its last word counts."""
    shown = line.rstrip(b"\r").rpartition(b"\r")[2][:_LONGEST_LINE]
    return shown.decode(errors="replace")


class JobLogs:
    """The directory of jobs' logs; satisfies core.ports.LogReader."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._live: Counter[int] = Counter()

    def path(self, number: int) -> Path:
        """Where a job's log is, whether or not it exists."""
        return self._directory / f"{number}.log"

    def size(self, number: int) -> int:
        """Bytes written so far."""
        try:
            return self.path(number).stat().st_size
        except FileNotFoundError:
            return 0

    def lend(self, number: int) -> None:
        """Make the log ready for a unit: it stays readable for us when podman gives it to a container's user.

        The OCI runtime does that with every standard stream that it hands on. Raises WorldError.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(
                self.path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
            try:
                os.fchmod(descriptor, 0o644)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WorldError("The job's log cannot be written.", detail=str(error)) from error

    def _ours(self, number: int) -> Path:
        """The log, taken back from a container's user."""
        path = self.path(number)
        if path.exists() and not os.access(path, os.W_OK):
            new = path.with_suffix(".new")
            shutil.copyfile(path, new)
            new.rename(path)
        return path

    def append(self, number: int, line: str) -> None:
        """Write one line of our own. Raises WorldError when the disk says no."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            with self._ours(number).open("a", encoding="utf-8", errors="replace") as file:
                file.write(line.replace("\n", " ") + "\n")
        except OSError as error:
            raise WorldError("The job's log cannot be written.", detail=str(error)) from error

    def keep(self, number: int, result: str) -> None:
        """Keep what came of a job, a text, beside its lines. Raises WorldError when the disk says no."""
        path = self._result(number)
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            new = path.with_suffix(".part")
            new.write_text(result, encoding="utf-8", errors="backslashreplace")
            new.rename(path)
        except OSError as error:
            raise WorldError("The job's result cannot be written.", detail=str(error)) from error

    def result(self, number: int) -> str:
        """What was kept of a job; '' when nothing was."""
        try:
            return self._result(number).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _result(self, number: int) -> Path:
        return self._directory / f"{number}.json"

    @contextmanager
    def live(self, number: int) -> Iterator[None]:
        """For as long as this is entered, followers of the log wait for more."""
        self._live[number] += 1
        try:
            yield
        finally:
            self._live[number] -= 1
            if not self._live[number]:
                del self._live[number]

    async def follow(self, number: int) -> AsyncIterator[str]:
        """Lines from the beginning until the job has ended."""
        async for lines in self.looks(number):
            for line in lines:
                yield line

    async def looks(self, number: int) -> AsyncGenerator[list[str], None]:
        """What each look at the log has found that is new, from the beginning until the job has ended."""
        tail = Tail(self.path(number))
        while True:
            # Asked before reading: what is written between the two is read by the next look.
            live = number in self._live
            lines = tail.lines(last=not live)
            if not lines and not live:
                return
            yield lines
            if live:
                await asyncio.sleep(_LOOK)

    def lines(self, number: int) -> list[str]:
        """What there is now, at most the first megabyte."""
        return Tail(self.path(number)).lines(last=True)
