"""What happens without anybody asking: looks at running workspaces, stops idle ones, pulls courses, compares truths."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nbhostd.core.errors import NbhostdError
from nbhostd.core.idle import Look, judge
from nbhostd.core.lifecycle import Dismissed
from nbhostd.core.model import JupyterStatus, Phase
from nbhostd.core.ports import Jupyter
from nbhostd.core.subject import subject
from nbhostd.services.entries import Entry
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

_ASKED_AT_ONCE = 8


class IdleRound:
    """One look at every running workspace, a few at a time."""

    def __init__(self, workspaces: Workspaces, jupyter: Jupyter, connections: Callable[[int], int]) -> None:
        self._workspaces = workspaces
        self._jupyter = jupyter
        self._connections = connections
        self._turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def __call__(self) -> None:
        """Look at all, stop the idle."""
        running = [entry for entry in self._workspaces.entries if entry.state.phase is Phase.READY]
        await asyncio.gather(*(self._look(entry) for entry in running))

    async def _look(self, entry: Entry) -> None:
        async with self._turns:
            with subject(entry.workspace.id):
                status = await self._ask(entry)
                starter = self._workspaces.starter
                entry.seen = self._seen(entry, status)
                verdict = judge(starter.config.idle, starter.clock.now(), entry.seen)
                entry.kept_because = f"{verdict.usage}: {verdict.reason}"
                if verdict.stop and entry.state.phase is Phase.READY:
                    log.info("dismissed: %s", verdict.reason)
                    self._workspaces.tell(entry, Dismissed(verdict.reason))

    async def _ask(self, entry: Entry) -> JupyterStatus | None:
        if entry.run is None:
            return None
        try:
            status = await self._jupyter.status(entry.workspace.number, entry.run)
        except NbhostdError as error:
            entry.unanswered += 1
            log.warning("its server could not be asked (%d in a row): %s", entry.unanswered, error)
            return None
        entry.unanswered = 0
        return status

    def _seen(self, entry: Entry, status: JupyterStatus | None) -> Look:
        started = entry.run.started_at if entry.run is not None else self._workspaces.starter.clock.now()
        return Look(
            started, entry.touched_at, self._connections(entry.workspace.number), status, entry.unanswered
        )


async def every(period: Callable[[], float], name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work` for ever, `period()` seconds apart; a round that fails on the world is logged and the next one comes."""
    while True:
        await asyncio.sleep(period())
        try:
            await work()
        except NbhostdError as error:
            log.warning("%s: %s", name, error)
