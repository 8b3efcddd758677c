"""Blocking work in threads: its lines arrive in the loop, and a caller who is cancelled makes it stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nbhostd.core.errors import WorldError

T = TypeVar("T")
Say = Callable[[str], None]


class Stopped(WorldError):
    """Whoever asked for the work has gone."""


class BlockingWork:
    """A few threads for one kind of work."""

    def __init__(self, name: str, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)

    async def run(self, work: Callable[[Say], T], on_line: Say) -> T:
        """What `work` returns. What it says is given to `on_line`, in the loop, before this returns.

        When the caller is cancelled, `work` gets Stopped at its next line, and has ended when this raises.
        """
        loop = asyncio.get_running_loop()
        stop = threading.Event()

        def say(line: str) -> None:
            if stop.is_set():
                raise Stopped("The transfer was stopped.")
            loop.call_soon_threadsafe(on_line, line)

        done = loop.run_in_executor(self._threads, work, say)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([done])
            if not done.cancelled():
                done.exception()  # seen: nobody else will ask
            raise

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.to_thread(self._threads.shutdown)


def silent(_: str) -> None:
    """For work that says nothing."""
