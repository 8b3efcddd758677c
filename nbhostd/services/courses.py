"""Courses: how their content arrives, what they say of themselves, and which file a launch means."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from nbhostd.core import imagenames, recipe
from nbhostd.core.coursefile import LARGEST, LOCAL, Reading, advance, reading
from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.giturl import GitUrl, is_branch_name
from nbhostd.core.lookup import candidates
from nbhostd.core.model import Course, CourseSettings
from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.ports import Clock, Git, LocalFiles, Locks, Store
from nbhostd.core.subject import subject
from nbhostd.services.jobbook import JobBook, Say

log = logging.getLogger(__name__)

_WARNING = "warning: "


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull (or a creation) brought. `files_changed` is None when it cannot be told."""

    course: CourseName
    old: str | None
    new: str
    files_changed: int | None
    warnings: tuple[str, ...]
    job: int | None = None

    @property
    def changed(self) -> bool:
        """Whether there is anything new."""
        return self.old != self.new

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.changed:
            return f"nothing new, still at {self.new[:10]}"
        files = "" if self.files_changed is None else f", {self.files_changed} files changed"
        return f"{self.old[:10] if self.old else 'new'} → {self.new[:10]}{files}"

    @property
    def kept(self) -> dict[str, object]:
        """What is kept of it for who looks later."""
        return {"old": self.old, "new": self.new, "files": self.files_changed, "warnings": self.warnings}


@dataclass(frozen=True, slots=True)
class Changes:
    """What an administrator changes of a course; None leaves a thing as it is, branch "" means the repository's own."""

    git_url: str | None = None
    branch: str | None = None
    image: str | None = None
    autopull: bool | None = None
    archived: bool | None = None
    autobuild: bool | None = None
    public_builds: bool | None = None


@dataclass(slots=True)
class _Lines:
    """Hands lines on, and keeps the warnings among them."""

    on_line: Say
    all: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.all.append(line)
        self.on_line(line)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(line.removeprefix(_WARNING) for line in self.all if line.startswith(_WARNING))


class Courses:
    """All courses. Reading never waits for a pull; two changes of one course's content never overlap."""

    def __init__(
        self, store: Store, git: Git, local: LocalFiles, book: JobBook, locks: Locks, clock: Clock, *,
        default_image: Callable[[], str],
    ) -> None:  # fmt: skip
        self._store = store
        self._git = git
        self._local = local
        self._book = book
        self._locks = locks
        self._clock = clock
        self._default_image = default_image
        self._busy: set[CourseName] = set()
        self._settings: dict[CourseName, tuple[tuple[object, ...], CourseSettings]] = {}
        self._troubles: dict[CourseName, str] = {}
        self._on_pull: list[Callable[[Course], object]] = []
        self._on_content: list[Callable[[Course], None]] = []
        self._on_delete: list[Callable[[Course], Awaitable[None]]] = []

    def on_pull(self, callback: Callable[[Course], object]) -> None:
        """Call `callback` with each course that a pull has brought something new for."""
        self._on_pull.append(callback)

    def on_content(self, callback: Callable[[Course], None]) -> None:
        """Call `callback` with each course that has new content: when it is created, and after such a pull."""
        self._on_content.append(callback)

    def on_delete(self, callback: Callable[[Course], Awaitable[None]]) -> None:
        """Await `callback` with each course that has just been deleted, to remove what else was made of it."""
        self._on_delete.append(callback)

    # What there is

    async def list(self) -> list[Course]:
        """Every course, by name."""
        return await self._store.courses()

    async def get(self, name: CourseName) -> Course:
        """The course of that name. Raises Refused(404)."""
        course = await self._store.course(name)
        if course is None:
            raise Refused(f"There is no course “{name}”.", status=404, reason="no-such-course")
        return course

    async def settings(self, course: Course) -> CourseSettings:
        """What the course's files say and the administrator over them: read once per change, however many ask at once."""
        key = (course.number, course.commit, self._local.version(course.name, LOCAL))
        async with self._locks(f"settings of {course.name}"):
            known = self._settings.get(course.name)
            if known is None or known[0] != key:
                known = self._settings[course.name] = (key, await self._read_settings(course))
            return known[1]

    async def _read_settings(self, course: Course) -> CourseSettings:
        local, trouble = await self._read_local(course.name)
        files = await self._git.files(course.name) if course.commit else frozenset()
        step = reading(files, local)
        # In a thread: a hostile file may take a second, and nobody else shall wait for it.
        said = await asyncio.to_thread(advance, step)
        while not isinstance(said, Reading):
            content = await self._git.read(course.name, said, limit=LARGEST + 1)
            said = await asyncio.to_thread(advance, step, content)
        return replace(said.settings, warnings=(*said.settings.warnings, *trouble))

    async def _read_local(self, name: CourseName) -> tuple[tuple[str, bytes] | None, tuple[str, ...]]:
        """The administrator's layer, and why it cannot be read."""
        shown = f"local/{name}/{LOCAL}"
        try:
            content = await self._local.read(name, LOCAL, limit=LARGEST + 1)
        except WorldError as error:
            return None, (f"{shown}: {error.message}",)
        return None if content is None else (shown, content), ()

    async def has(self, course: Course, notebook: NotebookPath) -> bool:
        """Whether the course itself has this file (and not only the student)."""
        return notebook in await self._git.files(course.name)

    async def locate(
        self,
        course: Course,
        requested: NotebookPath,
        exists_in_student: Callable[[NotebookPath], Awaitable[bool]],
    ) -> NotebookPath | None:
        """The file that a launch means: one of the course's, else one that the student has made; None when neither."""
        files = await self._git.files(course.name)
        wanted = candidates(requested)
        for path in wanted:
            if path in files:
                return path
        found = _found_in_another_spelling(wanted, files)
        if found is not None:
            return found
        for path in wanted:
            if await exists_in_student(path):
                return path
        return None

    # What changes

    async def create(
        self,
        name: CourseName,
        git_url: str,
        on_line: Say,
        *,
        image: str | None = None,
        branch: str | None = None,
    ) -> tuple[Course, PullReport]:
        """A new course with its content, or none at all.

        Without `image`, the course's own recipe counts if it has one, else the site's default. Raises Refused
        (name taken: 409; bad address, branch or image: 400), WorldError, NotNow.
        """
        GitUrl.parse(git_url)
        _check_branch(branch)
        chosen = imagenames.resolve(image, name) if image else None
        with subject(f"course {name}"), self._alone(name):
            if await self._store.course(name) is not None:
                raise Refused(f"There is already a course “{name}”.", status=409, reason="course-exists")
            async with self._book.job("create", name, on_line) as job:
                lines = _Lines(job.say)
                await self._git.delete(name)  # what a creation that was killed may have left
                try:
                    commit = await self._publish(name, git_url, branch, lines)
                    course = await self._enter(name, git_url, branch, chosen, commit)
                except BaseException:
                    await self._git.delete(name)
                    await self._store.delete_course(name)
                    raise
                report = PullReport(name, None, commit, None, await self._warnings(course, lines), job.number)
                job.message, job.result = report.summary, report.kept
            for callback in self._on_content:
                callback(course)
            log.info("created at %s", commit[:10])
            return course, report

    async def pull(self, name: CourseName, on_line: Say) -> PullReport:
        """Bring the newest content, atomically. Raises Refused (409 while another pull runs), WorldError, NotNow."""
        with subject(f"course {name}"), self._alone(name):
            course = await self.get(name)
            async with self._book.job("pull", name, on_line) as job:
                report = await self._pull(course, _Lines(job.say))
                job.message, job.result = report.summary, report.kept
            return replace(report, job=job.number)

    async def autopull_once(self) -> None:
        """Pull every course that asks for it, one after the other; what fails is logged once, and tried again."""
        for course in await self._store.courses():
            if course.autopull and not course.archived and course.name not in self._busy:
                with subject(f"course {course.name}"), self._alone(course.name):
                    await self._autopull(course)

    async def change(self, name: CourseName, changes: Changes) -> Course:
        """Change what an administrator says of a course; its content changes with the next pull.

        Raises Refused (404, or 400 for a bad address, branch or image).
        """
        fields: dict[str, object] = {}
        if changes.git_url is not None:
            GitUrl.parse(changes.git_url)
            fields["git_url"] = changes.git_url
        if changes.branch is not None:
            _check_branch(changes.branch)
            fields["branch"] = changes.branch or None
        if changes.image is not None:
            fields["image"] = imagenames.resolve(changes.image, name)
        for key in ("autopull", "archived", "autobuild", "public_builds"):
            if getattr(changes, key) is not None:
                fields[key] = getattr(changes, key)
        with subject(f"course {name}"):
            return await self._change(name, fields)

    async def delete(
        self, name: CourseName, delete_workspaces: Callable[[CourseName], Awaitable[int]] | None
    ) -> int:
        """Delete a course and its content; how many workspaces went with it.

        Without `delete_workspaces`, a course that has some is refused (409).
        """
        with subject(f"course {name}"), self._alone(name):
            course = await self.get(name)
            left = len(await self._store.workspaces(name))
            if left and delete_workspaces is None:
                raise Refused(
                    f"The course “{name}” has {left} workspaces with students' files.",
                    status=409,
                    reason="course-in-use",
                )
            deleted = await delete_workspaces(name) if delete_workspaces is not None else 0
            await self._store.delete_course(name)
            await self._git.delete(name)
            self._settings.pop(name, None)
            for callback in self._on_delete:
                await callback(course)
            log.info("deleted, with %d workspaces", deleted)
            return deleted

    # How

    def alone(self, name: CourseName) -> AbstractContextManager[None]:
        """Nobody else pulls or deletes this course meanwhile. Raises Refused(409) when somebody does."""
        return self._alone(name)

    @contextmanager
    def _alone(self, name: CourseName) -> Iterator[None]:
        if name in self._busy:
            raise Refused(
                f"The course “{name}” is being pulled or changed just now.", status=409, reason="course-busy"
            )
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    async def _publish(self, name: CourseName, git_url: str, branch: str | None, lines: _Lines) -> str:
        commit = await self._git.fetch(name, git_url, branch, lines)
        await self._git.export(name, commit, lines)
        return commit

    async def _enter(
        self, name: CourseName, git_url: str, branch: str | None, image: str | None, commit: str
    ) -> Course:
        """Write the new course down; from here on it exists."""
        files = await self._git.files(name)
        if image is None:
            has_recipe = any(path in files for path in imagenames.RECIPE_FILES) or any(
                self._local.path(name, file) is not None for file in recipe.FILES
            )
            image = imagenames.resolve(imagenames.OWN if has_recipe else self._default_image(), name)
        await self._store.create_course(name, git_url, branch, image, self._clock.now())
        return await self._change(name, {"commit": commit, "pulled_at": self._clock.now()})

    async def _pull(self, course: Course, lines: _Lines) -> PullReport:
        commit = await self._publish(course.name, course.git_url, course.branch, lines)
        old = course.commit
        changed = await self._git.changes(course.name, old, commit) if old and old != commit else 0
        course = await self._change(course.name, {"commit": commit, "pulled_at": self._clock.now()})
        # The tree before this one stays for whoever is reading in it.
        await self._git.prune(course.name, [commit, *([old] if old else [])])
        report = PullReport(
            course.name, old, commit, changed if old else None, await self._warnings(course, lines)
        )
        if report.changed:
            log.info("pulled: %s", report.summary)
            for callback in (*self._on_content, *self._on_pull):
                callback(course)
        return report

    async def _autopull(self, course: Course) -> None:
        lines = _Lines(lambda _: None)
        try:
            report = await self._pull(course, lines)
        except NbhostdError as error:
            if self._troubles.get(course.name) != error.message:
                log.warning("autopull: %s", error)
            self._troubles[course.name] = error.message
            return
        if self._troubles.pop(course.name, None) is not None:
            log.info("autopull works again")
        if report.changed:
            await self._book.record("pull", course.name, lines.all, f"autopull: {report.summary}")

    async def _change(self, name: CourseName, fields: dict[str, object]) -> Course:
        """Read, change and write under one lock: a pull that ends and an administrator do not undo each other."""
        async with self._locks(f"course {name}"):
            course: Course = replace(await self.get(name), **fields)  # type: ignore[arg-type]
            await self._store.update_course(course)
            return course

    async def _warnings(self, course: Course, lines: _Lines) -> tuple[str, ...]:
        settings = await self.settings(course)
        for warning in settings.warnings:
            lines(_WARNING + warning)
        return lines.warnings


def _found_in_another_spelling(
    wanted: tuple[NotebookPath, ...], files: frozenset[str]
) -> NotebookPath | None:
    """The file whose name looks the same: some computers write é as one character, some as two (Unicode NFC, NFD)."""
    if all(path.isascii() for path in wanted):
        return None
    spellings = {unicodedata.normalize("NFC", file): file for file in files if not file.isascii()}
    for path in wanted:
        found = spellings.get(unicodedata.normalize("NFC", path))
        if found is not None:
            return NotebookPath.parse(found)
    return None


def _check_branch(branch: str | None) -> None:
    if branch and not is_branch_name(branch):
        raise Refused("This is not a branch's name.", reason="bad-branch")
