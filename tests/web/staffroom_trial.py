"""The rooms about students and drop areas on a site with people of every role, over the real services and a desk on plain files.

async with staffroom_trial(tmp_path) as room:
    await room.opened("student")
    teacher = await room.trial.browser("teacher")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nbhostd.adapters.dropfiles import DropDirectory
from nbhostd.adapters.measurements import SqliteMeasurements
from nbhostd.adapters.sharefiles import ShareDirectory
from nbhostd.adapters.shares import SqliteShares
from nbhostd.adapters.uploads import UploadDirectory
from nbhostd.core.model import Mode, ToolOutcome, Workspace
from nbhostd.core.names import NotebookPath, StudentName, WorkspaceId
from nbhostd.services.census import Census
from nbhostd.services.dropareas import DropAreas as DropAreasService
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import JobBook
from nbhostd.services.looks import Looks as LooksService
from nbhostd.services.rendering import Rendering
from nbhostd.services.roll import Roll
from nbhostd.services.shares import Shares
from nbhostd.services.starter import new_label
from nbhostd.services.students import Students as StudentsService
from nbhostd.services.usage import Usage
from nbhostd.web.app import Mountable
from nbhostd.web.dropareas import DropAreas
from nbhostd.web.droppages import DropPages
from nbhostd.web.looks import Looks
from nbhostd.web.studentpages import StudentPages
from nbhostd.web.students import Students
from tests.fakes.desk import FakeHandingDesk
from tests.fakes.git import FakeGit
from tests.fakes.students import FakeActivities
from tests.services.cast import Cast, Courses
from tests.services.test_courses import Log
from tests.web.site_trial import COURSE, PUBLIC, SiteTrial, site_trial
from tests.web.trial import DOMAIN

TREE = {"w1/a.md": "# new a", "w1/b.ipynb": "{}"}


@dataclass(frozen=True)
class Server:
    public_url: str = PUBLIC
    workspace_domain: str = DOMAIN


class Past:
    async def last_visits(self) -> dict[WorkspaceId, object]:
        return {}


class Staffroom(Cast):
    """Everything behind the rooms."""

    def __init__(self, trial: SiteTrial, state: Path) -> None:
        super().__init__()
        self.trial, self.state, self.server = trial, state, Server()
        self.store: Any = trial.store
        self.desk: Any = FakeHandingDesk(state)
        self.courses = Courses(cast(Any, trial.store))
        self.toolbox.tools["render"] = lambda task: ToolOutcome(0, b"<!doctype html><h1>look</h1>")
        self._begin()
        self.log, self.git, self.past = Log(), FakeGit(), FakeActivities()
        self.book = JobBook(self.store, self.log, self.clock)
        database = self.store.database
        self.measurements = SqliteMeasurements(database)
        self.roll = Roll(self.store, trial.people, self.clock, self._label)
        census = Census(self.workspaces, self.courses, self.git, self.desk, Past(), self.measurements)  # type: ignore[arg-type]
        rendering = Rendering(self.workspaces, self.courses, self.toolbox)
        self.shares = Shares(
            self.workspaces, SqliteShares(database), ShareDirectory(state / "shares"), rendering
        )
        self.looks = LooksService(
            self.store, rendering, ShareDirectory(state / "looks"), self.clock,
            lambda count: next(self._bytes)[:count], self.tasks,
        )  # fmt: skip
        self.students = StudentsService(
            self.roll, self.workspaces, census, Usage(self.jupyter, lambda number: 0), self.desk, self.measurements,
            self.past, self.book, lambda number: 0,
        )  # fmt: skip
        self.dropareas = DropAreasService(
            self.courses, DropDirectory(state / "droparea"), self.desk, self.book, self.clock, self.roll,
            self.workspaces.locked,
        )  # fmt: skip
        self._introduce()

    def _label(self) -> str:
        return new_label(lambda count: next(self._bytes)[:count])

    def _introduce(self) -> None:
        site, errands = self.trial.site, Errands(self.tasks)
        students, dropareas = (
            Students(self.students, self.shares, errands),
            DropAreas(self.dropareas, errands),
        )
        looks = Looks(site, self.trial.pages, self.looks, lambda: self.server, patience=1.0)
        self.operations = [*students.operations(), *dropareas.operations(), *looks.operations()]
        self.uploads = UploadDirectory(self.state / "uploads")
        self.rooms: list[Mountable] = [
            StudentPages(site, students, lambda: self.server.public_url), looks,
            DropPages(site, dropareas, self.trial.operations, self.roll, self.uploads),
        ]  # fmt: skip

    async def begin(self) -> None:
        """The course's published tree."""
        tree = self.state / "courses" / COURSE / "public" / "c0ffee"
        for path, text in TREE.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        (tree.parent / "current").symlink_to("c0ffee")
        self.git.upstream("https://git.test/c", "main", {path: text.encode() for path, text in TREE.items()})
        await self.git.export(COURSE, await self.git.fetch(COURSE, "https://git.test/c", None, print), print)

    async def resident(self, name: str, **files: str) -> Workspace:
        """Somebody with a workspace in the course, and these files in it ('w1/n.md' is written w1__n_md)."""
        id = WorkspaceId(COURSE, StudentName(name))
        workspace: Workspace = await self.store.ensure_workspace(
            id, Mode.MOOC, self._label(), self.clock.now()
        )
        for spelled, text in files.items():
            self.plant(workspace, spelled.replace("__", "/").replace("_", "."), text)
        return workspace

    def plant(self, workspace: Workspace, path: str, text: str) -> Path:
        """A file of a student's."""
        file = self.space(workspace) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def space(self, workspace: Workspace) -> Path:
        """A student's directory."""
        return self.state / "workspaces" / str(workspace.number)

    async def share(self, name: str, notebook: str) -> str:
        """A static version; its token."""
        share = await self.shares.share(WorkspaceId(COURSE, StudentName(name)), NotebookPath(notebook))
        return share.token


@asynccontextmanager
async def staffroom_trial(tmp_path: Path) -> AsyncIterator[Staffroom]:
    """The site, its people, and the rooms."""
    made: list[Staffroom] = []

    def operations(trial: SiteTrial) -> Sequence[Any]:
        made.append(Staffroom(trial, tmp_path))
        return made[0].operations

    async with site_trial(tmp_path, rooms=lambda trial: made[0].rooms, operations=operations):
        await made[0].begin()
        yield made[0]
        await made[0].settle()
        await made[0].tasks.close()
