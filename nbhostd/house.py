"""The house: every service and room of the web floor, introduced to whom they speak to. Decides nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from nbhostd import __version__
from nbhostd.adapters.catalogs import SqliteCatalogs
from nbhostd.adapters.cgroups import ControlGroups
from nbhostd.adapters.counts import LinuxGauges, SqliteCounts
from nbhostd.adapters.coursedirs import CourseDirectories
from nbhostd.adapters.desk import SocketDesk
from nbhostd.adapters.dropfiles import DropDirectory
from nbhostd.adapters.envfiles import EnvFileDirectory
from nbhostd.adapters.figures import SqliteSums
from nbhostd.adapters.git import Mirrors
from nbhostd.adapters.gitversions import MirrorHistories
from nbhostd.adapters.host import LinuxHost
from nbhostd.adapters.imports import SqliteImports, SqlitePastEvents
from nbhostd.adapters.jobs import UnitJobRunner
from nbhostd.adapters.jupyter import SocketJupyter
from nbhostd.adapters.localfiles import LocalDirectory
from nbhostd.adapters.measurements import SqliteMeasurements
from nbhostd.adapters.notebooks import TreeNotebooks
from nbhostd.adapters.podman import PodmanImages
from nbhostd.adapters.sharefiles import ShareDirectory
from nbhostd.adapters.shares import SqliteShares
from nbhostd.adapters.sitefiles import SiteDirectory
from nbhostd.adapters.sites import SqliteSites
from nbhostd.adapters.snapshots import DatabaseSnapshots
from nbhostd.adapters.stage import RestoreStage
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.adapters.systemd import Systemd
from nbhostd.adapters.toolbox import PodmanToolbox
from nbhostd.adapters.uploads import UploadDirectory
from nbhostd.adapters.zones import find_zone
from nbhostd.core.access import Keyring
from nbhostd.core.checks import Finding, findings
from nbhostd.core.config import Config
from nbhostd.core.model import Mode
from nbhostd.core.ports import Clock, Preparer
from nbhostd.dashboard import Dashboard
from nbhostd.monitors import Monitors
from nbhostd.services.backup import Backup
from nbhostd.services.catalog import Catalog
from nbhostd.services.census import Census
from nbhostd.services.classroom import Classroom
from nbhostd.services.clones import Clones
from nbhostd.services.counting import Counting
from nbhostd.services.courses import Courses
from nbhostd.services.dropareas import DropAreas
from nbhostd.services.figures import Figures
from nbhostd.services.finder import Finder
from nbhostd.services.images import ImageBuilder
from nbhostd.services.inside import Inside
from nbhostd.services.jobbook import JobBook
from nbhostd.services.lessons import Lessons
from nbhostd.services.looks import Looks
from nbhostd.services.mooc import Mooc
from nbhostd.services.progress import Progress
from nbhostd.services.pulling import Pulling
from nbhostd.services.recipes import Recipes
from nbhostd.services.reconcile import Reconciler
from nbhostd.services.removal import Removal
from nbhostd.services.rendering import Rendering
from nbhostd.services.restore import Restore
from nbhostd.services.roll import Roll
from nbhostd.services.rollout import Rollout
from nbhostd.services.scheduler import IdleRound
from nbhostd.services.shares import Shares
from nbhostd.services.sites import Sites, World
from nbhostd.services.starter import Starter, new_label
from nbhostd.services.status import Status
from nbhostd.services.students import Students
from nbhostd.services.takeover import Takeover
from nbhostd.services.tasks import KeyedLocks, Tasks
from nbhostd.services.upkeep import Upkeep
from nbhostd.services.usage import Usage
from nbhostd.services.workspaces import Workspaces
from nbhostd.web.app import Context, Floor, Mountable, WebSettings
from nbhostd.web.behind import Behind
from nbhostd.web.control import ControlContext, Room, create_control_app
from nbhostd.web.control_backup import BackupControl
from nbhostd.web.control_catalog import CatalogControl
from nbhostd.web.control_classroom import ClassroomControl
from nbhostd.web.control_dropareas import DropAreasControl
from nbhostd.web.control_import import ImportControl
from nbhostd.web.control_rollout import RolloutControl
from nbhostd.web.control_shares import SharesControl
from nbhostd.web.control_sites import SitesControl
from nbhostd.web.control_statistics import StatisticsControl
from nbhostd.web.control_upkeep import UpkeepControl
from nbhostd.web.earlier import EarlierWork
from nbhostd.web.inside import InsideRoom
from nbhostd.web.inside_gate import InsideGate
from nbhostd.web.inside_pull import InsidePull
from nbhostd.web.pages import Pages
from nbhostd.web.proxy import Proxy
from nbhostd.web.proxy_guard import ProxySettings
from nbhostd.web.shares import InsideShare, Shared
from nbhostd.web.sites import SitesRoom

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_IMAGE_INDEX = ".local/share/containers/storage/overlay-images/images.json"


def _no_credential(_name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the house stands on; `config` and `keyring` are the present ones, a reload may change them."""

    config: Callable[[], Config]
    keyring: Callable[[], Keyring]
    runtime: Path
    store: SqliteStore
    statistics: SqliteStatistics
    systemd: Systemd
    clock: Clock
    tasks: Tasks
    closing: AsyncExitStack
    stage: RestoreStage
    leave: Callable[[], None]
    """Ends the daemon, which systemd then starts again."""
    credential: Callable[[str], str] = _no_credential
    """What systemd hands over by that name, or ''."""


class House:
    """Everybody introduced to everybody."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.config, self.keyring = ground.config, ground.keyring
        self.clock, self.store, self.tasks = ground.clock, ground.store, ground.tasks
        self.closing, self.credential = ground.closing, ground.credential
        self.statistics = ground.statistics
        self.dashboard = Dashboard(self)
        self._introduce_world()
        self._introduce_services()
        self._introduce_shares()
        self._introduce_catalog()
        self._introduce_sites()
        self._introduce_handouts()
        self._introduce_figures()
        self._introduce_backup()
        self._introduce_web()

    def _introduce_world(self) -> None:
        ground = self._ground
        state = Path(self.config().paths.state)
        self.runtime = ground.runtime / "nbhostd"
        self.host = LinuxHost(state)
        self.monitors = Monitors(self, ground)
        self.jobs = UnitJobRunner(ground.systemd, state / "jobs")
        self.podman = PodmanImages(ground.runtime / "podman" / "podman.sock", state / _IMAGE_INDEX)
        self.git = Mirrors(state / "courses", home=state)
        ground.closing.push_async_callback(self.git.close)
        self.local = LocalDirectory(state / "local")
        self.course_dirs = CourseDirectories(state)
        self.desk = SocketDesk(self.runtime / "desk.sock")
        self.env_files = EnvFileDirectory(self.runtime)
        self.toolbox = PodmanToolbox(ground.systemd, self.config, state / "tools")

    def _introduce_services(self) -> None:
        ground, locks = self._ground, KeyedLocks()
        self.book = JobBook(self.store, self.jobs.logs, self.clock)
        self.courses = Courses(
            self.store, self.git, self.local, self.book, locks, self.clock,
            default_image=lambda: self.config().courses.default_image,
        )  # fmt: skip
        recipes = Recipes(self.git, self.local, self.config)
        self.builder = ImageBuilder(self.podman, self.jobs, self.book, self.courses, recipes, self.config)
        self.courses.on_delete(self.builder.forget)
        starter = Starter(
            self.config(), str(self.runtime), self.store, ground.systemd, self.podman, self.env_files,
            self.clock, secrets.token_bytes, self.local,
        )  # fmt: skip
        clones = Clones(
            self.toolbox, starter.image_digest, self.clock,
            lambda: urlsplit(self.config().server.public_url).hostname or "localhost",
        )  # fmt: skip
        classroom = Classroom(self.desk, self.store, clones)
        preparers: dict[Mode, Preparer] = {
            Mode.MOOC: Mooc(self.courses, self.desk, self.clock, self.toolbox, starter.image_digest),
            Mode.CLASSROOM: classroom,
        }
        self.workspaces = Workspaces(
            starter, self.courses, Finder(self.courses, self.desk), preparers, self.host, self.monitors.statistics, locks,
            ground.tasks,
        )  # fmt: skip
        self.inside = Inside(
            self.workspaces, self.courses, self.desk, ControlGroups(), self.monitors.statistics
        )
        self.pulling = Pulling(self.store, self.courses, self.workspaces, clones, classroom, self.book)
        self.removal = Removal(self.workspaces, self.desk)
        self.upkeep = Upkeep(
            self.workspaces, self.courses, self.course_dirs, self.podman, ground.statistics,
            self.removal.delete_of_course,
        )  # fmt: skip
        self.measurements = SqliteMeasurements(self.store.database)
        self.census = Census(
            self.workspaces, self.courses, self.git, self.desk, ground.statistics, self.measurements
        )
        self.reconciler = Reconciler(self.workspaces, self.courses)

    def _introduce_shares(self) -> None:
        """What of a student's files others may see, as pages."""
        rendering = Rendering(self.workspaces, self.courses, self.toolbox)
        state = Path(self.config().paths.state)
        self.shares = Shares(
            self.workspaces, SqliteShares(self.store.database), ShareDirectory(state / "shares"), rendering
        )
        self.removal.on_delete(self.shares.forget)
        pages, tasks = ShareDirectory(state / "looks"), self._ground.tasks
        self.looks = Looks(self.store, rendering, pages, self.clock, secrets.token_bytes, tasks)
        self.removal.on_delete(self.looks.forget)

    def _introduce_catalog(self) -> None:
        reader = TreeNotebooks(Path(self.config().paths.state) / "courses")
        self.catalog = Catalog(
            reader, SqliteCatalogs(self.store.database), self.courses, KeyedLocks(), self._ground.tasks
        )
        self.courses.on_content(self.catalog.renew)
        histories = MirrorHistories(Path(self.config().paths.state) / "courses")
        progress = Progress(self.store, self._ground.statistics, self.desk, histories)
        self.lessons = Lessons(self.courses, self.catalog, progress)

    def _introduce_sites(self) -> None:
        self.site_files = SiteDirectory(Path(self.config().paths.state) / "sites")
        self.sites = Sites(
            World(
                self.courses, self.podman, self.jobs, self.book, SqliteSites(self.store.database), self.site_files,
                self.host, self.clock, self.config, str(AUTHORITIES) if AUTHORITIES.is_file() else "",
            )
        )  # fmt: skip
        self.courses.on_pull(
            lambda course: self._ground.tasks.spawn(
                f"builds of {course.name}", self.sites.autobuild(course.name)
            )
        )

    def _introduce_handouts(self) -> None:
        """What comes into students' spaces from elsewhere."""
        self.uploads = UploadDirectory(Path(self.config().paths.state) / "uploads")
        self.roll = Roll(
            self.store, self.dashboard.people, self.clock, lambda: new_label(secrets.token_bytes)
        )
        self.dropareas = DropAreas(
            self.courses, DropDirectory(Path(self.config().paths.state) / "droparea"), self.desk, self.book,
            self.clock, self.roll, self.workspaces.locked,
        )  # fmt: skip
        book = self._ground.statistics.database
        self.takeover = Takeover(
            self.store, self.courses, SqliteImports(self.store.database), SqlitePastEvents(book), SqliteCounts(book),
            self.desk, self.workspaces.locked, self.clock, secrets.token_bytes,
            lambda: f"{self.config().paths.state}/import",
        )  # fmt: skip

    def _introduce_figures(self) -> None:
        """What is counted, and what is made of it."""
        book, state = self._ground.statistics.database, Path(self.config().paths.state)
        gauges = LinuxGauges(state, state / ".local/share/containers")
        self.counts = SqliteCounts(book)
        self.counting = Counting(self.workspaces.entries, self.store, gauges, self.counts, self.clock)
        self.figures = Figures(SqliteSums(book), self.dashboard.people.excluded, find_zone)

    def _introduce_backup(self) -> None:
        ground, state = self._ground, Path(self.config().paths.state)
        snapshots = DatabaseSnapshots(state, self.store.database, ground.statistics.database)
        self.backup = Backup(self.store, snapshots, self.git, self.desk, self.podman, __version__)
        staged = Mirrors(state / "restore" / "courses")
        ground.closing.push_async_callback(staged.close)
        self.restore = Restore(
            self.store, self.workspaces.entries, ground.stage, self.desk, staged, snapshots, self.podman, self.host,
            self.clock, ground.leave,
        )  # fmt: skip

    def _introduce_web(self) -> None:
        pages = self.pages = Pages(Path(self.config().paths.share) / "templates", self._frame_ancestors)
        context = Context(
            self.web_settings, self.workspaces, self.store, self.clock, pages, self.dashboard.members,
            self.monitors.metrics.refused, lambda: self.dashboard.site,
        )  # fmt: skip
        self.floor = Floor(context)
        self.sites_room = SitesRoom(
            context, self.courses, self.site_files, self.clock, self.dashboard.members
        )
        self.gate = InsideGate(self.workspaces, self._proxy_settings)
        self.behind = Behind(context, self.floor.waiting, self.pulling)
        self.earlier = EarlierWork(context, self.floor.waiting)
        self.proxy = Proxy(self.workspaces, self._proxy_settings(), self.floor.on_visit, self.floor.on_error)
        self.workspaces.on_end(lambda number: self.proxy.end(number, 1001))
        self.status = Status(self.workspaces, self.courses, self.proxy.connections)
        jupyter = SocketJupyter(self.workspaces.starter.socket_path)
        self.idle_round = IdleRound(self.workspaces, jupyter, self.proxy.connections)
        usage = Usage(jupyter, self.proxy.connections)
        self.rollout = Rollout(self.workspaces, self.courses, self.podman, usage)
        self.students = Students(
            self.roll, self.workspaces, self.census, usage, self.desk, self.measurements, self._ground.statistics,
            self.book, self.proxy.connections,
        )  # fmt: skip
        self.monitors.open()
        self.dashboard.open()

    def front(self) -> web.Application:
        """What browsers reach."""
        rooms: list[Mountable] = [InsideRoom(self.gate, self.inside, self.pages)]
        rooms += [self.behind, InsidePull(self.gate, self.pulling, self.pages)]
        rooms.append(self.earlier)
        rooms += [
            Shared(self.shares, self.pages),
            InsideShare(self.gate, self.shares, self.pages, self._public_url),
        ]
        rooms += [self.sites_room, *self.dashboard.rooms()]
        rooms.append(self.monitors.room())
        app = self.floor.application(self.proxy, rooms)
        app.on_shutdown.append(self.dashboard.jobs_room.close)
        return app

    def control(self) -> web.Application:
        """What nbhostctl reaches."""
        more: list[Callable[[Tasks], Room]] = [
            lambda tasks: RolloutControl(self.courses, self.rollout, tasks),
            lambda tasks: SitesControl(
                self.courses, self.sites, self.keyring, self.clock, self._public_url, tasks
            ),
        ]
        more += [*self.dashboard.doors.control(), *self.dashboard.administration.control()]
        more.append(lambda tasks: CatalogControl(self.courses, self.catalog))
        more.append(lambda tasks: DropAreasControl(self.dropareas, tasks))
        more.append(lambda tasks: ImportControl(self.takeover, tasks))
        more.append(lambda tasks: StatisticsControl(self.courses, self.figures, self.counts))
        more.append(lambda tasks: ClassroomControl(self.pulling, tasks))
        more.append(lambda tasks: SharesControl(self.shares, self.courses, self._public_url, tasks))
        more.append(lambda tasks: self.monitors.control())
        more.append(lambda tasks: BackupControl(self.backup, self.restore, tasks))
        more.append(
            lambda tasks: UpkeepControl(
                self.census, self.upkeep, self.removal.delete, self.students.clearable, tasks
            )
        )
        context = ControlContext(
            config=self.config, keyring=self.keyring, clock=self.clock, store=self.store,
            courses=self.courses, builder=self.builder, images=self.podman, jobs=self.jobs, book=self.book, logs=self.jobs,
            workspaces=self.workspaces, removal=self.removal, status=self.status, check=self.check,
        )  # fmt: skip
        return create_control_app(context, more, self.dashboard.administration.note)

    def reconfigure(self) -> None:
        """Take over what a reload has changed."""
        self.workspaces.starter = replace(self.workspaces.starter, config=self.config())
        self.proxy.settings = self._proxy_settings()

    def _public_url(self) -> str:
        return self.config().server.public_url

    def web_settings(self) -> WebSettings:
        """What the administrator decided about the web floor, as it is now."""
        server = self.config().server
        return WebSettings(
            server.public_url,
            self.keyring(),
            server.workspace_domain,
            server.frame_ancestors,
            server.legacy_referers,
        )

    def _proxy_settings(self) -> ProxySettings:
        server = self.config().server
        public = urlsplit(server.public_url)
        return ProxySettings(
            workspace_domain=server.workspace_domain,
            public_scheme=public.scheme,
            public_port=public.port,
            frame_ancestors=self._frame_ancestors(),
        )

    def _frame_ancestors(self) -> tuple[str, ...]:
        """Who may embed a workspace's pages: the platforms, and our own page of a classroom, from its other origin."""
        public = urlsplit(self._public_url())
        return (f"{public.scheme}://{public.netloc}", *self.config().server.frame_ancestors)

    async def check(self) -> tuple[Finding, ...]:
        """What `nbhostctl check` finds."""
        config = self.config()
        return findings(config.admission, config.limits, self.host.facts(), self.host.budgets())
