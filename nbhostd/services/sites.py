"""Static sites: a course's script makes one of a commit, in a container; what it made is published whole, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nbhostd.core.config import Config
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.model import Build, Course, Job, JobState, Site
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Clock, Host, Images, Jobs, SiteFiles
from nbhostd.core.ports import Sites as SiteTable
from nbhostd.core.siteargv import KIND, LARGEST, SiteSpec, build_site
from nbhostd.core.subject import subject
from nbhostd.services.courses import Courses
from nbhostd.services.jobbook import Cancelled, JobBook, Say

log = logging.getLogger(__name__)

_AT_ONCE = 2
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Listed:
    """A build of a course: what the course says of it, what is published, and the latest attempt."""

    build: Build
    latest: str | None
    last: Site | None

    @property
    def kind(self) -> str:
        """Where its pages come from: 'script', 'elsewhere' (an address of another server) or 'nowhere'."""
        if self.build.external_url:
            return "elsewhere"
        return "script" if self.build.script else "nowhere"


@dataclass(frozen=True, slots=True)
class Made:
    """How one build went: 'built', 'current' (this commit was built before), 'elsewhere', 'nowhere', or 'failed'."""

    build: str
    outcome: str
    commit: str
    job: int | None = None
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Whom the service speaks to."""

    courses: Courses
    images: Images
    jobs: Jobs
    book: JobBook
    table: SiteTable
    files: SiteFiles
    host: Host
    clock: Clock
    config: Callable[[], Config]
    authorities: str = ""
    """The host's file of certificate authorities, which builds trust too; '' when it has none."""


class Sites:
    """One build at a time per course, two at once in all; a build is a job and outlives the daemon: `resume`."""

    def __init__(self, world: World) -> None:
        self._w = world
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._locks: dict[CourseName, asyncio.Lock] = {}

    async def listed(self, course: Course) -> list[Listed]:
        """Every build that the course has now."""
        settings = await self._w.courses.settings(course)
        attempts = await self._w.table.of_course(course.number)
        return [
            Listed(
                build,
                await self._w.files.latest(course.name, build.id),
                next((site for site in attempts if site.build == build.id), None),
            )
            for build in settings.builds
        ]

    async def run(
        self, name: CourseName, wanted: Iterable[str], on_line: Say, *, force: bool = False
    ) -> list[Made]:
        """Make these builds of a course's published commit, or all of them; one that fails stops no other.

        What was made of this commit before is left as it is, unless `force`. Raises Refused (404 no such course or
        build, 409 it builds just now), WorldError without an image.
        """
        course = await self._w.courses.get(name)
        if self._lock(name).locked():
            raise Refused(f"The course “{name}” is being built just now.", status=409, reason="building")
        async with self._alone(name):
            return await self._run(course, tuple(wanted), on_line, force)

    async def autobuild(self, name: CourseName) -> None:
        """Make all builds of a course after a pull, if it wants that; waits for a build that is under way."""
        with subject(f"course {name}"):
            async with self._alone(name):
                course = await self._w.courses.get(name)
                if course.autobuild and not course.archived:
                    made = await self._run(course, (), lambda _: None, force=False)
                    for one in made:
                        if one.outcome in ("built", "failed"):
                            log.info("autobuild of %s: %s", one.build, one.outcome)

    async def resume(self, job: Job) -> None:
        """See a build to its end that an earlier life of the daemon began."""
        with subject(f"job {job.number}"):
            state = await self._w.jobs.attach(job.number, lambda _: None)
            site = await self._w.table.by_job(job.number)
            message = "ended while nbhostd was restarted"
            if site is not None:
                try:
                    course = await self._w.courses.get(CourseName(job.subject.partition("/")[0]))
                    if state is JobState.SUCCEEDED:
                        message = await self._publish(course, site)
                except NbhostdError as error:
                    state, message = JobState.FAILED, error.message
                await self._end(site, state)
            await self._w.files.discard(job.number)
            await self._w.book.end(job.number, state, message)
            log.info("the build of “%s” that was under way: %s", job.subject, state)

    # How

    def _lock(self, name: CourseName) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    @asynccontextmanager
    async def _alone(self, name: CourseName) -> AsyncIterator[None]:
        async with self._lock(name):
            yield

    async def _run(self, course: Course, wanted: tuple[str, ...], on_line: Say, force: bool) -> list[Made]:
        builds = (await self._w.courses.settings(course)).builds
        for id in wanted:
            if not any(build.id == id for build in builds):
                known = ", ".join(build.id for build in builds) or "none"
                raise Refused(
                    f"The course “{course.name}” has no build “{id[:60]}”; it has: {known}.",
                    status=404,
                    reason="no-such-build",
                )
        chosen = [build for build in builds if not wanted or build.id in wanted]
        made = [await self._one(course, build, on_line, force) for build in chosen]
        await self._prune(course, [build.id for build in builds])
        return made

    async def _one(self, course: Course, build: Build, on_line: Say, force: bool) -> Made:
        commit = course.commit or ""
        if build.external_url or not build.script:
            outcome = "elsewhere" if build.external_url else "nowhere"
            on_line(f"{build.id}: nothing to do, {build.external_url or 'it has no script'}")
            return Made(build.id, outcome, commit)
        done = [
            site for site in await self._w.table.of_course(course.number) if site.state is JobState.SUCCEEDED
        ]
        if not force and any((site.build, site.commit) == (build.id, commit) for site in done):
            on_line(f"{build.id}: {commit[:10]} was built before (--force builds it again)")
            return Made(build.id, "current", commit)
        try:
            async with self._turns:
                return await self._build(course, build, commit, on_line)
        except Cancelled:
            raise
        except (WorldError, NotNow) as error:
            first_line = error.message.partition("\n")[0]
            on_line(f"error: {build.id}: {first_line}")
            return Made(build.id, "failed", commit, complaint=error.message)

    async def _build(self, course: Course, build: Build, commit: str, on_line: Say) -> Made:
        digest = await self._check(course)
        title = f"{course.name}/{build.id}"
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def tell(line: str) -> None:
            last.append(line)
            on_line(line)

        with subject(f"site {title}"):
            async with self._w.book.job(KIND, title, on_line, outlives=True) as job:
                site = Site(
                    course.number, build.id, commit, job.number, JobState.RUNNING, self._w.clock.now()
                )
                await self._w.table.put(site)
                spec = self._describe(course, build, site, digest)
                try:
                    state = await self._w.jobs.run(job.number, build_site(spec), tell)
                    if state is JobState.CANCELLED:
                        await self._end(site, state)
                        raise Cancelled(f"The build of “{title}” was cancelled.")
                    if state is not JobState.SUCCEEDED:
                        raise WorldError(
                            f"“{title}” could not be built (job {job.number}).\n" + "\n".join(last)
                        )
                    job.message = await self._publish(course, site)
                    job.result = {"build": build.id, "commit": commit}
                except asyncio.CancelledError:
                    raise  # the daemon ends, the build goes on
                except BaseException as error:
                    await self._w.files.discard(job.number)
                    if not isinstance(error, Cancelled):
                        await self._end(site, JobState.FAILED)
                    raise
                await self._end(site, JobState.SUCCEEDED)
                log.info("built: %s", job.message)
                on_line(f"{build.id}: {job.message}")
                return Made(build.id, "built", commit, job.number)

    async def _check(self, course: Course) -> str:
        """The image's digest. Raises WorldError without an image, NotNow without room."""
        digest = await self._w.images.digest(course.image)
        if digest is None:
            raise WorldError(f"The image of the course “{course.name}” is not on this server yet.")
        free = self._w.host.facts().disk_free
        if free < self._w.config().admission.disk_reserve + 2 * LARGEST:
            raise NotNow("The server's disk has no room for a site.", retry_after=600)
        return digest

    def _describe(self, course: Course, build: Build, site: Site, digest: str) -> SiteSpec:
        paths = self._w.config().paths
        return SiteSpec(
            subject=f"{course.name}/{build.id}",
            image=digest,
            build=build,
            tree=f"{paths.state}/courses/{course.name}/public/{site.commit}",
            output=self._w.files.output(site.job),
            tools=f"{paths.share}/images/sites",
            seccomp=f"{paths.share}/images/seccomp.json",
            authorities=self._w.authorities,
        )

    async def _publish(self, course: Course, site: Site) -> str:
        count = await self._w.files.publish(course.name, site.build, site.commit, site.job)
        return f"{site.commit[:10]}, {count} files"

    async def _end(self, site: Site, state: JobState) -> None:
        ended = Site(site.course, site.build, site.commit, site.job, state, self._w.clock.now())
        await self._w.table.put(ended)

    async def _prune(self, course: Course, builds: list[str]) -> None:
        """Of each build the latest and the one before stay; what the course does not list any more goes."""
        attempts = await self._w.table.of_course(course.number)
        keep = {id: _kept(id, attempts) for id in builds}
        try:
            await self._w.files.prune(course.name, keep)
        except NbhostdError as error:
            log.warning("earlier sites of %s stay: %s", course.name, error)
            return
        for id in {site.build for site in attempts}:
            known = [site for site in attempts if site.build == id and site.state is JobState.SUCCEEDED]
            gone = [site.commit for site in known if site.commit not in keep.get(id, ())]
            if gone:
                await self._w.table.forget(course.number, id, gone)


def _kept(build: str, attempts: list[Site]) -> list[str]:
    good = [site.commit for site in attempts if site.build == build and site.state is JobState.SUCCEEDED]
    return good[:2]
