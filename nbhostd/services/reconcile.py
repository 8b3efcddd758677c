"""Comparing the two truths: what the store intended and what systemd runs. Idempotent, and in any order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from nbhostd.core.errors import NbhostdError
from nbhostd.core.lifecycle import Seen
from nbhostd.core.model import Intent, Phase, UnitState, UnitStatus, Workspace
from nbhostd.core.ports import CourseShelf
from nbhostd.core.subject import subject
from nbhostd.core.unitspec import service_name, socket_name, workspace_number
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

_KEEP_ARMED = timedelta(days=1)
_RUNNING = (UnitState.ACTIVE, UnitState.ACTIVATING, UnitState.RELOADING, UnitState.DEACTIVATING)


class Reconciler:
    """Adopts what an earlier life of the daemon left, arms again what should be armed, ends what nobody knows."""

    def __init__(self, workspaces: Workspaces, courses: CourseShelf) -> None:
        self._workspaces = workspaces
        self._courses = courses
        self._store = workspaces.starter.store
        self._systemd = workspaces.starter.systemd

    async def end_all(self) -> None:
        """Stop every workspace's units: they belong to a site that is gone. Raises WorldError."""
        for unit in await self._systemd.list_units(["nbh-*.socket", "nbh-*.service"]):
            if workspace_number(unit.name) is not None:
                log.warning("%s belongs to the site that was here before: stopped", unit.name)
                await self._systemd.stop(unit.name, timeout=60)

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
        """Take what systemd runs as the truth. Raises WorldError when systemd cannot be asked."""
        units = {
            unit.name: unit for unit in await self._systemd.list_units(["nbh-*.socket", "nbh-*.service"])
        }
        await self._end_strangers(units)
        for entry in self._workspaces.entries:
            unit = units.get(service_name(entry.workspace.number))
            if unit is not None and unit.state in _RUNNING:
                self._workspaces.tell(entry, Seen(unit.state))
            elif entry.state.phase in (Phase.READY, Phase.STOPPING):
                # The list may be older than what was told since: ask again, singly.
                await self._workspaces.look(entry)
        self._workspaces.pump()

    async def tend_sockets(self) -> None:
        """Arm again what lost its socket, disarm what has slept for a day. Raises WorldError.

        Thousands that once were opened would otherwise be armed for ever, and again after each reboot.
        """
        units = await self._systemd.list_units(["nbh-*.socket"])
        listening = {unit.name for unit in units if unit.state is UnitState.ACTIVE}
        for workspace in await self._store.workspaces(intent=Intent.ARMED):
            async with self._workspaces.locked(workspace.id):
                with subject(workspace.id):
                    await self._tend(workspace, socket_name(workspace.number) in listening)

    async def _tend(self, workspace: Workspace, listening: bool) -> None:
        entry = self._workspaces.entries.by_id(workspace.id)
        if entry is not None and entry.state.phase not in (Phase.ASLEEP, Phase.FAILED):
            return
        if entry is None and await self._store.workspace(workspace.id) is None:
            return  # deleted meanwhile, or its course was renamed: it may run under its new name
        try:
            if entry is None or self._workspaces.starter.clock.now() - entry.touched_at > _KEEP_ARMED:
                await self._workspaces.disarm(workspace)
            elif not listening:
                await self._workspaces.arm(entry)
                log.info("socket armed again")
        except NbhostdError as error:
            log.warning("its socket could not be seen to: %s", error)

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
