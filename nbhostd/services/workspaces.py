"""Workspaces: the story from a visit to a running Jupyter, and back to sleep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from nbhostd.core import lifecycle as life
from nbhostd.core.capacity import Queue, admit
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.lifecycle import State, step
from nbhostd.core.model import (
    Earlier,
    Intent,
    Mode,
    Opening,
    Phase,
    Place,
    Prepared,
    Route,
    Run,
    UnitState,
    Visit,
    Workspace,
)
from nbhostd.core.names import WorkspaceId
from nbhostd.core.ports import CourseShelf, Host, Locks, Preparer, Statistics
from nbhostd.core.subject import subject
from nbhostd.core.unitspec import service_name, socket_name, workspace_number
from nbhostd.core.urls import notebook_url
from nbhostd.services.entries import Entries, Entry
from nbhostd.services.finder import Finder
from nbhostd.services.starter import ImageMissing, Starter, new_label
from nbhostd.services.tasks import Tasks

log = logging.getLogger(__name__)

_ENDED = (Phase.READY, Phase.FAILED)


class Workspaces:
    """Who has which workspace, and what becomes of it. Everything that decides is in core; here it is told and done."""

    def __init__(
        self, starter: Starter, courses: CourseShelf, finder: Finder, preparers: Mapping[Mode, Preparer], host: Host,
        statistics: Statistics, locks: Locks, tasks: Tasks,
    ) -> None:  # fmt: skip
        self.starter = starter
        self._finder = finder
        self._preparers = preparers
        self.entries = Entries()
        self._courses = courses
        self._host = host
        self._statistics = statistics
        self._locks = locks
        self._tasks = tasks
        self._store = starter.store
        self._queue = Queue()
        self._held_back = ""
        self._on_end: list[Callable[[int], None]] = []
        self._on_change: list[Callable[[int, State, State], None]] = []
        starter.systemd.on_change(self._unit_changed)

    def on_end(self, callback: Callable[[int], None]) -> None:
        """Call `callback(number)` when a workspace that was ready no longer is."""
        self._on_end.append(callback)

    def on_change(self, callback: Callable[[int, State, State], None]) -> None:
        """Call `callback(number, before, after)` at each change that was told."""
        self._on_change.append(callback)

    @property
    def queue_length(self) -> int:
        """How many students wait for a start."""
        return len(self._queue)

    # The student's way

    async def open(self, visit: Visit) -> Opening:
        """Prepare a visit's files and ask for a start, without waiting for the container.

        When the student has to choose first (`Prepared.earlier`), nothing is started yet.
        Raises Refused (no such course or notebook), NotNow (too many in the queue), WorldError (disk, desk).
        """
        with subject(visit.workspace):
            course = await self._courses.get(visit.workspace.course)
            preparer = self._preparers[visit.mode]
            async with self.locked(visit.workspace):
                known = await self._store.workspace(visit.workspace)
                notebook = await self._finder.find(course, visit, known)
                entry = await self._entry_for(visit)
                prepared = await preparer.prepare(course, visit, notebook, entry.workspace)
                if visit.mode is Mode.CLASSROOM:
                    entry.workspace = replace(entry.workspace, mode=visit.mode)
            url = visit.page
            if prepared.notebook is not None:
                settings = await self._courses.settings(course)
                url = notebook_url(settings.notebook_url_format, prepared.notebook)
            if prepared.earlier is None:
                await self._make_sure(entry)
                self._tell_of(entry, visit, prepared)
                self._visit(entry)
            return Opening(entry.workspace, prepared, url)

    def _tell_of(self, entry: Entry, visit: Visit, prepared: Prepared) -> None:
        notebook = prepared.notebook
        reset = visit.forcecopy and prepared.copied
        if notebook is not None:
            if visit.earlier is Earlier.CONVERT:
                self.note(entry.workspace.id, "convert", notebook)
            self.note(entry.workspace.id, "reset" if reset else "open", notebook)
        copied = " (copied)" if prepared.copied and not reset else ""
        log.info("%s %s%s", "reset" if reset else "open", notebook or visit.page, copied)

    async def _entry_for(self, visit: Visit) -> Entry:
        label = new_label(self.starter.random_bytes)
        now = self.starter.clock.now()
        workspace = await self._store.ensure_workspace(visit.workspace, Mode.MOOC, label, now)
        entry = self.entries.by_id(workspace.id)
        return entry if entry is not None else self.entries.add(workspace, now)

    def _visit(self, entry: Entry) -> None:
        waiting_limit = self.starter.config.admission.queue_length
        asleep = entry.state.phase in (Phase.ASLEEP, Phase.FAILED)
        if asleep and len(self._queue) >= waiting_limit:
            raise NotNow(
                "Too many students are waiting to start; please come back in a minute.", retry_after=60
            )
        entry.touched_at = self.starter.clock.now()
        self._tell(entry, life.Visited())

    def place(self, id: WorkspaceId) -> Place:
        """Where a student stands now."""
        entry = self.entries.by_id(id)
        return self._place(entry) if entry is not None else Place(Phase.ASLEEP)

    def _place(self, entry: Entry) -> Place:
        state = entry.state
        if state.phase is not Phase.QUEUED:
            return Place(state.phase, 0, state.reason, entry.run if state.phase is Phase.READY else None)
        return Place(Phase.QUEUED, self._queue.position(entry.workspace.id), self._held_back)

    async def wait(self, id: WorkspaceId, timeout: float) -> Place:
        """The place once READY or FAILED, or as it is after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                async for place in self.watch(id):
                    if place.phase in _ENDED:
                        return place
        except TimeoutError:
            pass
        return self.place(id)

    async def watch(self, id: WorkspaceId) -> AsyncIterator[Place]:
        """The place now and at each change; ends after READY or FAILED, or when the workspace is deleted."""
        last = None
        while (entry := self.entries.by_id(id)) is not None:
            changed = entry.changed
            place = self._place(entry)
            if place != last:
                yield place
                last = place
            if place.phase in _ENDED:
                return
            await changed.wait()

    # The proxy's way

    def route(self, secret: str) -> Route | None:
        """Where the server behind a secret is, or None when the secret leads nowhere (any more)."""
        entry = self.entries.by_secret(secret)
        if entry is None or entry.run is None:
            return None
        path = self.starter.socket_path(entry.workspace.number)
        return Route(entry.workspace, entry.run, path, self._place(entry))

    def touch(self, number: int) -> None:
        """A person did something in this workspace."""
        entry = self.entries.by_number(number)
        if entry is not None:
            entry.touched_at = self.starter.clock.now()

    def note(self, id: WorkspaceId, event: str, notebook: str = "") -> None:
        """Have statistics remember an event (core/ports.py names them)."""
        self._statistics.record(self.starter.clock.now(), id, event, notebook)

    async def wake(self, id: WorkspaceId) -> Place:
        """Ask for a start and touch no file. Raises Refused(404) when there is no such workspace, NotNow."""
        entry = self.entries.by_id(id)
        if entry is None:
            workspace = await self._store.workspace(id)
            if workspace is None:
                raise Refused("This workspace does not exist any more.", status=404, reason="no-workspace")
            entry = self.entries.add(workspace, self.starter.clock.now())
        with subject(id):
            await self._make_sure(entry)
            self._visit(entry)
        return self._place(entry)

    async def _make_sure(self, entry: Entry) -> None:
        """A person is not sent to a server that died a moment ago: systemd is asked, not believed to have told."""
        if entry.state.phase is Phase.READY:
            await self.look(entry)

    async def note_cookie(self, route: Route, kept: bool) -> Run:
        """Remember whether a browser kept the cookie; once one did not, it cannot be required of this run."""
        run = replace(
            route.run,
            cookie_seen=route.run.cookie_seen or kept,
            cookie_refused=route.run.cookie_refused or not kept,
        )
        entry = self.entries.by_number(route.workspace.number)
        if run != route.run and entry is not None and entry.run == route.run:
            self.entries.set_run(entry, run)
            await self._store.put_run(run)
        return run

    # The administrator's and the scheduler's way

    async def stop(self, id: WorkspaceId, reason: str, *, timeout: float = 60) -> bool:
        """Stop a workspace and return when it has stopped; False when it did not run. Raises NotNow when it takes longer."""
        entry = self.entries.by_id(id)
        if entry is None or entry.state.phase in (Phase.ASLEEP, Phase.FAILED):
            return False
        with subject(id):
            self._tell(entry, life.Dismissed(reason))
        try:
            async with asyncio.timeout(timeout):
                while entry.state.phase is Phase.STOPPING:
                    await entry.changed.wait()
        except TimeoutError as error:
            raise NotNow("It is still stopping; see nbhostctl status.") from error
        if entry.state.phase is Phase.READY:
            raise WorldError("It could not be stopped.", detail="nbhostctl logs daemon says why")
        return True

    def locked(self, id: WorkspaceId) -> AbstractAsyncContextManager[None]:
        """Nobody else opens, arms or deletes this workspace meanwhile."""
        return self._locks(str(id))

    async def arm(self, entry: Entry) -> None:
        """Arm a sleeping workspace's socket as its course wants it now. Raises Refused, WorldError."""
        course = await self._courses.get(entry.workspace.id.course)
        entry.workspace = await self.starter.arm(
            entry.workspace, course, await self.starter.image_digest(course)
        )

    async def disarm(self, workspace: Workspace) -> None:
        """Take a sleeping workspace's units away. Raises WorldError."""
        await self.starter.systemd.stop(socket_name(workspace.number), timeout=10)
        await self.starter.systemd.stop(service_name(workspace.number), timeout=60)
        await self._store.set_intent(workspace.number, Intent.COLD, "")
        entry = self.entries.by_id(workspace.id)
        if entry is not None:
            entry.workspace = replace(entry.workspace, intent=Intent.COLD, armed_spec="")

    # The machine of states: told here, done below

    def tell(self, entry: Entry, event: life.Event) -> None:
        """Let the lifecycle decide on an event and carry out its orders."""
        with subject(entry.workspace.id):
            self._tell(entry, event)

    def _tell(self, entry: Entry, event: life.Event) -> None:
        before = entry.state
        state, orders = step(before, event)
        self.entries.set_state(entry, state)
        for order in orders:
            self._obey(entry, order)
        if entry.state != before:
            self._log_change(before, entry.state)
            if before.phase is Phase.READY and entry.state.phase is not Phase.READY:
                for ended in self._on_end:
                    ended(entry.workspace.number)
            for changed in self._on_change:
                changed(entry.workspace.number, before, entry.state)
            entry.announce()
            self._pump()

    def _obey(self, entry: Entry, order: life.Order) -> None:
        id, number = entry.workspace.id, entry.workspace.number
        match order:
            case life.Order.ENQUEUE:
                self._queue.add(id)
            case life.Order.LEAVE_QUEUE:
                self._queue.remove(id)
            case life.Order.START:
                self._tasks.spawn(f"start of {id}", self._start(entry))
            case life.Order.STOP:
                self._tasks.spawn(f"stop of {id}", self._stop(entry))
            case life.Order.FORGET_FAILURE:
                self._tasks.spawn(f"reset of {id}", self.starter.systemd.reset_failed(service_name(number)))

    def _log_change(self, before: State, after: State) -> None:
        if after.phase is Phase.FAILED:
            log.error("failed: %s; nbhostctl logs shows its last lines", after.reason)
        elif after.phase is not before.phase and after.phase is not Phase.QUEUED:
            log.info("%s%s", after.phase, f": {after.reason}" if after.reason else "")

    def _pump(self) -> None:
        """Admit and reserve in one synchronous go, as long as there is room."""
        before = (len(self._queue), self._held_back)
        self._held_back = ""
        while (next_id := self._queue.peek()) is not None:
            verdict = admit(self.starter.config.admission, self._host.facts(), self.entries.starting)
            if not verdict.admitted:
                self._held_back = verdict.reason
                break
            self._queue.pop()
            entry = self.entries.by_id(next_id)
            if entry is not None:
                with subject(next_id):
                    state, orders = step(entry.state, life.Admitted())
                    self.entries.set_state(entry, state)
                    for order in orders:
                        self._obey(entry, order)
                entry.announce()
        if before != (len(self._queue), self._held_back):
            self._announce_queue()

    def pump(self) -> None:
        """Try again whoever was held back by memory or disk."""
        if self._queue.peek() is not None:
            self._pump()

    def _announce_queue(self) -> None:
        for id in self._queue.order():
            entry = self.entries.by_id(id)
            if entry is not None:
                entry.announce()

    async def _start(self, entry: Entry) -> None:
        # One at a time: a visit after a stop may begin another start before this one has noticed.
        async with self._locks(f"start of {entry.workspace.id}"):
            if entry.state.phase is Phase.STARTING:
                await self._try_to_start(entry)

    async def _try_to_start(self, entry: Entry) -> None:
        try:
            await self._start_or_join(entry)
        except NbhostdError as error:
            log.error("cannot start: %s", error)
            self.note(entry.workspace.id, "fail")
            self._tell(entry, life.Failed("image" if isinstance(error, ImageMissing) else "start"))
        else:
            self.note(entry.workspace.id, "start")
            self._tell(entry, life.Ready())
            # It may have died before this was told.
            await self.look(entry)

    async def _start_or_join(self, entry: Entry) -> None:
        starter, number = self.starter, entry.workspace.number
        if (
            entry.run is None
            or (await starter.systemd.status(service_name(number))).state is not UnitState.ACTIVATING
        ):
            course = await self._courses.get(entry.workspace.id.course)
            digest = await starter.image_digest(course)
            entry.workspace = await starter.arm(entry.workspace, course, digest)
            self.entries.set_run(entry, await starter.new_run(entry.workspace, digest))
        if entry.state.phase is Phase.STARTING:
            await starter.wake(number, lambda: entry.state.phase is Phase.STARTING)

    async def _stop(self, entry: Entry) -> None:
        name = service_name(entry.workspace.number)
        try:
            await self.starter.systemd.stop(name, timeout=self.starter.config.idle.stop_timeout + 15)
        except NbhostdError as error:
            log.error("could not be stopped: %s", error)
            await self.look(entry)
            self._tell(entry, life.NotStopped())
            return
        self.note(entry.workspace.id, "stop")
        await self.look(entry)

    # What systemd says

    def _unit_changed(self, unit: str) -> None:
        number = workspace_number(unit)
        entry = self.entries.by_number(number) if number is not None and unit.endswith(".service") else None
        if entry is not None:
            self._tasks.spawn(f"look at {unit}", self.look(entry))

    async def look(self, entry: Entry) -> None:
        """Ask systemd how a workspace's service is, and take it as the truth. Could-not-ask changes nothing."""
        with subject(entry.workspace.id):
            try:
                status = await self.starter.systemd.status(service_name(entry.workspace.number))
            except NbhostdError as error:
                log.warning("systemd could not be asked: %s", error)
                return
            self._tell(entry, life.Seen(status.state, status.result or "success"))
