"""systemd's user manager over D-Bus: the only room that speaks it.

Only plain messages are used (no proxies, no introspection): org.freedesktop.systemd1(5) is the contract.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from dbus_fast import DBusError, DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.auth import UID_NOT_SPECIFIED, AuthExternal

from nbhostd.adapters.unit_jobs import UnitJobs
from nbhostd.adapters.unit_types import typed, unit_of_path, unit_state, unit_status
from nbhostd.core.errors import WorldError
from nbhostd.core.model import UnitState, UnitStatus
from nbhostd.core.unitspec import SocketServiceSpec, UnitSpec

log = logging.getLogger(__name__)

SYSTEMD = "org.freedesktop.systemd1"
MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
SERVICE = "org.freedesktop.systemd1.Service"
PROPERTIES = "org.freedesktop.DBus.Properties"
BUS = "org.freedesktop.DBus"

_UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists"
_ABSENT = frozenset({"org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.DBus.Error.UnknownObject"})

_MATCHES = (
    f"type='signal',sender='{SYSTEMD}',path='{MANAGER_PATH}',interface='{MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{SYSTEMD}',path='{MANAGER_PATH}',interface='{MANAGER}',member='UnitRemoved'",
    (
        f"type='signal',sender='{SYSTEMD}',path_namespace='{MANAGER_PATH}/unit',"
        f"interface='{PROPERTIES}',member='PropertiesChanged',arg0='{UNIT}'"
    ),
    f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{SYSTEMD}'",
)

# JobRemoved may be lost in a reconnect: a waiter looks for itself this often, in seconds.
_LOOK_AGAIN = 5.0
_LONGEST_PAUSE = 5.0
_BUS_PAUSE = 0.2


class _Said(Exception):
    """systemd answered with a D-Bus error; never leaves this module."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


@contextmanager
def unit_errors(unit: str) -> Iterator[None]:
    """Whatever goes wrong while asking systemd about `unit` leaves as a WorldError."""
    try:
        yield
    except _Said as error:
        raise WorldError("The system's service manager refused.", detail=f"{unit}: {error}") from error
    except TimeoutError as error:
        raise WorldError("The system's service manager did not answer in time.", detail=unit) from error
    except (OSError, EOFError, DBusError, DBusFastError) as error:
        raise WorldError(
            "The system's service manager cannot be reached.", detail=f"{unit}: {error!r}"
        ) from error


class Systemd:
    """The user manager behind one bus address; satisfies core.ports.Systemd.

    `keep_connected` must run as a task for as long as this is used.
    """

    def __init__(self, address: str, *, call_timeout: float = 25.0, bus_patience: float = 10.0) -> None:
        self._address = address
        self._call_timeout = call_timeout
        self._bus_patience = bus_patience
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()
        self._callbacks: list[Callable[[str], None]] = []
        self._jobs = UnitJobs()
        self._slices: set[UnitSpec] = set()

    # ---- the connection

    async def connect(self) -> None:
        """Connect and subscribe, unless that is so already. Raises WorldError."""
        with unit_errors("user bus"):
            await self._connected()

    async def close(self) -> None:
        """Leave the bus; units live on."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            with suppress(OSError, EOFError, DBusFastError):
                await bus.wait_for_disconnect()

    async def keep_connected(self) -> None:
        """Stay connected until cancelled; each connection after the first is announced to the callbacks as ''."""
        pause, again = 0.1, False
        while True:
            try:
                with unit_errors("user bus"):
                    bus = await self._connected()
            except WorldError as error:
                (log.debug if again else log.warning)("no connection to the user manager: %s", error)
                again = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if again:
                log.info("connected to the user manager again")
                self._tell("")
            pause, again = 0.1, True
            with suppress(OSError, EOFError, DBusFastError):
                # Shielded: it is the bus's own future, and whoever cancels us may still want to close the bus.
                await asyncio.shield(bus.wait_for_disconnect())
            log.warning("the connection to the user manager broke")

    async def _connected(self) -> MessageBus:
        async with self._connecting:
            if self._bus is not None and self._bus.connected:
                return self._bus
            async with asyncio.timeout(self._call_timeout):
                # The kernel's word is enough for the bus (and right where the effective uid is what counts).
                bus = await MessageBus(self._address, auth=AuthExternal(uid=UID_NOT_SPECIFIED)).connect()
                try:
                    bus.add_message_handler(self._heard)
                    for rule in _MATCHES:
                        await self._ask(bus, _bus_call("AddMatch", "s", [rule]))
                    await self._ask(bus, _manager_call("Subscribe"))
                except BaseException:
                    bus.disconnect()
                    raise
            self._bus = bus
            self._slices.clear()
            self._jobs.forget()
            return bus

    async def _connected_soon(self) -> MessageBus:
        """The bus, after a wait when it is not there: a user manager that died is back within a second."""
        for _ in range(int(self._bus_patience / _BUS_PAUSE)):
            with suppress(OSError, EOFError):
                return await self._connected()
            await asyncio.sleep(_BUS_PAUSE)
        return await self._connected()

    async def _call(self, message: Message) -> list[Any]:
        bus = await self._connected_soon()
        async with asyncio.timeout(self._call_timeout):
            return await self._ask(bus, message)

    @staticmethod
    async def _ask(bus: MessageBus, message: Message) -> list[Any]:
        reply: Message | None = await bus.call(message)
        if reply is None:
            raise EOFError("the bus went away")
        if reply.message_type is MessageType.ERROR:
            raise _Said(reply.error_name or "", str(reply.body[0]) if reply.body else "")
        return list(reply.body)

    # ---- what systemd says by itself

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call `callback(unit)` whenever a unit nbh* changed state or vanished, and with '' after a reconnect."""
        self._callbacks.append(callback)

    def _tell(self, unit: str) -> None:
        for callback in self._callbacks:
            callback(unit)

    def _heard(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "JobRemoved":
            _, job, _, result = message.body
            self._jobs.ended(job, result)
        elif message.member == "UnitRemoved":
            self._unit_changed(message.body[0])
        elif message.member == "PropertiesChanged" and "ActiveState" in message.body[1]:
            self._unit_changed(unit_of_path(message.path or ""))
        elif message.member == "NameOwnerChanged" and message.body[0] == SYSTEMD and self._bus is not None:
            # Another manager, or the same one after a re-execution: it does not know our subscription.
            self._bus.disconnect()

    def _unit_changed(self, unit: str) -> None:
        if unit.startswith("nbh"):
            self._tell(unit)

    async def _end_of(self, job: str, unit: str) -> str:
        """The result of a queued job ('done', 'failed', …)."""
        while True:
            result = await self._jobs.result(job, timeout=_LOOK_AGAIN)
            if result is None and await self._job_is_gone(job):
                result = "failed" if (await self.status(unit)).state is UnitState.FAILED else "done"
            if result is not None:
                return result

    async def _job_is_gone(self, job: str) -> bool:
        try:
            await self._call(_get(job, "org.freedesktop.systemd1.Job", "State"))
        except _Said as error:
            return error.name in _ABSENT
        return False

    # ---- what we ask of it

    async def arm(self, spec: SocketServiceSpec) -> None:
        """Create the transient socket with its service; being there already is success."""
        with unit_errors(spec.socket.name):
            for unit in spec.slices:
                await self._ensure_slice(unit)
            try:
                await self._create(spec.socket, spec.service)
            except _Said as error:
                if error.name != _UNIT_EXISTS:
                    raise
                await self._arm_over_what_is_there(spec)

    async def _arm_over_what_is_there(self, spec: SocketServiceSpec) -> None:
        """The name is taken by a live socket (fine), by leftovers, or by a server without its socket."""
        socket = await self.status(spec.socket.name)
        if socket.state in (UnitState.ACTIVE, UnitState.ACTIVATING):
            return
        service = await self.status(spec.service.name)
        if service.state in (UnitState.ACTIVE, UnitState.ACTIVATING, UnitState.DEACTIVATING):
            raise WorldError(
                "The server still runs without its socket.",
                detail=f"{service.name} is {service.state}: stop it first",
            )
        for unit in (socket, service):
            await self.stop(unit.name, timeout=self._call_timeout)
            await self.reset_failed(unit.name)
        await self._create(spec.socket, spec.service)

    async def run_service(self, spec: UnitSpec, slices: Sequence[UnitSpec] = ()) -> str:
        """Create and start a transient service alone; the result of its start job: 'done', 'failed', …

        'exists' when a unit of that name is loaded already. Raises WorldError when systemd cannot be asked.
        """
        with unit_errors(spec.name):
            for unit in slices:
                await self._ensure_slice(unit)
            try:
                job = await self._transient(spec)
            except _Said as error:
                if error.name == _UNIT_EXISTS:
                    return "exists"
                raise
            return await self._end_of(job, spec.name)

    async def start(self, unit: str, *, timeout: float) -> None:
        """Start a loaded unit and return when its job is done. Raises WorldError, with the job's result."""
        with unit_errors(unit):
            async with asyncio.timeout(timeout):
                (job,) = await self._call(_manager_call("StartUnit", "ss", [unit, "replace"]))
                _must_be_done(unit, await self._end_of(job, unit))

    async def stop(self, unit: str, *, timeout: float) -> None:
        """Stop a unit and return when it has stopped; not being there is success."""
        with unit_errors(unit):
            async with asyncio.timeout(timeout):
                try:
                    (job,) = await self._call(_manager_call("StopUnit", "ss", [unit, "replace"]))
                except _Said as error:
                    if error.name in _ABSENT:
                        return
                    raise
                _must_be_done(unit, await self._end_of(job, unit))

    async def reset_failed(self, unit: str) -> None:
        """Forget that a unit failed; not being there is success."""
        with unit_errors(unit):
            try:
                await self._call(_manager_call("ResetFailedUnit", "s", [unit]))
            except _Said as error:
                if error.name not in _ABSENT:
                    raise

    async def list_units(self, patterns: Sequence[str]) -> list[UnitStatus]:
        """Every loaded unit whose name matches one of the glob patterns (state only, no accounting)."""
        with unit_errors(" ".join(patterns)):
            message = _manager_call("ListUnitsByPatterns", "asas", [[], list(patterns)])
            (rows,) = await self._call(message)
        return [
            UnitStatus(name=name, state=unit_state(active), sub_state=sub)
            for name, _, loaded, active, sub, *_ in rows
            if loaded != "not-found"
        ]

    async def status(self, unit: str) -> UnitStatus:
        """All that is known of one unit, accounting included; ABSENT when not loaded."""
        with unit_errors(unit):
            try:
                (path,) = await self._call(_manager_call("GetUnit", "s", [unit]))
                common = await self._properties(path, UNIT)
                own = await self._properties(path, SERVICE) if unit.endswith(".service") else {}
            except _Said as error:
                if error.name in _ABSENT:
                    return UnitStatus(name=unit, state=UnitState.ABSENT)
                raise
        return unit_status(unit, common, own)

    async def _properties(self, path: str, interface: str) -> dict[str, Any]:
        message = Message(SYSTEMD, path, PROPERTIES, "GetAll", signature="s", body=[interface])
        (table,) = await self._call(message)
        return {name: variant.value for name, variant in table.items()}

    async def _ensure_slice(self, spec: UnitSpec) -> None:
        if spec in self._slices:
            return
        try:
            await self._create(spec)
        except _Said as error:
            if error.name != _UNIT_EXISTS:
                raise
            # It may have come into being by itself, or from an earlier configuration.
            wanted = [pair for pair in _variants(spec) if pair[0] != "Description"]
            await self._call(_manager_call("SetUnitProperties", "sba(sv)", [spec.name, True, wanted]))
        self._slices.add(spec)

    async def _create(self, spec: UnitSpec, *others: UnitSpec) -> None:
        _must_be_done(spec.name, await self._end_of(await self._transient(spec, *others), spec.name))

    async def _transient(self, spec: UnitSpec, *others: UnitSpec) -> str:
        aux = [[other.name, _variants(other)] for other in others]
        body = [spec.name, "fail", _variants(spec), aux]
        (job,) = await self._call(_manager_call("StartTransientUnit", "ssa(sv)a(sa(sv))", body))
        return str(job)


def _manager_call(member: str, signature: str = "", body: Sequence[object] = ()) -> Message:
    return Message(SYSTEMD, MANAGER_PATH, MANAGER, member, signature=signature, body=list(body))


def _bus_call(member: str, signature: str, body: Sequence[object]) -> Message:
    return Message(BUS, "/org/freedesktop/DBus", BUS, member, signature=signature, body=list(body))


def _get(path: str, interface: str, name: str) -> Message:
    return Message(SYSTEMD, path, PROPERTIES, "Get", signature="ss", body=[interface, name])


def _variants(spec: UnitSpec) -> list[list[object]]:
    return [[name, Variant(*typed(name, value))] for name, value in spec.properties]


def _must_be_done(unit: str, result: str) -> None:
    if result not in ("done", "skipped"):
        raise WorldError(
            "The service did not come up or down as asked.", detail=f"{unit}: job result “{result}”"
        )
