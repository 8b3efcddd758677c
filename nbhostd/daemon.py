"""The daemon's life, as a story: from configuration to READY=1, and the same list backwards after STOPPING=1."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiohttp import http_parser, web

from nbhostd import __version__
from nbhostd.adapters.config_file import read_config, read_keyring, read_secret
from nbhostd.adapters.host import SystemClock
from nbhostd.adapters.journal import log_to_journal
from nbhostd.adapters.listen import inherited_sockets
from nbhostd.adapters.notify import Notifier
from nbhostd.adapters.stage import RestoreStage
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.adapters.systemd import Systemd
from nbhostd.core.access import Keyring
from nbhostd.core.config import Config
from nbhostd.core.counts import EVERY
from nbhostd.core.errors import ConfigError, NbhostdError
from nbhostd.core.idle import round_pause
from nbhostd.core.people import ROOT
from nbhostd.core.sessions import AuditEntry
from nbhostd.core.siteargv import KIND as SITE
from nbhostd.house import Ground, House
from nbhostd.services.images import KIND as BUILD
from nbhostd.services.scheduler import every
from nbhostd.services.tasks import Tasks
from nbhostd.web.proxy import SERVER_OPTIONS

log = logging.getLogger(__name__)

CONFIG_FILE = Path("/etc/nbhostd/nbhostd.toml")

_COMPANIONS = ("nbhostd-desk.socket", "podman.socket", "nbhostd-podman.service")
"""Units of the user manager that the daemon needs: sockets, and Podman made ready for the first student."""
_IMAGE_INDEX = ".local/share/containers/storage/overlay-images/images.json"
_GRACE = 5.0
"""Seconds that requests under way get when the daemon stops."""
_RECONCILE_EVERY = 60.0
_SWEEP_EVERY = 3600.0
_SUM_UP_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where this daemon finds its files, from its command line and systemd's environment."""

    config: Path
    credentials: Path
    runtime: Path
    bus: str

    @classmethod
    def of(cls, config: Path) -> Place:
        """As systemd.exec(5) tells it. Raises ConfigError outside of nbhostd.service."""
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if not runtime or not credentials:
            raise ConfigError(
                ("not started by nbhostd.service: XDG_RUNTIME_DIR or CREDENTIALS_DIRECTORY is missing",)
            )
        bus = os.environ.get("DBUS_SESSION_BUS_ADDRESS", f"unix:path={runtime}/bus")
        return cls(config, Path(credentials), Path(runtime), bus)

    def read(self) -> tuple[Config, Keyring]:
        """The administrator's files as they are now. Raises ConfigError with every fault."""
        return read_config(self.config), read_keyring(self.credentials / "launch-key")

    def credential(self, name: str) -> str:
        """A secret on one line, or '' when the administrator has not made it. Raises ConfigError."""
        return read_secret(self.credentials / name)


class Daemon:
    """Everybody introduced to everybody; decides nothing."""

    def __init__(self, place: Place, leave: Callable[[], None]) -> None:
        self.place = place
        self.leave = leave
        self.config, self.keyring = place.read()
        self.notifier = Notifier(os.environ)
        self.clock = SystemClock()
        self.tasks = Tasks()
        self.closing = AsyncExitStack()

    async def start(self, sockets: dict[str, list[socket.socket]]) -> None:
        """Database, bus, reconcile, scheduler, web on the inherited sockets. Raises NbhostdError."""
        await self._open_databases()
        await self._reach_the_user_manager()
        self.house = House(
            Ground(
                lambda: self.config, lambda: self.keyring, self.place.runtime, self.store, self.statistics,
                self.systemd, self.clock, self.tasks, self.closing, self.stage, self.leave,
                self.place.credential,
            )
        )  # fmt: skip
        await self._adopt()
        self._schedule()
        await self._serve(sockets)

    async def _open_databases(self) -> None:
        state = Path(self.config.paths.state)
        self.stage = RestoreStage(state)
        self.restored = self.stage.swap()
        self.store = await SqliteStore.open(state / "nbhostd.db")
        self.closing.push_async_callback(self.store.close)
        self.statistics = await SqliteStatistics.open(state / "statistics.db")
        self.closing.push_async_callback(self.statistics.close)

    async def _reach_the_user_manager(self) -> None:
        self.systemd = Systemd(self.place.bus)
        self.closing.push_async_callback(self.systemd.close)
        self.tasks.spawn("connection to the user manager", self.systemd.keep_connected())
        await self._start_companions()

    async def _start_companions(self) -> None:
        for unit in _COMPANIONS:
            try:
                await self.systemd.start(unit, timeout=30)
            except NbhostdError as error:
                log.error("%s does not listen: %s", unit, error)

    async def _adopt(self) -> None:
        if self.restored:
            await self._settle_restored()
        await self._settle_renames()
        known = await self.house.reconciler.load()
        await self._reconcile()
        await self.house.shares.sweep()
        await self.house.looks.sweep()
        self.tasks.spawn("tools of an earlier life", self._sweep_tools())
        self.tasks.spawn("sockets after a start", self._tend_sockets())
        for job in await self.house.book.left_open(BUILD, SITE):
            builder = self.house.builder if job.kind == BUILD else self.house.sites
            self.tasks.spawn(f"job {job.number}", builder.resume(job))
        log.info("%d workspaces known", known)
        self.systemd.on_change(self._reconnected)

    async def _settle_restored(self) -> None:
        # The same numbers were others' before: a socket that stays would open somebody else's files.
        await self.house.reconciler.end_all()
        told = (await self.stage.restored() or {}).get("told", {})
        of = AuditEntry(
            0, self.clock.now(), ROOT.name, "site.restored", str(told.get("host", "")),
            detail=str(told.get("made_at", "")), via="nbhostctl",
        )  # fmt: skip
        await self.house.dashboard.audit.add(of)
        self.stage.settled()

    async def _settle_renames(self) -> None:
        try:
            await self.house.upkeep.settle()
        except NbhostdError as error:
            log.error("the renaming of a course that was interrupted could not be settled: %s", error)

    def _reconnected(self, unit: str) -> None:
        if unit == "":
            self.tasks.spawn("reconcile after a reconnect", self._recover())

    async def _recover(self) -> None:
        await self._start_companions()
        await self._reconcile()
        await self._tend_sockets()

    async def _reconcile(self) -> None:
        try:
            await self.house.reconciler.reconcile()
        except NbhostdError as error:
            log.error("what runs could not be compared with what should: %s", error)

    async def _sweep_tools(self) -> None:
        try:
            await self.house.toolbox.sweep()
        except NbhostdError as error:
            log.error("tools that were under way could not be ended: %s", error)

    async def _tend_sockets(self) -> None:
        try:
            await self.house.reconciler.tend_sockets()
        except NbhostdError as error:
            log.error("the sockets could not be seen to: %s", error)

    def _schedule(self) -> None:
        idle, spawn = self.house.idle_round, self.tasks.spawn
        spawn("idle rounds", every(lambda: round_pause(self.config.idle), "idle round", idle))
        spawn(
            "autopull",
            every(lambda: self.config.courses.autopull_every, "autopull", self.house.courses.autopull_once),
        )
        spawn("reconcile", every(lambda: _RECONCILE_EVERY, "reconcile", self._reconcile))
        spawn("sockets", every(lambda: _RECONCILE_EVERY, "sockets", self._tend_sockets))
        spawn("sessions", every(lambda: _SWEEP_EVERY, "sessions", self.house.dashboard.entrance.sweep))
        spawn("looks", every(lambda: _RECONCILE_EVERY, "looks", self.house.looks.expire))
        spawn("the loop's lag", self.house.monitors.meter.watch_lag())
        spawn("counts", every(lambda: EVERY, "counts", self.house.counting))
        spawn("statistics", every(lambda: _SUM_UP_EVERY, "statistics", self.house.figures.catch_up))
        spawn("queue", every(lambda: 2.0, "queue", self._pump))
        period = self.notifier.watchdog_seconds
        if period is not None:
            spawn("watchdog", every(lambda: period / 3, "watchdog", self._alive))

    async def _pump(self) -> None:
        self.house.workspaces.pump()

    async def _alive(self) -> None:
        """The loop turns and the database answers: that is what being alive means here."""
        await self.store.courses()
        self.notifier.watchdog()

    async def _serve(self, sockets: dict[str, list[socket.socket]]) -> None:
        self.front = await self._run(self.house.front(), sockets.pop("http", []))
        self.back = await self._run(self.house.control(), sockets.pop("control", []))
        if sockets:
            log.warning("sockets with names that are not known: %s", ", ".join(sockets))

    async def _run(self, app: web.Application, sockets: list[socket.socket]) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE, **SERVER_OPTIONS)
        await runner.setup()
        for listening in sockets:
            await web.SockSite(runner, listening, backlog=4096).start()
        return runner

    def reload(self) -> None:
        """Take the configuration as the files say now, or keep the present one when they are at fault."""
        self.notifier.reloading(self.clock.monotonic())
        status = "configuration refused, see the journal"
        try:
            self.config, self.keyring = self.place.read()
            self.house.reconfigure()
            status = self._summary()
            log.info("configuration read again")
        except ConfigError as error:
            for fault in error.faults:
                log.error("configuration refused, the earlier one stays: %s", fault)
        finally:
            # Whatever happens: a reload that never ends would need a restart.
            self.notifier.ready(status)

    def _summary(self) -> str:
        return f"serving {self.config.server.public_url}"

    async def stop(self) -> None:
        """The way back. Workspaces run on: they belong to systemd."""
        self.house.proxy.drain()
        await self.front.cleanup()
        await self.back.cleanup()
        await self.close()

    async def close(self) -> None:
        """End what was begun, however far it came."""
        await self.tasks.close()
        await self.closing.aclose()


async def serve(place: Place) -> None:
    """Serve until SIGTERM. Raises NbhostdError when the start fails."""
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    daemon = Daemon(place, ending.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    try:
        await daemon.start(inherited_sockets(os.environ))
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        # What was made until here lives as long as the daemon: the collector need not look at it again.
        gc.freeze()
        log.info("nbhostd %s is ready: %s", __version__, daemon._summary())
        daemon.notifier.ready(daemon._summary())
        await ending.wait()
        daemon.notifier.stopping()
        await daemon.stop()
        log.info("stopped; workspaces run on")
    finally:
        await daemon.close()


def _assert_c_parser() -> None:
    """The pure Python HTTP parser has a history of request smuggling: never serve with it."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigError(("aiohttp runs without its C parser: the installation is broken",))


def main() -> int:
    """The program `nbhostd`: exit status 0 after SIGTERM, 2 for a refused configuration, 1 when the start fails."""
    parser = argparse.ArgumentParser(
        prog="nbhostd",
        description="Hosts Jupyter notebooks for classes. Started by systemd (nbhostd.socket), steered with nbhostctl(8).",
    )
    parser.add_argument(
        "--config", type=Path, default=CONFIG_FILE, metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--version", action="version", version=f"nbhostd {__version__}")
    arguments = parser.parse_args()
    log_to_journal()
    try:
        _assert_c_parser()
        uvloop.run(serve(Place.of(arguments.config)))
    except ConfigError as error:
        for fault in error.faults:
            log.critical("configuration refused: %s", fault)
        return 2
    except NbhostdError as error:
        log.critical("cannot start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
