"""A whole cast of services over fakes, for stories."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from nbhostd.core.config import Config
from nbhostd.core.errors import Refused
from nbhostd.core.model import Course, CourseSettings, HostFacts, JupyterStatus, Mapping, Mode, Run, Visit
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.core.ports import Preparer
from nbhostd.services.classroom import Classroom
from nbhostd.services.clones import Clones
from nbhostd.services.finder import Finder
from nbhostd.services.mooc import Mooc
from nbhostd.services.reconcile import Reconciler
from nbhostd.services.removal import Removal
from nbhostd.services.scheduler import IdleRound
from nbhostd.services.starter import Starter
from nbhostd.services.tasks import KeyedLocks, Tasks
from nbhostd.services.workspaces import Workspaces
from tests.fakes.store import FakeStore
from tests.fakes.systemd import FakeSystemd
from tests.fakes.toolbox import FakeToolbox

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOMY = HostFacts(2, 8 << 30, 6 << 30, 50 << 30, 100 << 30)


@dataclass
class Clock:
    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - NOON).total_seconds()

    def later(self, **span: float) -> None:
        self.moment += timedelta(**span)


@dataclass
class Host:
    value: HostFacts = ROOMY

    def facts(self) -> HostFacts:
        return self.value


@dataclass
class Images:
    digests: dict[str, str] = field(default_factory=lambda: {"minimal": "sha256:1"})

    async def digest(self, image: str) -> str | None:
        return self.digests.get(image)

    async def unnamed(self) -> tuple[int, int]:
        return 0, 0

    async def named(self) -> list[tuple[str, str, int]]:
        return [(name, digest, 1) for name, digest in self.digests.items()]

    async def containers(self) -> list[tuple[str, str]]:
        return []

    async def tag(self, image: str, name: str) -> None:
        self.digests[name] = self.digests[image]

    async def untag(self, image: str) -> None:
        self.digests.pop(image, None)


@dataclass
class EnvFiles:
    written: dict[int, dict[str, str]] = field(default_factory=dict)

    def path(self, workspace: int) -> str:
        return f"/run/env/{workspace}"

    async def write(self, workspace: int, variables: Sequence[tuple[str, str]]) -> None:
        self.written[workspace] = dict(variables)


@dataclass
class Desk:
    """Files in memory: (workspace, path) -> how often copied."""

    files: dict[tuple[int, str], int] = field(default_factory=dict)

    async def prepare(
        self, workspace: int, uid: int, course: CourseName, *, notebook: NotebookPath | None,
        force: bool, links: Sequence[Mapping], aside: str | None = None,
    ) -> bool:  # fmt: skip
        if notebook is None or ((workspace, notebook) in self.files and not force):
            return False
        self.files[workspace, notebook] = self.files.get((workspace, notebook), 0) + 1
        return True

    async def reset(
        self, workspace: int, uid: int, course: CourseName, notebook: NotebookPath, *,
        links: Sequence[Mapping], aside: str,
    ) -> str | None:  # fmt: skip
        had = (workspace, notebook) in self.files
        await self.prepare(workspace, uid, course, notebook=notebook, force=True, links=links)
        return f"before-reset/{aside}" if had else None

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        return [(workspace, path) in self.files for path in paths]

    async def ages(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[float | None]:
        return [
            float(self.files[workspace, path]) if (workspace, path) in self.files else None for path in paths
        ]

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        return 0, 0

    async def delete(self, workspace: int, uid: int) -> None:
        self.files = {key: value for key, value in self.files.items() if key[0] != workspace}


@dataclass
class Courses:
    """Whatever courses the store has, each with the same two notebooks."""

    store: FakeStore
    notebooks: frozenset[str] = frozenset({"w1/a.md", "w1/b.ipynb"})

    async def get(self, name: CourseName) -> Course:
        course = await self.store.course(name)
        if course is None:
            raise Refused("There is no such course.", status=404, reason="no-such-course")
        return course

    async def settings(self, course: Course) -> CourseSettings:
        return CourseSettings()

    async def has(self, course: Course, path: NotebookPath) -> bool:
        return path in self.notebooks

    async def locate(
        self, course: Course, requested: NotebookPath, exists: Callable[[NotebookPath], Awaitable[bool]]
    ) -> NotebookPath | None:
        if requested in self.notebooks or await exists(requested):
            return requested
        return None


@dataclass
class Jupyter:
    status_of: dict[int, JupyterStatus] = field(default_factory=dict)

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        return self.status_of[workspace]


@dataclass
class Events:
    seen: list[tuple[str, str]] = field(default_factory=list)

    def record(self, now: datetime, workspace: WorkspaceId, event: str, notebook: str) -> None:
        self.seen.append((str(workspace), event))


class Cast:
    """Everybody introduced; `restart_daemon` forgets what was only in memory."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.clock, self.host, self.images, self.env_files = Clock(), Host(), Images(), EnvFiles()
        self.store, self.systemd = FakeStore(), FakeSystemd()
        self.desk, self.courses, self.jupyter, self.events = Desk(), Courses(self.store), Jupyter(), Events()
        self.toolbox = FakeToolbox()
        self._bytes = (number.to_bytes(16, "big") for number in itertools.count(1))
        self._begin()

    def _begin(self) -> None:
        self.tasks = Tasks()
        self.starter = Starter(
            self.config, "/run/nbh", self.store, self.systemd, self.images, self.env_files, self.clock,
            lambda count: next(self._bytes)[:count],
        )  # fmt: skip
        self.clones = Clones(self.toolbox, self.starter.image_digest, self.clock, lambda: "nb.example.org")
        self.classroom = Classroom(self.desk, self.store, self.clones)
        preparers: dict[Mode, Preparer] = {
            Mode.MOOC: Mooc(self.courses, self.desk, self.clock, self.toolbox, self.starter.image_digest),
            Mode.CLASSROOM: self.classroom,
        }
        self.workspaces = Workspaces(
            self.starter, self.courses, Finder(self.courses, self.desk), preparers, self.host, self.events,
            KeyedLocks(), self.tasks,
        )  # fmt: skip
        self.removal = Removal(self.workspaces, self.desk)
        self.reconciler = Reconciler(self.workspaces, self.courses)
        self.idle_round = IdleRound(self.workspaces, self.jupyter, lambda number: 0)

    async def add_course(self, name: str) -> None:
        await self.store.create_course(CourseName(name), "https://git.example.org/c", None, "minimal", NOON)

    async def restart_daemon(self) -> None:
        await self.tasks.close()
        self.systemd._callbacks.clear()
        self._begin()
        await self.reconciler.load()
        await self.reconciler.reconcile()
        await self.reconciler.tend_sockets()

    async def open(self, workspace: str, notebook: str = "w1/a.md", **visit: bool) -> None:
        await self.workspaces.open(visit_of(workspace, notebook, **visit))

    async def opened(self, workspace: str) -> Run:
        """Open and wait until Jupyter answers."""
        await self.open(workspace)
        place = await self.workspaces.wait(WorkspaceId.parse(workspace), 5)
        assert place.run is not None, place
        return place.run

    async def settle(self) -> None:
        """Let every background task come to its end."""
        while self.tasks._running:
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*self.tasks._running, return_exceptions=True)

    def store_run(self) -> Run:
        (run,) = self.store._runs.values()
        return run

    def set_memory(self, available: int) -> None:
        self.host.value = replace(self.host.value, memory_available=available)


def visit_of(workspace: str, notebook: str = "w1/a.md", *, forcecopy: bool = False) -> Visit:
    return Visit(WorkspaceId.parse(workspace), NotebookPath.parse(notebook), forcecopy=forcecopy)
