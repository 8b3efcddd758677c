"""What an open page of a workspace may ask of nbhostd: how things stand, to be kept, and the original again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from nbhostd.core.errors import Refused
from nbhostd.core.idle import notice, poll_pause
from nbhostd.core.model import Mode, Phase, Route
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import CourseShelf, Desk, Statistics
from nbhostd.core.subject import subject
from nbhostd.core.unitspec import service_name
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)


class ControlGroups(Protocol):
    """What the kernel counts in a unit's control group."""

    def memory_kills(self, control_group: str) -> int:
        """How many processes were killed in it because it was out of memory; 0 when nobody counts."""


@dataclass(frozen=True, slots=True)
class Glance:
    """How a workspace stands. Times in seconds, memory in bytes.

    `stops_because`: 'idle' or 'lifetime' for a stop that is near; without one, the reason of the present phase.
    """

    phase: Phase
    stops_in: float | None
    stops_because: str
    memory_limit: int
    memory_kills: int
    ask_again: float


class Inside:
    """Answers for one workspace at a time; a look neither wakes it nor counts as its use."""

    def __init__(
        self, workspaces: Workspaces, courses: CourseShelf, desk: Desk, control_groups: ControlGroups,
        statistics: Statistics,
    ) -> None:  # fmt: skip
        self._workspaces = workspaces
        self._courses = courses
        self._desk = desk
        self._control_groups = control_groups
        self._statistics = statistics
        self._groups: dict[int, tuple[str, str]] = {}
        """Workspace number -> the secret of its run and that run's control group, which systemd is asked for once."""

    async def glance(self, route: Route) -> Glance:
        """How the workspace stands now. Raises WorldError."""
        config, now = self._workspaces.starter.config, self._workspaces.starter.clock.now()
        place, entry = route.place, self._workspaces.entries.by_number(route.workspace.number)
        ready = place.phase is Phase.READY
        coming = None
        if ready and entry is not None and entry.seen and entry.seen.started_at == route.run.started_at:
            # What was used since the last round counts at once, so that a warning goes when somebody works on.
            coming = notice(config.idle, now, replace(entry.seen, touched_at=entry.touched_at))
        return Glance(
            phase=place.phase,
            stops_in=None if coming is None else max(0.0, (coming.at - now).total_seconds()),
            stops_because=place.reason if coming is None else coming.because,
            memory_limit=config.limits.memory,
            memory_kills=await self._memory_kills(route) if ready else 0,
            ask_again=poll_pause(config.idle),
        )

    async def _memory_kills(self, route: Route) -> int:
        number = route.workspace.number
        secret, group = self._groups.get(number, ("", ""))
        if secret != route.run.secret:
            unit = await self._workspaces.starter.systemd.status(service_name(number))
            group = unit.control_group
            self._groups[number] = (route.run.secret, group)
        return self._control_groups.memory_kills(group) if group else 0

    def keep(self, route: Route) -> None:
        """A person says that the workspace is wanted. Raises Refused(410) when it does not run any more."""
        if route.place.phase is not Phase.READY:
            raise Refused("This workspace was stopped already.", status=410, reason="asleep")
        self._workspaces.touch(route.workspace.number)

    async def reset(self, route: Route, notebook: NotebookPath) -> str | None:
        """The course's original in the place of a notebook; where the student's is now, or None.

        Raises Refused (404: the course has no such notebook; 409: the workspace is a clone), WorldError.
        """
        workspace = route.workspace
        if workspace.mode is not Mode.MOOC:
            raise Refused(
                "This workspace is a git clone: git brings the original back.",
                status=409,
                reason="classroom",
            )
        with subject(workspace.id):
            course = await self._courses.get(workspace.id.course)
            settings = await self._courses.settings(course)
            now = self._workspaces.starter.clock.now()
            async with self._workspaces.locked(workspace.id):
                kept = await self._desk.reset(
                    workspace.number, workspace.uid, course.name, notebook,
                    links=settings.static_mappings, aside=f"{now:%Y%m%dT%H%M%SZ}",
                )  # fmt: skip
            self._workspaces.touch(workspace.number)
            self._statistics.record(now, workspace.id, "reset", notebook)
            log.info("reset %s", notebook)
        return kept
