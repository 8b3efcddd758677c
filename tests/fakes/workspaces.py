"""A second, small implementation of what the web floor asks of services/workspaces.py: containers by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Earlier, Mode, Opening, Phase, Place, Prepared, Route, Run, Visit, Workspace
from nbhostd.core.names import NotebookPath, WorkspaceId

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
_ENDED = (Phase.READY, Phase.FAILED)


class FakeWorkspaces:
    """Workspaces whose phases a test sets; every call is remembered in `calls`."""

    def __init__(self, *, ready_at_once: bool = False) -> None:
        self.calls: list[tuple[str, object]] = []
        self.ready_at_once = ready_at_once
        self.refusal: NbhostdError | Exception | None = None
        self.opened: asyncio.Queue[Visit] = asyncio.Queue()
        self.behind: set[str] = set()
        self.earlier: dict[str, str] = {}
        """Notebooks that the course has and no clone has yet."""
        self._workspaces: dict[WorkspaceId, Workspace] = {}
        self._places: dict[WorkspaceId, Place] = {}
        self._runs: dict[WorkspaceId, Run] = {}
        self._changed = asyncio.Event()
        self._starts = 0

    # What tests do

    def put(self, id: WorkspaceId, phase: Phase, *, position: int = 0, reason: str = "") -> Route | None:
        """Move a workspace to a phase; READY gives it a new run. Its route, if it has one."""
        self._ensure(id)
        if phase is Phase.READY:
            self._runs[id] = self._new_run(id)
        self._places[id] = Place(phase, position, reason, self._runs[id] if phase is Phase.READY else None)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return self.route(self._runs[id].secret) if id in self._runs else None

    def forget_runs(self) -> None:
        """No secret leads anywhere any more."""
        self._runs.clear()

    def called(self, name: str) -> list[object]:
        """The arguments of every call of this name."""
        return [argument for called, argument in self.calls if called == name]

    # What the web floor asks

    async def open(self, visit: Visit) -> Opening:
        self.calls.append(("open", visit))
        self.opened.put_nowait(visit)
        if self.refusal is not None:
            raise self.refusal
        workspace = self._ensure(visit.workspace)
        if visit.notebook is None:
            self._visit(visit.workspace)
            return Opening(workspace, Prepared(None), visit.page)
        notebook = NotebookPath.parse(visit.notebook if visit.notebook.suffix else visit.notebook + ".md")
        if notebook in self.earlier and visit.earlier is Earlier.ASK:
            return Opening(workspace, Prepared(notebook, earlier=NotebookPath(self.earlier[notebook])), "")
        self._visit(visit.workspace)
        prepared = Prepared(
            notebook, copied=visit.forcecopy, behind=visit.mode is Mode.CLASSROOM and notebook in self.behind
        )
        return Opening(workspace, prepared, f"notebooks/{quote(notebook)}")

    def place(self, id: WorkspaceId) -> Place:
        return self._places.get(id, Place(Phase.ASLEEP))

    async def wait(self, id: WorkspaceId, timeout: float) -> Place:
        try:
            async with asyncio.timeout(timeout):
                async for place in self.watch(id):
                    if place.phase in _ENDED:
                        return place
        except TimeoutError:
            pass
        return self.place(id)

    async def watch(self, id: WorkspaceId) -> AsyncIterator[Place]:
        while True:
            changed, place = self._changed, self.place(id)
            yield place
            if place.phase in _ENDED:
                return
            await changed.wait()

    def route(self, secret: str) -> Route | None:
        for id, run in self._runs.items():
            if run.secret == secret:
                return Route(self._workspaces[id], run, f"/run/{run.workspace}.sock", self.place(id))
        return None

    def touch(self, number: int) -> None:
        self.calls.append(("touch", number))

    async def wake(self, id: WorkspaceId) -> Place:
        self.calls.append(("wake", id))
        if self.refusal is not None:
            raise self.refusal
        if id not in self._workspaces:
            raise Refused("There is no such workspace.", status=404, reason="no-such-workspace")
        self._visit(id)
        return self.place(id)

    async def note_cookie(self, route: Route, kept: bool) -> Run:
        self.calls.append(("note_cookie", kept))
        run = replace(route.run, cookie_seen=kept, cookie_refused=not kept)
        self._runs[route.workspace.id] = run
        return run

    def _visit(self, id: WorkspaceId) -> None:
        if self.place(id).phase in (Phase.ASLEEP, Phase.FAILED):
            self.put(id, Phase.READY if self.ready_at_once else Phase.STARTING)

    def _ensure(self, id: WorkspaceId) -> Workspace:
        number = len(self._workspaces) + 1
        label = "abcdefghijklmnopqrstuvwx" + "22" if number == 1 else f"{'b' * 25}{'abcdefgh'[number]}"
        return self._workspaces.setdefault(id, Workspace(number, id, 100_000 + number, label))

    def _new_run(self, id: WorkspaceId) -> Run:
        self._starts += 1
        secret = f"secret-{self._starts:015d}"
        return Run(self._workspaces[id].number, secret, f"token-{self._starts}", "sha256:0", START)
