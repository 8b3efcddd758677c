"""Comparing the two truths: what the store intended and what systemd runs. Idempotent, and in any order."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from nbhostd.core.errors import NbhostdError
from nbhostd.core.lifecycle import Seen
from nbhostd.core.model import Intent, UnitState, UnitStatus, Workspace
from nbhostd.core.ports import CourseShelf
from nbhostd.core.subject import subject
from nbhostd.core.unitspec import service_name, socket_name, workspace_number
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

_RUNNING = (UnitState.ACTIVE, UnitState.ACTIVATING, UnitState.RELOADING, UnitState.DEACTIVATING)


class Reconciler:
    """Adopts what an earlier life of the daemon left, arms again what should be armed, ends what nobody knows."""

    def __init__(self, workspaces: Workspaces, courses: CourseShelf) -> None:
        self._workspaces = workspaces
        self._courses = courses
        self._store = workspaces.starter.store
        self._systemd = workspaces.starter.systemd

    async def load(self) -> int:
        """Take every run that the store remembers into memory, so that its URL leads somewhere; how many."""
        runs = await self._store.runs()
        by_number = {workspace.number: workspace for workspace in await self._store.workspaces()}
        entries = self._workspaces.entries
        for run in runs:
            workspace = by_number.get(run.workspace)
            if workspace is not None:
                entries.set_run(entries.add(workspace, self._workspaces.starter.clock.now()), run)
        return len(runs)

    async def reconcile(self) -> None:
        """One comparison. Raises WorldError when systemd cannot be asked."""
        units = {
            unit.name: unit for unit in await self._systemd.list_units(["nbh-*.socket", "nbh-*.service"])
        }
        armed = await self._store.workspaces(intent=Intent.ARMED)
        await self._end_strangers(units)
        for entry in self._workspaces.entries:
            unit = units.get(service_name(entry.workspace.number))
            state = unit.state if unit is not None else UnitState.ABSENT
            if state in (UnitState.ABSENT, UnitState.INACTIVE, UnitState.FAILED):
                # A start that is just being asked for must not be taken for one that ended: ask again, singly.
                await self._workspaces.look(entry)
            else:
                self._workspaces.tell(entry, Seen(state))
        for workspace in armed:
            with subject(workspace.id):
                await self._arm_again(workspace, units)
        self._workspaces.pump()

    async def _end_strangers(self, units: Mapping[str, UnitStatus]) -> None:
        for name, unit in units.items():
            number = workspace_number(name)
            if number is None or self._workspaces.entries.by_number(number) is not None:
                continue
            workspace = await self._store.workspace_by_number(number)
            if workspace is not None and unit.name.endswith(".socket"):
                continue
            if workspace is None or unit.state in _RUNNING:
                log.warning("%s belongs to no workspace that is known here: stopped", name)
                await self._quietly_stop(name)

    async def _quietly_stop(self, name: str) -> None:
        try:
            await self._systemd.stop(name, timeout=60)
        except NbhostdError as error:
            log.error("%s could not be stopped: %s", name, error)

    async def _arm_again(self, workspace: Workspace, units: Mapping[str, UnitStatus]) -> None:
        socket = units.get(socket_name(workspace.number))
        if socket is not None and socket.state is UnitState.ACTIVE:
            return
        starter = self._workspaces.starter
        try:
            course = await self._courses.get(workspace.id.course)
            armed = await starter.arm(workspace, course, await starter.image_digest(course))
        except NbhostdError as error:
            log.warning("its socket could not be armed again: %s", error)
            return
        entry = self._workspaces.entries.by_id(workspace.id)
        if entry is not None:
            entry.workspace = armed
        log.info("socket armed again")
