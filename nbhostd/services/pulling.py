"""pull-students: a course's newest commits into its students' clones, a few at a time, and one result for each."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from nbhostd.core import clonetool
from nbhostd.core.clonetool import CloneAnswer, PullOptions
from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.model import Course, Mode, Workspace
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.ports import Store
from nbhostd.core.selection import select
from nbhostd.core.subject import subject
from nbhostd.services.classroom import Classroom
from nbhostd.services.clones import Clones
from nbhostd.services.courses import Courses
from nbhostd.services.jobbook import Cancelled, JobBook, RunningJob, Say, Stage
from nbhostd.services.workspaces import Workspaces

log = logging.getLogger(__name__)

KIND = "pull-students"

Progress = Callable[[int, int, str], None]

AT_ONCE = 2
"""As many as the toolbox takes of batch work: nobody's workspace is locked while its turn is still to come."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which students of a course to pull for, and how. No word means all; a word is a name, or with * or ? a pattern."""

    students: tuple[str, ...] = ()
    options: PullOptions = field(default_factory=PullOptions)
    skip_course: bool = False
    """Leave the course as it is published; else it is pulled first, when its autopull is on."""


@dataclass(frozen=True, slots=True)
class StudentPulled:
    """What became of one student's clone."""

    student: StudentName
    answer: CloneAnswer
    words: str


@dataclass(frozen=True, slots=True)
class PullStudentsReport:
    """What became of all of them, by name."""

    course: CourseName
    commit: str | None
    dry_run: bool
    students: tuple[StudentPulled, ...]
    job: int

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each outcome (in a dry run, of each to expect), the most frequent first."""
        return dict(Counter(one.answer.end for one in self.students).most_common())

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.students:
            return "no student has a clone of this course"
        counted = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        return f"{'dry run: ' if self.dry_run else ''}{len(self.students)} students: {counted}"


class Pulling:
    """Pulls for one student who asks, or for all of a course as a job. Servers that run are left alone."""

    def __init__(
        self, store: Store, courses: Courses, workspaces: Workspaces, clones: Clones, classroom: Classroom, book: JobBook
    ) -> None:  # fmt: skip
        self._store = store
        self._courses = courses
        self._workspaces = workspaces
        self._clones = clones
        self._classroom = classroom
        self._book = book
        self._busy: set[CourseName] = set()

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer:
        """Pull for a student who waits for it. Raises Refused (404; 409 in a workspace that is no clone), NotNow, WorldError."""
        with subject(id):
            course, workspace = await self._clone_of(id)
            async with self._workspaces.locked(id):
                answer = await self._clones.pull(course, workspace, PullOptions(), hurried=True)
            self._workspaces.note(id, "pull")
            log.info("pulled: %s", clonetool.words(answer))
            return answer

    async def restore(self, id: WorkspaceId, notebook: NotebookPath) -> None:
        """Bring back a notebook of the course that the student has deleted. Raises as `pull_own` does."""
        with subject(id):
            course, workspace = await self._clone_of(id)
            async with self._workspaces.locked(id):
                await self._classroom.restore(course, workspace, notebook)
            self._workspaces.note(id, "restore", notebook)
            log.info("brought back: %s", notebook)

    async def _clone_of(self, id: WorkspaceId) -> tuple[Course, Workspace]:
        course, workspace = await self._courses.get(id.course), await self._store.workspace(id)
        if workspace is None or workspace.mode is not Mode.CLASSROOM:
            raise Refused("This workspace is not a clone of its course.", status=409, reason="not-a-clone")
        return course, workspace

    async def pull_students(
        self, name: CourseName, wanted: Wanted, on_line: Say, on_progress: Progress = lambda done, total, what: None
    ) -> PullStudentsReport:  # fmt: skip
        """Pull for the students that are wanted; one student's trouble stops no other.

        Raises Refused: 404 when there is no such course or a word means no student, 409 while it is done already.
        """
        with subject(f"course {name}"), self._alone(name):
            course = await self._courses.get(name)
            clones = _chosen(
                [one for one in await self._store.workspaces(name) if one.mode is Mode.CLASSROOM],
                wanted.students,
            )
            async with self._book.job(KIND, name, on_line, cancellable=True) as job:
                course = await self._pull_course(course, wanted, job)
                done: list[StudentPulled] = []
                try:
                    await self._all(course, clones, wanted.options, job, done, on_progress)
                finally:
                    done.sort(key=lambda one: one.student)
                    report = PullStudentsReport(
                        name, course.commit, wanted.options.dry_run, tuple(done), job.number
                    )
                    job.result = _kept(report)
                job.message = report.summary
            log.info("pulled for students: %s", report.summary)
            return report

    @contextmanager
    def _alone(self, name: CourseName) -> Iterator[None]:
        if name in self._busy:
            raise Refused(
                f"The students of “{name}” are being pulled for just now.", status=409, reason="course-busy"
            )
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    async def _pull_course(self, course: Course, wanted: Wanted, job: RunningJob) -> Course:
        """The course as it is to be brought to the students: the newest that can be had, where that is wanted."""
        why_not = ""
        if wanted.options.dry_run or wanted.skip_course:
            why_not = " (not pulled)"
        elif course.archived or not course.autopull:
            why_not = f" ({'archived' if course.archived else 'autopull is off'}: not pulled)"
        else:
            try:
                await self._courses.pull(course.name, lambda _: None)
            except NbhostdError as error:
                job.say(f"warning: the course could not be pulled: {error.message}")
        course = await self._courses.get(course.name)
        job.say(f"{course.name} at {(course.commit or 'nothing')[:10]}{why_not}")
        return course

    async def _all(
        self, course: Course, clones: Sequence[Workspace], options: PullOptions, job: RunningJob,
        done: list[StudentPulled], on_progress: Progress,
    ) -> None:  # fmt: skip
        """One result per clone, told as they come; a job that is cancelled begins no further one."""
        queue = deque(clones)
        job.stage = Stage(0, len(clones))

        async def worker() -> None:
            while queue and not job.cancelled:
                try:
                    one = await self._one(course, queue.popleft(), options)
                except BaseException:
                    queue.clear()  # a bug: the other workers end too
                    raise
                done.append(one)
                job.stage = Stage(len(done), len(clones), one.student)
                job.say(f"{len(done)}/{len(clones)} {one.student}: {one.words}")
                on_progress(len(done), len(clones), one.student)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        if queue:
            raise Cancelled(f"It was cancelled after {len(done)} of {len(clones)} students.")

    async def _one(self, course: Course, workspace: Workspace, options: PullOptions) -> StudentPulled:
        student = workspace.id.student
        with subject(workspace.id):
            try:
                async with self._workspaces.locked(workspace.id):
                    await self._clone_of(workspace.id)  # it may have been deleted while it waited
                    answer = await self._clones.pull(course, workspace, options)
            except NbhostdError as error:
                log.warning("could not be pulled for: %s", error)
                return StudentPulled(student, CloneAnswer(clonetool.FAILED), f"FAILED: {error.message}")
        return StudentPulled(student, answer, clonetool.words(answer))


def _kept(report: PullStudentsReport) -> dict[str, object]:
    """What is kept of it for who looks later."""
    return {
        "commit": report.commit,
        "dry_run": report.dry_run,
        "counts": report.counts,
        "students": [
            {
                "student": one.student,
                "end": one.answer.end,
                "good": one.answer.good,
                "conflicts": one.answer.conflicts,
                "kept": one.answer.kept,
                "words": one.words,
            }
            for one in report.students
        ],
    }


def _chosen(clones: Sequence[Workspace], words: Sequence[str]) -> list[Workspace]:
    """The clones whose students the words mean, by name; all without a word. Raises Refused(404)."""
    by_name = {one.id.student: one for one in sorted(clones, key=lambda one: one.id.student)}
    if not words:
        return list(by_name.values())
    selection = select(words, by_name)
    if selection.strangers:
        raise Refused(
            f"No student with a clone of this course is meant by “{selection.strangers[0]}”.",
            status=404,
            reason="no-such-student",
        )
    return [by_name[StudentName(name)] for name in selection.names]
