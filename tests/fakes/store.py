"""A Store in memory: the second implementation of the contract in tests/adapters/store_contract.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nbhostd.core.errors import Refused
from nbhostd.core.model import Course, Intent, Job, JobState, Mode, Run, Student, Workspace
from nbhostd.core.names import CourseName, StudentName, WorkspaceId


class FakeStore:
    """Everything in dictionaries; numbers only ever grow."""

    def __init__(self) -> None:
        self._courses: dict[CourseName, Course] = {}
        self._students: dict[StudentName, Student] = {}
        self._workspaces: dict[int, Workspace] = {}
        self._runs: dict[int, Run] = {}
        self._nonces: dict[str, datetime] = {}
        self._jobs: dict[int, Job] = {}
        self._last_course = 0
        self._last_workspace = 0

    async def courses(self) -> list[Course]:
        return sorted(self._courses.values(), key=lambda course: course.name)

    async def course(self, name: CourseName) -> Course | None:
        return self._courses.get(name)

    async def create_course(
        self, name: CourseName, git_url: str, branch: str | None, image: str, now: datetime
    ) -> Course:
        if name in self._courses:
            raise Refused(f"There is already a course “{name}”.", status=409, reason="course-exists")
        self._last_course += 1
        course = Course(self._last_course, name, git_url, branch, image)
        self._courses[name] = course
        return course

    async def update_course(self, course: Course) -> None:
        if course.name in self._courses:
            self._courses[course.name] = course

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        if new in self._courses:
            raise Refused(f"There is already a course “{new}”.", status=409, reason="course-exists")
        if old not in self._courses:
            return
        self._courses[new] = replace(self._courses.pop(old), name=new)
        for number, known in self._workspaces.items():
            if known.id.course == old:
                self._workspaces[number] = replace(known, id=WorkspaceId(new, known.id.student))

    async def delete_course(self, name: CourseName) -> None:
        if any(workspace.id.course == name for workspace in self._workspaces.values()):
            raise Refused(f"The course “{name}” still has workspaces.", status=409, reason="course-in-use")
        self._courses.pop(name, None)

    async def student(self, name: StudentName) -> Student | None:
        return self._students.get(name)

    async def ensure_workspace(self, id: WorkspaceId, mode: Mode, label: str, now: datetime) -> Workspace:
        known = await self.workspace(id)
        if known is not None:
            return known
        if id.course not in self._courses:
            raise Refused(f"There is no course “{id.course}”.", status=404, reason="no-such-course")
        student = self._students.setdefault(id.student, Student(100_000 + len(self._students), id.student))
        self._last_workspace += 1
        made = Workspace(self._last_workspace, id, student.uid, label, mode, created_at=now)
        self._workspaces[made.number] = made
        return made

    async def workspace(self, id: WorkspaceId) -> Workspace | None:
        return next((workspace for workspace in self._workspaces.values() if workspace.id == id), None)

    async def workspace_by_number(self, number: int) -> Workspace | None:
        return self._workspaces.get(number)

    async def workspaces(
        self, course: CourseName | None = None, *, intent: Intent | None = None
    ) -> list[Workspace]:
        return [
            workspace
            for workspace in self._workspaces.values()
            if course in (None, workspace.id.course) and intent in (None, workspace.intent)
        ]

    async def set_mode(self, number: int, mode: Mode) -> None:
        if number in self._workspaces:
            self._workspaces[number] = replace(self._workspaces[number], mode=mode)

    async def set_intent(self, number: int, intent: Intent, armed_spec: str) -> None:
        if number in self._workspaces:
            self._workspaces[number] = replace(self._workspaces[number], intent=intent, armed_spec=armed_spec)

    async def delete_workspace(self, number: int) -> None:
        self._workspaces.pop(number, None)
        self._runs.pop(number, None)

    async def put_run(self, run: Run) -> None:
        self._runs[run.workspace] = run

    async def run_by_secret(self, secret: str) -> tuple[Workspace, Run] | None:
        found = next((run for run in self._runs.values() if run.secret == secret), None)
        return (self._workspaces[found.workspace], found) if found else None

    async def run_of(self, workspace: int) -> Run | None:
        return self._runs.get(workspace)

    async def runs(self) -> list[Run]:
        return [self._runs[number] for number in sorted(self._runs)]

    async def use_nonce(self, nonce: str, expires: datetime, now: datetime) -> bool:
        self._nonces = {known: until for known, until in self._nonces.items() if until >= now}
        if nonce in self._nonces:
            return False
        self._nonces[nonce] = expires
        return True

    async def create_job(self, kind: str, subject: str, now: datetime, begun_by: str = "") -> Job:
        job = Job(len(self._jobs) + 1, kind, subject, JobState.RUNNING, now, begun_by=begun_by)
        self._jobs[job.number] = job
        return job

    async def end_job(self, number: int, state: JobState, message: str, now: datetime) -> None:
        if number in self._jobs:
            self._jobs[number] = replace(self._jobs[number], state=state, message=message, ended_at=now)

    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]:
        latest = (self._jobs[number] for number in sorted(self._jobs, reverse=True))
        about = [job for job in latest if course is None or f"{job.subject}/".startswith(f"{course}/")]
        return about[:limit]

    async def job(self, number: int) -> Job | None:
        return self._jobs.get(number)
