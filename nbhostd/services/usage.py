"""Whether anybody needs a running workspace just now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Phase
from nbhostd.core.ports import Jupyter
from nbhostd.services.entries import Entry

_AT_ONCE = 8


class Usage:
    """Asks whoever knows: the proxy about browsers, the server about cells."""

    def __init__(self, jupyter: Jupyter, connections: Callable[[int], int]) -> None:
        self._jupyter = jupyter
        self._connections = connections
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def of(self, entry: Entry) -> str:
        """Why it is needed, in a few words; '' when nobody needs it."""
        async with self._turns:
            return await self._of(entry)

    async def _of(self, entry: Entry) -> str:
        if entry.state.phase is not Phase.READY or entry.run is None:
            return f"it is {entry.state.phase}"
        if self._connections(entry.workspace.number):
            return "a browser is connected"
        try:
            status = await self._jupyter.status(entry.workspace.number, entry.run)
        except NbhostdError:
            return "its server could not be asked"
        if status.busy_kernels:
            return "a cell is running"
        return "a browser is connected" if status.connections else ""
