"""Classrooms, as nbhostctl and the teachers' pages ask for them."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from nbhostd.core.clonetool import PullOptions, Reset
from nbhostd.core.errors import Refused
from nbhostd.services.pulling import Pulling, PullStudentsReport, StudentPulled, Wanted
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import Shape, Voice, read_body, stream


class ClassroomControl:
    """`POST /v1/courses/COURSE/pull-students`."""

    def __init__(self, pulling: Pulling, tasks: Tasks) -> None:
        self._pulling = pulling
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [web.post("/v1/courses/{course}/pull-students", self.pull_students)]

    async def pull_students(self, request: web.Request) -> web.StreamResponse:
        """One result per student, and the lines of each as they come.

        Body: `students` (names or patterns; none = all), `reset` (no, if-needed, always), `resync`, `dry_run`,
        `skip_course`, all optional.
        """
        name = course_name(request)
        body = await read_body(
            request, {"students": list, "reset": str, "resync": bool, "dry_run": bool, "skip_course": bool}
        )
        wanted = _wanted(body)

        async def work(say: Voice) -> Shape:
            return pull_students_shape(await self._pulling.pull_students(name, wanted, say, say.progress))

        return await stream(request, self._tasks, work)


def _wanted(body: Shape) -> Wanted:
    students = body.get("students", [])
    if not all(isinstance(student, str) for student in students):
        raise Refused("“students” must be a list of texts.")
    reset = body.get("reset", Reset.NO.value)
    if reset not in set(Reset):
        raise Refused(f"“reset” is one of {', '.join(Reset)}.")
    options = PullOptions(Reset(reset), body.get("resync", False), body.get("dry_run", False))
    if options.resync and options.reset is not Reset.NO:
        raise Refused("A resync starts anew: give it or a reset, not both.")
    return Wanted(tuple(students), options, body.get("skip_course", False))


def pull_students_shape(report: PullStudentsReport) -> Shape:
    """What became of every student's clone."""
    return {
        "course": report.course,
        "commit": report.commit,
        "dry_run": report.dry_run,
        "job": report.job,
        "counts": report.counts,
        "summary": report.summary,
        "students": [_student_shape(one) for one in report.students],
    }


def _student_shape(one: StudentPulled) -> Shape:
    return {"student": one.student, **asdict(one.answer), "good": one.answer.good, "words": one.words}
