"""What services ask of the outside world: Protocols that adapters, and the tests' fakes, satisfy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Protocol

from nbhostd.core.model import (
    Course,
    CourseSettings,
    HostFacts,
    Intent,
    Job,
    JobSpec,
    JobState,
    JupyterStatus,
    Mapping,
    Mode,
    Prepared,
    Run,
    Site,
    Student,
    ToolOutcome,
    ToolTask,
    UnitStatus,
    Visit,
    Workspace,
)
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.unitspec import SocketServiceSpec


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Systemd(Protocol):
    """The user manager of the service user. Raises WorldError when it cannot be asked."""

    async def arm(self, spec: SocketServiceSpec) -> None:
        """Create the transient socket with its service; being there already is success."""

    async def start(self, unit: str, *, timeout: float) -> None:
        """Start a loaded unit and return when its job is done; raises WorldError (with the job's result) when it failed."""

    async def stop(self, unit: str, *, timeout: float) -> None:
        """Stop a unit and return when it has stopped; not being there is success."""

    async def reset_failed(self, unit: str) -> None:
        """Forget that a unit failed; not being there is success."""

    async def list_units(self, patterns: Sequence[str]) -> list[UnitStatus]:
        """Every loaded unit whose name matches one of the glob patterns (state only, no accounting)."""

    async def status(self, unit: str) -> UnitStatus:
        """All that is known of one unit, accounting included; ABSENT when not loaded."""

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call `callback(unit name)` whenever a unit matching nbh* changed state or vanished, or with '' after a reconnect."""


class Jobs(Protocol):
    """Commands as transient services, their output line by line."""

    async def run(self, number: int, spec: JobSpec, on_line: Callable[[str], None]) -> JobState:
        """Run to the end, feeding complete lines of output; the state it ended in."""

    async def attach(self, number: int, on_line: Callable[[str], None]) -> JobState:
        """Follow a job that an earlier daemon left, from its first line; LOST when nobody knows how it ended."""

    async def cancel(self, number: int) -> None:
        """Stop the job's unit; `run` then returns CANCELLED."""


class Desk(Protocol):
    """Whoever touches students' files, as the student. Paths are relative and never lead out of the workspace."""

    async def prepare(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        *,
        notebook: NotebookPath | None,
        force: bool,
        links: Sequence[Mapping],
        aside: str | None = None,
    ) -> bool:
        """Make the workspace directory (0700, the student's); copy `notebook` from the course's current tree if missing
        or `force`; (re)make the static links beside it. True when the notebook was copied.

        Links are `<dir of notebook>/<source> -> /home/jovyan/static/<destination>`.
        Raises Refused(404) when the course has no such notebook, WorldError on a full disk or the like.
        """

    async def reset(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        notebook: NotebookPath,
        *,
        links: Sequence[Mapping],
        aside: str,
    ) -> str | None:
        """Put the course's notebook in the place of the student's; where the student's is now, None when there was none.

        The name of what is kept has `aside` in it, and is in a folder that Jupyter's file list shows. Raises as `prepare`.
        """

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        """Which of these are regular files in the workspace (False when there is no workspace yet)."""

    async def ages(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[float | None]:
        """When each of these few was last changed (seconds since the epoch), None for what is no regular file."""

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        """(bytes used on disk, number of files)."""

    async def delete(self, workspace: int, uid: int) -> None:
        """Remove the workspace directory whole; not being there is success."""


class Toolbox(Protocol):
    """Whatever interprets students' data, each time in a container of its own under the student's uid."""

    async def run(self, task: ToolTask) -> ToolOutcome:
        """Run to the end. Raises WorldError when it cannot be run or takes too long, NotNow when too many wait.

        A tool that ends with another status than 0 raises nothing: the outcome says it.
        """


class LocalFiles(Protocol):
    """What the administrator lays over a course: <state>/local/<course>/."""

    async def read(self, course: CourseName, name: str, *, limit: int = 1 << 20) -> bytes | None:
        """The first `limit` bytes of a file, or None when there is none."""

    def path(self, course: CourseName, name: str) -> str | None:
        """Where a file or directory of that name is, absolute, or None."""

    def version(self, course: CourseName, name: str) -> str:
        """Differs whenever the file does; '' when there is none. Cheap."""


class Preparer(Protocol):
    """One way of giving a workspace its content (services/mooc.py, services/classroom.py)."""

    async def prepare(
        self, course: Course, visit: Visit, notebook: NotebookPath | None, workspace: Workspace
    ) -> Prepared:
        """Make the files ready, under the workspace's lock. Raises Refused, WorldError, NotNow."""


class CourseShelf(Protocol):
    """What opening a notebook asks of the courses (services/courses.py)."""

    async def get(self, name: CourseName) -> Course:
        """The course. Raises Refused(404)."""

    async def settings(self, course: Course) -> CourseSettings:
        """What the course's repository says of itself, at the published commit."""

    async def has(self, course: Course, path: NotebookPath) -> bool:
        """Whether the published tree has this very file."""

    async def locate(
        self, course: Course, requested: NotebookPath, exists: Callable[[NotebookPath], Awaitable[bool]]
    ) -> NotebookPath | None:
        """The notebook that a launch means, in the course or where `exists` says so, or None."""


class EnvFiles(Protocol):
    """The secrets that a container is started with: files that only the service user reads."""

    def path(self, workspace: int) -> str:
        """Where the file of a workspace is, whether or not it exists."""

    async def write(self, workspace: int, variables: Sequence[tuple[str, str]]) -> None:
        """Replace the file whole. Raises WorldError when it cannot be written."""


class Jupyter(Protocol):
    """A running Jupyter server, asked through its socket."""

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        """Kernels and connections. Raises WorldError when it does not answer."""


class Git(Protocol):
    """The mirrors of courses' repositories and the trees exported from them (blocking work runs in threads)."""

    async def fetch(
        self, course: CourseName, url: str, branch: str | None, on_line: Callable[[str], None]
    ) -> str:
        """Clone or fetch the mirror; the branch's commit (hex). Raises Refused (bad URL, no such branch) or WorldError."""

    async def export(self, course: CourseName, commit: str, on_line: Callable[[str], None]) -> None:
        """Write the immutable tree of a commit and make it `current`, atomically. Exporting twice is success."""

    async def changes(self, course: CourseName, old: str, new: str) -> int | None:
        """How many files differ between two commits; None when one of them is gone."""

    async def files(self, course: CourseName) -> frozenset[str]:
        """Paths of all regular files of the current tree (empty when none)."""

    async def read(self, course: CourseName, path: str, *, limit: int = 1 << 20) -> bytes | None:
        """A file of the current tree, or None."""

    async def prune(self, course: CourseName, keep: Iterable[str]) -> None:
        """Remove exported trees of other commits than `keep`."""

    async def delete(self, course: CourseName) -> None:
        """Remove mirror and trees; not being there is success."""


class Images(Protocol):
    """What images there are (through podman's API socket)."""

    async def digest(self, image: str) -> str | None:
        """The image's id 'sha256:…' for a name, or None when it does not exist."""

    async def named(self) -> list[tuple[str, str, int]]:
        """(name, id, size in bytes) of every named image."""

    async def unnamed(self) -> tuple[int, int]:
        """(how many, bytes) of the images that have lost their name: at most so much, they share parts with others."""

    async def containers(self) -> list[tuple[str, str]]:
        """(name, state) of every container that podman knows."""

    async def tag(self, image: str, name: str) -> None:
        """Give an image one more name; one that had it before loses it. Raises WorldError when there is no such image."""

    async def untag(self, image: str) -> None:
        """Take a name from its image, and the image away when it has no other; not being there is success."""


class Host(Protocol):
    """Facts about this machine."""

    def facts(self) -> HostFacts:
        """Measured now; cheap."""


class Store(Protocol):
    """The intents, identities and runs in SQLite. Readers see committed data only; every write is durable when it returns."""

    # courses
    async def courses(self) -> list[Course]: ...
    async def course(self, name: CourseName) -> Course | None: ...
    async def create_course(
        self, name: CourseName, git_url: str, branch: str | None, image: str, now: datetime
    ) -> Course:
        """Raises Refused(409) when the name is taken."""

    async def update_course(self, course: Course) -> None: ...
    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        """Raises Refused(409) when the new name is taken."""

    async def delete_course(self, name: CourseName) -> None: ...

    # students and workspaces
    async def student(self, name: StudentName) -> Student | None: ...
    async def ensure_workspace(self, id: WorkspaceId, mode: Mode, label: str, now: datetime) -> Workspace:
        """The workspace, made with its student (and a fresh uid) when new; idempotent."""

    async def workspace(self, id: WorkspaceId) -> Workspace | None: ...
    async def workspace_by_number(self, number: int) -> Workspace | None: ...
    async def workspaces(
        self, course: CourseName | None = None, *, intent: Intent | None = None
    ) -> list[Workspace]: ...
    async def set_intent(self, number: int, intent: Intent, armed_spec: str) -> None: ...
    async def set_mode(self, number: int, mode: Mode) -> None:
        """CLASSROOM is written down once the workspace is a clone."""

    async def delete_workspace(self, number: int) -> None: ...

    # runs
    async def put_run(self, run: Run) -> None:
        """Replace the workspace's current run."""

    async def run_by_secret(self, secret: str) -> tuple[Workspace, Run] | None: ...
    async def run_of(self, workspace: int) -> Run | None: ...
    async def runs(self) -> list[Run]: ...

    # launches
    async def use_nonce(self, nonce: str, expires: datetime, now: datetime) -> bool:
        """True the first time; False when the nonce was used before. Forgets nonces that have expired."""

    # jobs
    async def create_job(self, kind: str, subject: str, now: datetime, begun_by: str = "") -> Job: ...
    async def end_job(self, number: int, state: JobState, message: str, now: datetime) -> None: ...
    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]:
        """The latest jobs (about a course), newest first."""

    async def job(self, number: int) -> Job | None: ...


class Sites(Protocol):
    """Which static sites were made, or tried."""

    async def put(self, site: Site) -> None:
        """Remember an attempt, in place of an earlier one at the same commit."""

    async def of_course(self, course: int) -> list[Site]:
        """All attempts that are remembered, the latest first."""

    async def by_job(self, job: int) -> Site | None: ...
    async def forget(self, course: int, build: str, commits: Iterable[str]) -> None: ...


class SiteFiles(Protocol):
    """The static sites' files: a tree per commit, and `latest`, swapped atomically."""

    def output(self, job: int) -> str:
        """Where a job is to write the archive, absolute; the directory is there."""

    async def publish(self, course: CourseName, build: str, commit: str, job: int) -> int:
        """Unpack the job's archive as the tree of a commit and make it `latest`; how many files.

        Raises WorldError, with a sentence for the teacher, when it is no archive or too large; NotNow on a full disk.
        """

    async def discard(self, job: int) -> None:
        """Remove a job's archive; not being there is success."""

    async def latest(self, course: CourseName, build: str) -> str | None:
        """The commit that `latest` shows, or None."""

    async def prune(self, course: CourseName, keep: dict[str, list[str]]) -> None:
        """Remove the trees of a course but, for each build, those of these commits and `latest`."""

    async def find(self, course: CourseName, build: str, version: str, path: str) -> tuple[str, bool] | None:
        """What a path means in a site ("latest" or a commit): (absolute path, whether it is a directory), or None.

        Never anything outside of that site.
        """


class Statistics(Protocol):
    """Events, in a file of their own so that a flood of them slows no launch."""

    def record(self, now: datetime, workspace: WorkspaceId, event: str, notebook: str) -> None:
        """Queue one event; never raises, never blocks.

        Of a notebook: 'open', 'reset', 'share', 'restore', 'convert'. Of a workspace: 'start', 'stop', 'fail', 'pull'.
        """


class Locks(Protocol):
    """One story at a time per key."""

    def __call__(self, key: str) -> AbstractAsyncContextManager[None]: ...


class JobLog(Protocol):
    """Where a job's lines are kept."""

    def append(self, number: int, line: str) -> None:
        """Write one line. Raises WorldError when the disk says no."""

    def keep(self, number: int, result: str) -> None:
        """Keep what came of a job, a text, beside its lines. Raises WorldError when the disk says no."""

    def live(self, number: int) -> AbstractContextManager[None]:
        """For as long as this is entered, followers of the log wait for more."""


class LogReader(Protocol):
    """A job's log, live."""

    def follow(self, number: int) -> AsyncIterator[str]:
        """Lines from the beginning until the job has ended."""
