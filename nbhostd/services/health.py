"""Whether the site can serve: the worlds that it needs, each asked now and then, however often somebody wants to know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from nbhostd.core.config import Config
from nbhostd.core.errors import NbhostdError, NotNow, WorldError
from nbhostd.core.ports import Clock, Host, Systemd

log = logging.getLogger(__name__)

_PATIENCE = 5.0
_ASKED_EVERY = 5.0
_DESK = "nbhostd-desk.socket"


@dataclass(frozen=True, slots=True)
class Check:
    """One world: how to ask it (an NbhostdError says what is wrong), and how long a good answer is believed, in seconds."""

    ask: Callable[[], Awaitable[object]]
    believed: float = _ASKED_EVERY


class Health:
    """Asks each world at most once at a time; what is wrong is said in the journal once, and again when it is well."""

    def __init__(self, checks: Mapping[str, Check], clock: Clock) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._asking = asyncio.Lock()
        self._well: dict[str, bool] = {}
        self._asked: dict[str, float] = {}

    async def state(self) -> dict[str, bool]:
        """Which of the worlds are well."""
        async with self._asking:
            due = [name for name in self._checks if self._is_due(name)]
            for name, well in zip(due, await asyncio.gather(*map(self._ask, due)), strict=True):
                self._well[name], self._asked[name] = well, self._clock.monotonic()
            return {name: self._well[name] for name in self._checks}

    def _is_due(self, name: str) -> bool:
        if name not in self._asked:
            return True
        believed = self._checks[name].believed if self._well[name] else _ASKED_EVERY
        return self._clock.monotonic() - self._asked[name] >= believed

    async def _ask(self, name: str) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._checks[name].ask()
        except (NbhostdError, TimeoutError) as error:
            if self._well.get(name, True):
                log.error("not ready: %s: %s", name, str(error) or "no answer in time")
            return False
        if not self._well.get(name, True):
            log.info("ready again: %s", name)
        return True


async def bus_is_well(systemd: Systemd) -> None:
    """The user manager answers, and the desk listens. Raises WorldError."""
    units = await systemd.list_units([_DESK])
    if not any(unit.state == "active" for unit in units):
        raise WorldError(f"{_DESK} does not listen.")


async def disk_is_well(host: Host, config: Callable[[], Config]) -> None:
    """Workspaces may start, as far as the disk goes. Raises NotNow."""
    free = host.facts().disk_free
    if free < config().admission.disk_reserve:
        raise NotNow(f"{free >> 20} MB are free: no workspace starts (disk_reserve).")
