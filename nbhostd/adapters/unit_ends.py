"""Waiting for a transient service's end, whatever systemd forgets to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from nbhostd.core.errors import WorldError
from nbhostd.core.jobspec import job_end
from nbhostd.core.model import UnitState, UnitStatus
from nbhostd.core.unitspec import UnitSpec

# Changes are told by systemd; if it forgets to, the unit is asked after this many looks.
_LOOKS_PER_QUESTION = 20
_LOOK = 0.3
_STOP_TIMEOUT = 20.0


class ServiceRunner(Protocol):
    """What of systemd a job or a tool needs."""

    async def run_service(self, spec: UnitSpec, slices: Sequence[UnitSpec] = ()) -> str: ...
    async def status(self, unit: str) -> UnitStatus: ...
    async def stop(self, unit: str, *, timeout: float) -> None: ...
    async def reset_failed(self, unit: str) -> None: ...
    def on_change(self, callback: Callable[[str], None]) -> None: ...


class UnitEnds:
    """Knows when services end, and unloads them once somebody has asked how."""

    def __init__(self, systemd: ServiceRunner) -> None:
        self._systemd = systemd
        self._changed: dict[str, asyncio.Event] = {}
        systemd.on_change(self._on_change)

    def _on_change(self, unit: str) -> None:
        for name, event in self._changed.items():
            if unit in ("", name):
                event.set()

    async def wait(self, unit: str, look: Callable[[], Awaitable[None]] | None = None) -> UnitStatus:
        """The status of a unit once its program has ended; meanwhile `look` is called every 0.3 seconds."""
        changed = self._changed[unit] = asyncio.Event()
        try:
            return await self._wait(unit, changed, look)
        finally:
            del self._changed[unit]

    async def _wait(
        self, unit: str, changed: asyncio.Event, look: Callable[[], Awaitable[None]] | None
    ) -> UnitStatus:
        looks = 0
        while True:
            if changed.is_set() or looks % _LOOKS_PER_QUESTION == 0:
                changed.clear()
                status = await self._ask(unit)
                if status is not None and job_end(status, cancelled=False) is not None:
                    return status
            if look is not None:
                await look()
            looks += 1
            try:
                async with asyncio.timeout(_LOOK):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _ask(self, unit: str) -> UnitStatus | None:
        """The unit's status, or None when systemd cannot be asked just now: not knowing is not an end."""
        try:
            return await self._systemd.status(unit)
        except WorldError:
            return None

    async def forget(self, unit: str) -> None:
        """Stop and unload a unit, which was kept to tell how it ended."""
        status = await self._ask(unit)
        if status is None or status.state is UnitState.ABSENT:
            return
        try:
            await self._systemd.stop(unit, timeout=_STOP_TIMEOUT)
            await self._systemd.reset_failed(unit)
        except WorldError:
            # It stays until the next boot, holding nothing but a name that is never used again.
            return
