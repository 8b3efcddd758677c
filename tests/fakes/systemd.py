"""A user manager in memory: the second implementation of core.ports.Systemd.

A service whose program is /nonexistent… cannot be started. `fail_next`, `kill`, `vanish` and `away` stage what
goes wrong in the world.
"""

import asyncio
import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from nbhostd.adapters.unit_types import typed
from nbhostd.core.errors import WorldError
from nbhostd.core.model import UnitState, UnitStatus
from nbhostd.core.unitspec import SocketServiceSpec, UnitSpec

LIVE = (UnitState.ACTIVE, UnitState.ACTIVATING, UnitState.DEACTIVATING)


@dataclass
class Unit:
    spec: UnitSpec
    status: UnitStatus

    @property
    def program(self) -> str:
        argv = dict(self.spec.properties).get("ExecStart", ("",))
        assert isinstance(argv, tuple)
        return str(argv[0])


@dataclass
class FakeSystemd:
    """Units by name, and the calls that were made, in order."""

    units: dict[str, Unit] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    fail_next: dict[str, int] = field(default_factory=dict)
    """Unit name -> how many of its next starts fail."""
    start_delay: float = 0.0
    away: bool = False
    """Nobody answers: every call raises WorldError."""
    memory: int = 50 << 20
    _callbacks: list[Callable[[str], None]] = field(default_factory=list)

    # ---- the port

    async def arm(self, spec: SocketServiceSpec) -> None:
        self._asked("arm", spec.socket.name)
        _check_types(spec)
        for unit in spec.slices:
            self.units.setdefault(unit.name, Unit(unit, UnitStatus(unit.name, UnitState.ACTIVE)))
        socket, service = self._state(spec.socket.name), self._state(spec.service.name)
        if socket in LIVE:
            return
        if service in LIVE:
            raise WorldError("The server still runs without its socket.")
        self.units[spec.service.name] = Unit(spec.service, UnitStatus(spec.service.name, UnitState.INACTIVE))
        self.units[spec.socket.name] = Unit(spec.socket, UnitStatus(spec.socket.name, UnitState.INACTIVE))
        self._begin(spec.socket.name, "listening")

    async def run_service(self, spec: UnitSpec, slices: Sequence[UnitSpec] = ()) -> str:
        self._asked("run_service", spec.name)
        if spec.name in self.units:
            return "exists"
        self.units[spec.name] = Unit(spec, UnitStatus(spec.name, UnitState.INACTIVE))
        try:
            self._begin(spec.name, "running")
        except WorldError:
            return "failed"
        return "done"

    async def start(self, unit: str, *, timeout: float) -> None:
        self._asked("start", unit)
        if unit not in self.units:
            raise WorldError("The system's service manager refused.", detail=f"{unit}: NoSuchUnit")
        if self._state(unit) is not UnitState.ACTIVE:
            if self.start_delay:
                self._set(unit, UnitState.ACTIVATING, "start")
                try:
                    async with asyncio.timeout(timeout):
                        await asyncio.sleep(self.start_delay)
                except TimeoutError:
                    raise WorldError("The service did not come up in time.", detail=unit) from None
            self._begin(unit, "running")

    async def stop(self, unit: str, *, timeout: float) -> None:
        self._asked("stop", unit)
        if unit in self.units:
            self._end(unit)

    async def reset_failed(self, unit: str) -> None:
        self._asked("reset_failed", unit)
        if self._state(unit) is UnitState.FAILED:
            self._end(unit)

    async def list_units(self, patterns: Sequence[str]) -> list[UnitStatus]:
        self._asked("list_units", " ".join(patterns))
        return [
            UnitStatus(name, unit.status.state, unit.status.sub_state)
            for name, unit in self.units.items()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        ]

    async def status(self, unit: str) -> UnitStatus:
        self._asked("status", unit)
        known = self.units.get(unit)
        return known.status if known else UnitStatus(unit, UnitState.ABSENT)

    def on_change(self, callback: Callable[[str], None]) -> None:
        self._callbacks.append(callback)

    # ---- what a test stages

    def kill(self, unit: str, result: str = "signal") -> None:
        """The service dies by itself."""
        self._fail(unit, result)

    def exit(self, unit: str, status: int = 0) -> None:
        """The service's program ends."""
        if status:
            self._fail(unit, "exit-code", status)
        elif dict(self.units[unit].spec.properties).get("RemainAfterExit"):
            self._set(unit, UnitState.ACTIVE, "exited", result="success")
        else:
            self._end(unit)

    def restart_manager(self) -> None:
        """The user manager dies with everything in it, and comes back."""
        self.units.clear()
        self._tell("")

    # ---- within

    def _asked(self, what: str, unit: str) -> None:
        self.calls.append((what, unit))
        if self.away:
            raise WorldError("The system's service manager cannot be reached.")

    def _state(self, unit: str) -> UnitState:
        known = self.units.get(unit)
        return known.status.state if known else UnitState.ABSENT

    def _begin(self, unit: str, sub_state: str) -> None:
        left = self.fail_next.get(unit, 0)
        if left or self.units[unit].program.startswith("/nonexistent"):
            self.fail_next[unit] = max(left - 1, 0)
            self._fail(unit, "exit-code", 203)
            raise WorldError(
                "The service did not come up or down as asked.", detail=f"{unit}: job result “failed”"
            )
        is_service = unit.endswith(".service")
        self._set(
            unit,
            UnitState.ACTIVE,
            sub_state,
            result="success" if is_service else "",
            active_since=datetime.now(UTC),
            memory=self.memory if is_service else None,
        )

    def _fail(self, unit: str, result: str, main_status: int = 0) -> None:
        self._set(unit, UnitState.FAILED, "failed", result=result, main_status=main_status)
        if self._collected_when_failed(unit):
            self._end(unit)

    def _collected_when_failed(self, unit: str) -> bool:
        if dict(self.units[unit].spec.properties).get("CollectMode") != "inactive-or-failed":
            return False
        return not self._held_by_socket(unit)

    def _held_by_socket(self, unit: str) -> bool:
        return unit.endswith(".service") and unit.removesuffix(".service") + ".socket" in self.units

    def _end(self, unit: str) -> None:
        """Stopped: the unit is forgotten, unless a socket needs it."""
        if self._held_by_socket(unit):
            self._set(unit, UnitState.INACTIVE, "dead", result="success")
            return
        del self.units[unit]
        service = unit.removesuffix(".socket") + ".service"
        if unit.endswith(".socket") and self._state(service) in (UnitState.INACTIVE, UnitState.FAILED):
            del self.units[service]
        self._tell(unit)

    def _set(self, unit: str, state: UnitState, sub_state: str, **more: object) -> None:
        known = self.units[unit]
        status = replace(known.status, state=state, sub_state=sub_state)
        known.status = replace(status, **more)  # type: ignore[arg-type]
        self._tell(unit)

    def _tell(self, unit: str) -> None:
        for callback in self._callbacks:
            callback(unit)


def _check_types(spec: SocketServiceSpec) -> None:
    for unit in (spec.socket, spec.service, *spec.slices):
        for name, value in unit.properties:
            typed(name, value)
