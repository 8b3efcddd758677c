"""What is told of a course, gathered from everybody who knows something of it; what cannot be asked now hides nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbhostd.core import imagenames
from nbhostd.core.errors import NbhostdError, WorldError
from nbhostd.core.giturl import redacted
from nbhostd.core.lint import WARNING, Finding
from nbhostd.core.model import Course, CourseSettings, Job, JobState, Phase, Workspace
from nbhostd.core.names import CourseName
from nbhostd.core.ports_teaching import Commits
from nbhostd.services.entries import Entry
from nbhostd.services.images import KIND as BUILD
from nbhostd.services.recipes import Recipe
from nbhostd.web.teachshapes import (
    CommitShape,
    CourseShape,
    FaultList,
    FaultShape,
    ImageShape,
    TaughtCourse,
)

_ASLEEP = (Phase.ASLEEP, Phase.QUEUED, Phase.FAILED)
_BRINGING = ("pull", "create")
_LATEST = 200


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def settings(self, course: Course) -> CourseSettings: ...


class Recipes(Protocol):
    """What is asked of services/recipes.py."""

    async def of(self, course: Course) -> Recipe | None: ...


class Images(Protocol):
    """What is asked of adapters/podman.py."""

    async def digest(self, image: str) -> str | None: ...


class Rollout(Protocol):
    """What is asked of services/rollout.py."""

    async def outdated(self, course: Course) -> int: ...


class Store(Protocol):
    """What is asked of the store."""

    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]: ...
    async def workspaces(self, course: CourseName | None = None) -> list[Workspace]: ...


class Inspection(Protocol):
    """What is asked of services/inspection.py."""

    async def findings(self, course: Course) -> Sequence[Finding] | None: ...


class Awake(Protocol):
    """Where it is known what runs (services/workspaces.py)."""

    @property
    def entries(self) -> Iterable[Entry]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom the views ask."""

    courses: Courses
    recipes: Recipes
    images: Images
    rollout: Rollout
    store: Store
    commits: Commits
    inspection: Inspection
    workspaces: Awake


class CourseViews:
    """Gathers."""

    def __init__(self, sources: Sources) -> None:
        self._s = sources

    async def cards(self, courses: Sequence[Course]) -> list[TaughtCourse]:
        """A line for each."""
        names = {course.image for course in courses}
        here = dict(zip(names, await asyncio.gather(*map(self._digest, names)), strict=True))
        used = Counter(workspace.id.course for workspace in await self._s.store.workspaces())
        awake = self._awake()
        return [
            TaughtCourse(
                course.name, course.archived, course.commit, course.pulled_at, course.autopull,
                imagenames.shown(course.image), here[course.image][1], used[course.name], awake[course.name],
            )
            for course in courses
        ]  # fmt: skip

    async def show(self, course: Course) -> CourseShape:
        """All of one."""
        jobs = await self._s.store.jobs(course=course.name, limit=_LATEST)
        pulled = next(
            (job for job in jobs if job.kind in _BRINGING and job.state is JobState.SUCCEEDED), None
        )
        try:
            warnings = list((await self._s.courses.settings(course)).warnings)
        except WorldError as error:
            warnings = [error.message]
        return CourseShape(
            course.name, redacted(course.git_url), course.branch or "", course.archived, course.autopull,
            course.autobuild, course.public_builds, await self._commit(course), course.pulled_at,
            pulled.begun_by if pulled else "", await self.image(course),
            len(await self._s.store.workspaces(course.name)), self._awake()[course.name], warnings,
        )  # fmt: skip

    async def image(self, course: Course) -> ImageShape:
        """Its image, and how far that has come."""
        digest, here = await self._digest(course.image)
        own = course.image == imagenames.course_image(course.name)
        recipe = await self._recipe(course)
        built = await self._built(course.name if own else imagenames.shown(course.image))
        outdated = await self._s.rollout.outdated(course) if digest else 0
        choices = [*imagenames.KINDS, *([imagenames.OWN] if own or recipe is not None else [])]
        name = imagenames.OWN if own else imagenames.shown(course.image)
        if name not in choices:
            choices.append(name)
        return ImageShape(
            name, here, digest, built.ended_at if built else None, built.begun_by if built else "", own,
            recipe.shown if recipe is not None else None, self._awake()[course.name], outdated, choices,
        )  # fmt: skip

    async def faults(self, course: Course) -> FaultList:
        """What its files' reader and its inspector say, each thing once."""
        findings = await self._s.inspection.findings(course)
        known = list(findings or ())
        said = {
            f"{one.file}:{one.line}: {one.text}" if one.line else f"{one.file}: {one.text}" for one in known
        }
        warnings = (await self._s.courses.settings(course)).warnings
        known += [_parsed(warning) for warning in warnings if warning not in said]
        shapes = [FaultShape(one.file, one.line, one.level, one.text) for one in sorted(set(known))]
        return FaultList(course.commit, findings is not None, shapes)

    async def _commit(self, course: Course) -> CommitShape | None:
        if course.commit is None:
            return None
        found = await self._s.commits.commit(course.name, course.commit)
        return CommitShape(course.commit, found.made_at if found else None, found.title if found else "")

    async def _digest(self, image: str) -> tuple[str | None, bool | None]:
        """An image's digest, and whether it is here; None for both where Podman cannot be asked."""
        try:
            digest = await self._s.images.digest(image)
        except NbhostdError:
            return None, None
        return digest, digest is not None

    async def _recipe(self, course: Course) -> Recipe | None:
        try:
            return await self._s.recipes.of(course)
        except NbhostdError:
            return None  # one that is too large, say: building says so

    async def _built(self, subject: str) -> Job | None:
        jobs = await self._s.store.jobs(course=subject, limit=_LATEST)
        good = (job for job in jobs if job.kind == BUILD and job.state is JobState.SUCCEEDED)
        return next((job for job in good if job.subject == subject), None)

    def _awake(self) -> Counter[CourseName]:
        entries = (entry for entry in self._s.workspaces.entries if entry.state.phase not in _ASLEEP)
        return Counter(entry.workspace.id.course for entry in entries)


def _parsed(warning: str) -> Finding:
    """A warning of the files' reader, 'file:line: sentence' or 'file: sentence', as a finding."""
    place, _, text = warning.partition(": ")
    file, _, line = place.rpartition(":")
    return Finding(file, int(line), WARNING, text) if line.isdecimal() else Finding(place, 0, WARNING, text)
