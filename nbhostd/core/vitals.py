"""How this computer fares, as the overview of administrators shows it, and what is worth a warning in it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from nbhostd.core.checks import Finding
from nbhostd.core.model import HostFacts, Job, JobState, Phase

BACKUP_IS_OLD = timedelta(days=8)
"""A weekly backup that was forgotten once."""
_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system, by a path in it: bytes, and how many more files it can hold (None: as many as fit)."""

    path: str
    total: int
    free: int
    files_total: int | None = None
    files_free: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is nearly full, of bytes or of files."""
        few = self.files_total is not None and (self.files_free or 0) < (1 - _FULL) * self.files_total
        return few or self.free < (1 - _FULL) * self.total


@dataclass(frozen=True, slots=True)
class Vitals:
    """What changes from minute to minute; None = could not be read. Pressures are percents of the last 10 seconds."""

    load: tuple[float, float, float]
    uptime: float | None
    io_pressure: float | None
    disks: tuple[Disk, ...]


class HostVitals(Protocol):
    """This computer."""

    def vitals(self) -> Vitals:
        """Measured now; cheap."""


@dataclass(frozen=True, slots=True)
class Health:
    """All of it at one moment."""

    version: str
    facts: HostFacts
    vitals: Vitals
    findings: tuple[Finding, ...]
    phases: Mapping[Phase, int]
    """How many workspaces are in each; asleep ones are not counted."""
    missing: tuple[tuple[str, str], ...]
    """(course, image) of courses that nobody can open, because their image is not here."""
    podman: bool
    """Whether Podman could be asked."""
    failed: tuple[Job, ...]
    """The latest jobs that failed."""
    databases: tuple[tuple[str, int], ...]
    """(name, bytes)."""
    last_backup: datetime | None


class Alarm(enum.StrEnum):
    """Something that an administrator should look at now."""

    DISK = "disk"
    MEMORY = "memory"
    IMAGES = "images"
    PODMAN = "podman"
    LIMITS = "limits"
    BACKUP = "backup"


def alarms(health: Health, now: datetime) -> tuple[Alarm, ...]:
    """What is wrong, the worst first; nothing when all is well."""
    facts = health.facts
    wrong = {
        Alarm.PODMAN: not health.podman,
        Alarm.DISK: any(disk.is_full for disk in health.vitals.disks),
        Alarm.MEMORY: facts.memory_available < (1 - _FULL) * facts.memory_total,
        Alarm.IMAGES: bool(health.missing),
        Alarm.LIMITS: any(finding.level == "fault" for finding in health.findings),
        Alarm.BACKUP: health.last_backup is None or now - health.last_backup > BACKUP_IS_OLD,
    }
    return tuple(alarm for alarm, is_wrong in wrong.items() if is_wrong)


def recent_failures(jobs: list[Job], now: datetime, *, most: int = 5) -> tuple[Job, ...]:
    """The latest jobs of a week that failed, or that nobody knows the end of."""
    since = now - timedelta(days=7)
    bad = (JobState.FAILED, JobState.LOST)
    return tuple([job for job in jobs if job.state in bad and job.started_at > since][:most])
