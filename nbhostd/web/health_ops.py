"""The site's health, as programs read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from nbhostd.core import imagenames
from nbhostd.core.people import Power
from nbhostd.core.vitals import Health, alarms
from nbhostd.web.jobs import JobShape, job_shape
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Operation


class DiskShape(msgspec.Struct, frozen=True):
    """A file system, in bytes and files (null: as many as fit)."""

    path: str
    total: int
    free: int
    files_total: int | None
    files_free: int | None


class FindingShape(msgspec.Struct, frozen=True):
    """A line of `nbhostctl check`: level ok, warning or fault."""

    level: str
    subject: str
    text: str


class MissingImage(msgspec.Struct, frozen=True):
    """A course that nobody can open, because its image is not here."""

    course: str
    image: str


class HealthShape(msgspec.Struct, frozen=True):
    """How the site fares. Sizes in bytes, times in seconds, pressures in percent of the last 10 seconds.

    `alarms`: what to look at now, of disk, memory, images, podman, limits and backup.
    """

    version: str
    alarms: list[str]
    cores: int
    load: list[float]
    uptime: float | None
    memory_total: int
    memory_available: int
    cpu_pressure: float | None
    memory_pressure: float | None
    io_pressure: float | None
    disks: list[DiskShape]
    findings: list[FindingShape]
    phases: dict[str, int]
    missing_images: list[MissingImage]
    failed_jobs: list[JobShape]
    databases: dict[str, int]
    last_backup: str | None


class Looking(Protocol):
    """What is asked of services/vitals.py."""

    async def look(self) -> Health: ...


class HealthOperations:
    """`site.health`."""

    def __init__(self, health: Looking, now: Callable[[], datetime]) -> None:
        self._health = health
        self._now = now

    def operations(self) -> list[Operation]:
        """What can be asked."""
        return [
            Operation(
                "site.health", "GET", "/site/health", "How the site fares", Power.ADMINISTER, self._show, HealthShape
            ),
        ]  # fmt: skip

    async def _show(self, call: Call) -> HealthShape:
        return health_shape(await self._health.look(), self._now())


def health_shape(health: Health, now: datetime) -> HealthShape:
    """The site's health, for the API."""
    facts, vitals = health.facts, health.vitals
    return HealthShape(
        health.version, [alarm.value for alarm in alarms(health, now)], facts.cores, list(vitals.load), vitals.uptime,
        facts.memory_total, facts.memory_available, facts.cpu_pressure, facts.memory_pressure, vitals.io_pressure,
        [DiskShape(one.path, one.total, one.free, one.files_total, one.files_free) for one in vitals.disks],
        [FindingShape(one.level, one.subject, one.text) for one in health.findings],
        {phase.value: count for phase, count in health.phases.items()},
        [MissingImage(course, imagenames.shown(image)) for course, image in health.missing],
        [job_shape(job) for job in health.failed], dict(health.databases),
        iso(health.last_backup),
    )  # fmt: skip
