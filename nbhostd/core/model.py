"""The nouns that services speak of: plain, frozen values, as the store keeps them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId


@dataclass(frozen=True, slots=True)
class Course:
    """A course as the administrator described it. `number` is never re-used; `commit`: the published one, hex."""

    number: int
    name: CourseName
    git_url: str
    branch: str | None
    image: str
    autopull: bool = False
    archived: bool = False
    commit: str | None = None
    pulled_at: datetime | None = None
    autobuild: bool = False
    """Its static sites are built again after a pull that brought something new."""
    public_builds: bool = True
    """Its static sites are for everybody; else for those who come with a signed address."""


@dataclass(frozen=True, slots=True)
class CourseDirectory:
    """A directory that the service keeps under a course's name; `size` in bytes on disk."""

    kind: str
    """'courses', 'sites', 'droparea' or 'local'."""
    path: str
    size: int
    files: int
    kept: bool = False
    """It is the administrator's: nothing of ours removes it."""


@dataclass(frozen=True, slots=True)
class Student:
    """A person's identity on this host: `uid` is the number inside the containers (>= 100000), never re-used."""

    uid: int
    name: StudentName


class Mode(enum.StrEnum):
    """How a workspace gets its content."""

    MOOC = "mooc"
    CLASSROOM = "classroom"


class Intent(enum.StrEnum):
    """What was last wanted of a workspace; systemd alone knows what runs."""

    COLD = "cold"
    ARMED = "armed"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A (student, course) pair that exists. `number` names its units, socket and directory."""

    number: int
    id: WorkspaceId
    uid: int
    label: str
    """The constant, opaque DNS label of its own origin: 26 characters of a-z2-7."""
    mode: Mode = Mode.MOOC
    intent: Intent = Intent.COLD
    armed_spec: str = ""
    """Digest of the unit description that the armed socket was made from."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One life of a workspace's container: its capability and what admits to it."""

    workspace: int
    secret: str
    """128 random bits as 22 characters of URL-safe base64: the path /w/<secret>/."""
    token: str
    """What the proxy sends to Jupyter, and nobody else knows."""
    image: str
    started_at: datetime
    cookie_seen: bool = False
    cookie_refused: bool = False
    """Some browser came in without keeping the cookie: from then on the cookie cannot be required."""

    @property
    def base_url(self) -> str:
        """Jupyter's base_url, '/w/<secret>/'."""
        return f"/w/{self.secret}/"

    @property
    def cookie_required(self) -> bool:
        """Whether a request without the cookie is refused."""
        return self.cookie_seen and not self.cookie_refused


class Earlier(enum.StrEnum):
    """What a student wants who worked on a notebook under its earlier suffix (n.ipynb became n.md)."""

    ASK = "ask"
    """Not asked yet: nothing is copied, the opening says what there is."""
    CONVERT = "convert"
    """Go on with the own work, converted to the new suffix; the earlier file stays."""
    NEW = "new"
    """Begin with the course's new version; the earlier file stays."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A person opening a notebook, or with `page` another page of Jupyter ('lab/tree/w1').

    `forcecopy` resets the notebook to the course's original first.
    """

    workspace: WorkspaceId
    notebook: NotebookPath | None
    mode: Mode = Mode.MOOC
    forcecopy: bool = False
    page: str = ""
    earlier: Earlier = Earlier.ASK


class UnitState(enum.StrEnum):
    """systemd's ActiveState of a unit, and ABSENT for a unit that is not loaded."""

    ABSENT = "absent"
    INACTIVE = "inactive"
    ACTIVATING = "activating"
    ACTIVE = "active"
    DEACTIVATING = "deactivating"
    FAILED = "failed"
    RELOADING = "reloading"


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """What systemd says of one unit. Memory in bytes, CPU in nanoseconds; None = not accounted."""

    name: str
    state: UnitState
    sub_state: str = ""
    result: str = ""
    """'success', 'exit-code', 'oom-kill', 'timeout', … as in systemd.service(5)."""
    active_since: datetime | None = None
    memory: int | None = None
    cpu: int | None = None
    tasks: int | None = None
    main_status: int = 0
    control_group: str = ""
    """Its path below the file system of control groups; '' when it has none."""


@dataclass(frozen=True, slots=True)
class JupyterStatus:
    """What one Jupyter server says of itself."""

    kernels: int
    busy_kernels: int
    connections: int
    last_activity: datetime | None
    """None = it could not say, which is not the same as idle."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A static mapping: a link named `source` beside each opened notebook, to `destination` in the course's tree."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Section:
    """Part of a track: notebooks in reading order."""

    name: str
    notebooks: tuple[NotebookPath, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """One way through a course."""

    id: str
    name: str
    description: str
    sections: tuple[Section, ...]
    origin: str = field(default="", compare=False)
    """The file that says it; '' for the one that is made of the directories."""


@dataclass(frozen=True, slots=True)
class Build:
    """A static site that a course's script makes of it, as the course describes it."""

    name: str
    id: str
    description: str = ""
    script: str = ""
    directory: str = "."
    result_folder: str = "_build/html"
    entry_point: str = "index.html"
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class CourseSettings:
    """What a course's repository says of itself (nbhosting.yaml layers), read at one commit."""

    notebook_url_format: str = "notebooks/{notebook}"
    static_mappings: tuple[Mapping, ...] = ()
    tracks: tuple[Track, ...] = ()
    builds: tuple[Build, ...] = ()
    warnings: tuple[str, ...] = ()
    """Faults found in the files, each 'file:line: sentence': reported, never fatal."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A command to run as a transient user service. `argv[0]` is an absolute path; `timeout` in seconds."""

    kind: str
    subject: str
    argv: tuple[str, ...]
    timeout: float
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str | None = None
    output: str | None = None
    """A file (absolute, of the service user) that takes standard output; else it goes to the log with standard error."""


class JobState(enum.StrEnum):
    """The life of a job."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The daemon or the machine died under it, and nobody knows how it ended."""


@dataclass(frozen=True, slots=True)
class Job:
    """A build or pull that somebody may want to follow."""

    number: int
    kind: str
    subject: str
    state: JobState
    started_at: datetime
    ended_at: datetime | None = None
    message: str = ""
    begun_by: str = ""
    """The account that began it, 'root' for nbhostctl, '' for nbhostd itself."""


@dataclass(frozen=True, slots=True)
class Site:
    """The latest attempt at making a static site of one commit of a course."""

    course: int
    """The course's number."""
    build: str
    commit: str
    job: int
    state: JobState
    built_at: datetime


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host is made of, for admission and `nbhostctl check`. Memory and disk in bytes; pressure in percent (avg10)."""

    cores: int
    memory_total: int
    memory_available: int
    disk_free: int
    disk_total: int
    cpu_pressure: float | None = None
    memory_pressure: float | None = None
    extra: dict[str, str] = field(default_factory=dict)


class Phase(enum.StrEnum):
    """Where a student who wants a workspace stands."""

    ASLEEP = "asleep"
    QUEUED = "queued"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """A phase, its position in the queue (1 = next, 0 = not queued) and its reason, a stable word."""

    phase: Phase
    position: int = 0
    reason: str = ""
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done to a workspace's files for a visit; `notebook` is None when another page of Jupyter was wanted."""

    notebook: NotebookPath | None
    copied: bool = False
    earlier: NotebookPath | None = None
    """The student's own file under an earlier suffix: nothing was done yet, the student chooses first."""
    behind: bool = False
    """The course has this notebook, the student's clone does not yet: a pull would bring it."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What became of a visit: its files, and where Jupyter shows them."""

    workspace: Workspace
    prepared: Prepared
    notebook_url: str
    """Relative to base_url, quoted: 'notebooks/w1/n.md'."""

    @property
    def notebook(self) -> NotebookPath | None:
        """The notebook as it is really called."""
        return self.prepared.notebook


@dataclass(frozen=True, slots=True)
class ToolTask:
    """A program of ours (images/toolbox/<tool>.py) to run in a throw-away container without network, as the student.

    It sees the workspace at /home/jovyan/work (writable), the course at /srv/course, the mirror at /srv/course.git.
    `request` is what it reads as JSON on its command line; `uid` is the number inside the container.
    """

    tool: str
    course: CourseName
    image: str
    """Digest 'sha256:…' of the image that it runs in, the course's."""
    workspace: int
    uid: int
    request: dict[str, object] = field(default_factory=dict)
    timeout: float = 120.0
    hurried: bool = False
    """A person waits for it: it runs at once and at a workspace's weight, not behind the batch work."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """How a tool ended: exit status, what it wrote to standard output, and the last lines of its standard error."""

    status: int
    output: bytes
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A static version of a student's notebook, under an unguessable address."""

    token: str
    workspace: WorkspaceId
    notebook: NotebookPath
    shared_at: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """Where the proxy finds the server behind a secret."""

    workspace: Workspace
    run: Run
    socket_path: str
    place: Place
