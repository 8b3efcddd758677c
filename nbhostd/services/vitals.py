"""How the site fares at this moment, asked of everybody who knows a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from nbhostd.core.checks import Finding
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Course, Phase
from nbhostd.core.ports import Clock, Host, Images, Store
from nbhostd.core.ports_accounts import AuditLog
from nbhostd.core.vitals import Health, HostVitals, recent_failures
from nbhostd.services.workspaces import Workspaces

BACKUP = "site.backup"
"""What a backup is called in the audit log."""
_LATEST_JOBS = 200


class Measured(Protocol):
    """A database's file."""

    async def size(self) -> int: ...


class HostFull(Host, HostVitals, Protocol):
    """This computer, its slow facts and its quick ones."""


class VitalsRound:
    """Asks; changes nothing."""

    def __init__(
        self, version: str, host: HostFull, check: Callable[[], Awaitable[tuple[Finding, ...]]], workspaces: Workspaces,
        store: Store, images: Images, audit: AuditLog, databases: Mapping[str, Measured], clock: Clock,
    ) -> None:  # fmt: skip
        self._version = version
        self._host = host
        self._check = check
        self._workspaces = workspaces
        self._store = store
        self._images = images
        self._audit = audit
        self._databases = databases
        self._clock = clock

    async def look(self) -> Health:
        """The site's health now; what cannot be asked is part of the answer."""
        missing, podman = await self._missing()
        backups = await self._audit.entries(limit=1, action=BACKUP)
        phases = Counter(entry.state.phase for entry in self._workspaces.entries)
        return Health(
            self._version,
            self._host.facts(),
            self._host.vitals(),
            await self._check(),
            {phase: phases[phase] for phase in Phase if phase is not Phase.ASLEEP},
            missing,
            podman,
            recent_failures(await self._store.jobs(limit=_LATEST_JOBS), self._clock.now()),
            tuple([(name, await database.size()) for name, database in self._databases.items()]),
            backups[0].at if backups else None,
        )

    async def _missing(self) -> tuple[tuple[tuple[str, str], ...], bool]:
        """(course, image) of courses without their image, and whether Podman could be asked at all."""
        courses = [course for course in await self._store.courses() if not course.archived]
        try:
            absent = [course for course in courses if await self._images.digest(course.image) is None]
        except WorldError:
            return (), False
        return tuple(_pair(course) for course in absent), True


def _pair(course: Course) -> tuple[str, str]:
    return str(course.name), course.image
