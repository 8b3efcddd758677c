"""What monitors are told: metrics, and whether the site is ready, introduced to whom they ask. Decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from nbhostd import __version__
from nbhostd.adapters.metrics import CONTENT_TYPE, PrometheusMetrics, count_jobs
from nbhostd.core.ports import Statistics
from nbhostd.services.health import Check, Health, bus_is_well, disk_is_well
from nbhostd.services.metering import CountedStatistics, Meter
from nbhostd.web.watching import Watching, WatchingControl

if TYPE_CHECKING:
    from nbhostd.house import Ground, House

_PODMAN_IS_BELIEVED = 60.0
"""Seconds: its service takes half a second of a processor to come up."""


class Monitors:
    """The metrics first, since whatever happens is told them; the rest once the house has its services."""

    def __init__(self, house: House, ground: Ground) -> None:
        self._house = house
        self._ground = ground
        self.metrics = PrometheusMetrics(__version__)
        self.statistics: Statistics = CountedStatistics(ground.statistics, self.metrics)

    def open(self) -> None:
        """Introduce who asks the worlds, and who follows the workspaces."""
        house, ground = self._house, self._ground
        checks = {
            "bus": Check(lambda: bus_is_well(ground.systemd)),
            "podman": Check(house.podman.ping, _PODMAN_IS_BELIEVED),
            "disk": Check(lambda: disk_is_well(house.host, house.config)),
            "database": Check(house.store.courses),
        }
        self.health = Health(checks, house.clock)
        waiting = {
            "nbhostd": lambda: house.store.database.waiting,
            "statistics": lambda: ground.statistics.database.waiting,
        }
        self.meter = Meter(
            self.metrics, house.workspaces, house.proxy.traffic, house.host, house.clock, waiting,
            lambda: count_jobs(house.store.database),
        )  # fmt: skip

    def room(self) -> Watching:
        """What the front door answers."""
        return Watching(self.health, self._text, CONTENT_TYPE, self._house.dashboard.reception)

    def control(self) -> WatchingControl:
        """What the control socket answers."""
        return WatchingControl(self.health, self._text, CONTENT_TYPE)

    def _text(self) -> Awaitable[bytes]:
        return self.meter.text(self._house.proxy.under_way)
