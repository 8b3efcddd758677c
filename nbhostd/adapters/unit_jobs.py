"""The ends of systemd's queued jobs: who waits for one misses none, whichever comes first, the wait or the end."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

# A job that ends between the reply that names it and our asking for it is looked up here.
_REMEMBERED = 512


class UnitJobs:
    """Results of jobs, by object path."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def ended(self, job: str, result: str) -> None:
        """JobRemoved was heard."""
        waiter = self._waiting.pop(job, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(result)
            return
        self._ended[job] = result
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    async def result(self, job: str, *, timeout: float) -> str | None:
        """The result of a job ('done', 'failed', …), or None when nothing was heard within `timeout` seconds."""
        if job in self._ended:
            return self._ended.pop(job)
        waiter = self._waiting.setdefault(job, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(timeout):
                # Two may wait for the same job (systemd merges them): neither's leaving ends the other's wait.
                return await asyncio.shield(waiter)
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Another manager answers now, which counts its jobs from 1 again."""
        self._waiting.clear()
        self._ended.clear()
