"""A course's students, as operations: who they are, what they have, and what their teacher may do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.model import Share
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.people import Power
from nbhostd.core.students import Listing
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import Say
from nbhostd.services.students import Clearing, StudentRow
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Begun, Call, Nothing, Operation

_COURSE = "/courses/{course}"
_STUDENT = f"{_COURSE}/students/{{student}}"


class StudentShape(msgspec.Struct, frozen=True):
    """A student of a course. `size` is in bytes, as of `measured_at`; null where nothing is known."""

    name: str
    full_name: str
    account: bool
    member: bool
    staff: bool
    workspace: bool
    state: str
    since: str | None
    connections: int
    last_visit: str | None
    notebooks: int
    size: int | None
    files: int | None
    measured_at: str | None


class StudentList(msgspec.Struct, frozen=True):
    """Everybody of a course, by name."""

    students: list[StudentShape]


class FileShape(msgspec.Struct, frozen=True):
    """A file in a student's workspace; `size` in bytes."""

    path: str
    size: int
    changed_at: str | None


class ShareShape(msgspec.Struct, frozen=True):
    """A static version that everybody can read who has its address."""

    token: str
    student: str
    notebook: str
    shared_at: str


class ShareList(msgspec.Struct, frozen=True):
    """What students of a course share."""

    shares: list[ShareShape]


class StudentDetails(msgspec.Struct, frozen=True):
    """A student, with the notebooks in the workspace, the files that were handed out, and what is shared.

    With `more`, there are other files than these.
    """

    student: StudentShape
    notebooks: list[FileShape]
    dropped: list[FileShape]
    more: bool
    shares: list[ShareShape]


class ClearingShape(msgspec.Struct, frozen=True):
    """The notebooks of one of the staff of which the course has a newest version; `trouble` says why there are none."""

    name: str
    notebooks: list[str]
    trouble: str


class ClearingPlan(msgspec.Struct, frozen=True):
    """What a clearing would do."""

    staff: list[ClearingShape]


class ClearWish(msgspec.Struct, frozen=True):
    """Whose: the caller's or names of the staff; none means all of these."""

    students: Annotated[list[str], Meta(max_length=100)] = []


class MeasureWish(msgspec.Struct, frozen=True):
    """Whose workspace; empty means everybody's."""

    student: Annotated[str, Meta(max_length=128)] = ""


class Service(Protocol):
    """What is asked of services/students.py."""

    async def rows(self, course: CourseName) -> list[StudentRow]: ...
    async def row(self, id: WorkspaceId) -> StudentRow: ...
    async def notebooks(self, id: WorkspaceId) -> Listing: ...
    async def dropped(self, id: WorkspaceId) -> Listing: ...
    async def stop(self, id: WorkspaceId) -> bool: ...
    async def stop_idle(self, course: CourseName, say: Say) -> int: ...
    async def measure(self, course: CourseName, say: Say, only: StudentName | None = None) -> None: ...
    async def to_clear(self, course: CourseName, actor: str) -> list[Clearing]: ...
    async def clear(
        self, course: CourseName, actor: str, say: Say, names: Sequence[StudentName] = ()
    ) -> list[Clearing]: ...


class SharesService(Protocol):
    """What is asked of services/shares.py."""

    async def all(self) -> list[Share]: ...
    async def of(self, id: WorkspaceId) -> list[Share]: ...
    async def find(self, token: str) -> Share: ...
    async def remove(self, token: str) -> Share: ...


class Students:
    """The operations on students and on what they share."""

    def __init__(self, students: Service, shares: SharesService, errands: Errands) -> None:
        self.service = students
        self.shares = shares
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with a course's students."""
        teach, cleared = Power.TEACH, f"{_COURSE}/clear-staff"
        return [
            Operation(
                "student.list", "GET", f"{_COURSE}/students", "Everybody of a course: members, and whoever has a workspace",
                teach, self._list, StudentList,
            ),
            Operation("student.show", "GET", _STUDENT, "A student and their files", teach, self._show, StudentDetails),
            Operation(
                "student.stop", "POST", f"{_STUDENT}/stop", "Stop a student's workspace", teach, self._stop,
                done=N_("The workspace is stopped. The student’s files are as they were saved."),
            ),
            Operation(
                "student.stop-idle", "POST", f"{_COURSE}/stop-idle", "Stop the workspaces that nobody uses just now",
                teach, self._stop_idle, Begun, done=N_("No workspace was to be stopped."),
            ),
            Operation(
                "student.measure", "POST", f"{_COURSE}/measure", "Measure what workspaces take on the disk", teach,
                self._measure, Begun, MeasureWish,
            ),
            Operation(
                "student.clearable", "GET", cleared, "Which notebooks of the caller and the staff a clearing would renew",
                teach, self._to_clear, ClearingPlan,
            ),
            Operation(
                "student.clear", "POST", cleared, "Bring the course's newest notebooks to the caller and the staff", teach,
                self._clear, Begun, ClearWish,
            ),
            Operation("share.list", "GET", f"{_COURSE}/shares", "What students share", teach, self._shares, ShareList),
            Operation(
                "share.remove", "DELETE", f"{_COURSE}/shares/{{token}}", "Take down a static version",
                teach, self._unshare, done=N_("The page is taken down: its address leads nowhere any more."),
            ),
        ]  # fmt: skip

    async def _list(self, call: Call) -> StudentList:
        return StudentList([student_shape(row) for row in await self.service.rows(call.course)])

    async def _show(self, call: Call) -> StudentDetails:
        id = id_of(call)
        row = await self.service.row(id)
        notebooks, dropped = Listing(), Listing()
        if row.enrolled.workspace is not None:
            notebooks, dropped = await asyncio.gather(self.service.notebooks(id), self.service.dropped(id))
        return StudentDetails(
            student_shape(row), _files(notebooks), _files(dropped), notebooks.more or dropped.more,
            [share_shape(share) for share in await self.shares.of(id)],
        )  # fmt: skip

    async def _stop(self, call: Call) -> Nothing:
        await self.service.stop(id_of(call))
        return Nothing()

    async def _stop_idle(self, call: Call) -> Begun:
        async def work(say: Say) -> None:
            await self.service.stop_idle(call.course, say)

        return Begun(await self._errands.begin(call.who, f"stop what is idle in {call.course}", work))

    async def _measure(self, call: Call) -> Begun:
        only = StudentName.parse(call.body.student) if call.body.student else None

        async def work(say: Say) -> None:
            await self.service.measure(call.course, say, only)

        return Begun(await self._errands.begin(call.who, f"measure {call.course}", work))

    async def _to_clear(self, call: Call) -> ClearingPlan:
        plan = await self.service.to_clear(call.course, call.who)
        return ClearingPlan([ClearingShape(one.name, list(one.notebooks), one.trouble) for one in plan])

    async def _clear(self, call: Call) -> Begun:
        names = [StudentName.parse(name) for name in call.body.students]

        async def work(say: Say) -> None:
            await self.service.clear(call.course, call.who, say, names)

        return Begun(await self._errands.begin(call.who, f"clear staff of {call.course}", work))

    async def _shares(self, call: Call) -> ShareList:
        shares = [share for share in await self.shares.all() if share.workspace.course == call.course]
        return ShareList([share_shape(share) for share in shares])

    async def _unshare(self, call: Call) -> Nothing:
        share = await self.shares.find(call.names["token"])
        if share.workspace.course != call.course:
            raise Refused("This page does not exist (any more).", status=404, reason="no-such-share")
        await self.shares.remove(share.token)
        return Nothing()


def id_of(call: Call) -> WorkspaceId:
    """The student in the path, in the course in the path."""
    return WorkspaceId(call.course, StudentName.parse(call.names["student"]))


def student_shape(row: StudentRow) -> StudentShape:
    """A student, for the API."""
    enrolled, activity, measured = row.enrolled, row.activity, row.measurement
    return StudentShape(
        name=row.name, full_name=row.full_name, account=enrolled.user is not None, member=enrolled.is_member,
        staff=enrolled.is_staff, workspace=enrolled.workspace is not None,
        state=row.place.phase.value if enrolled.workspace else "none", since=iso(row.since),
        connections=row.connections, last_visit=iso(activity.last_visit if activity else None),
        notebooks=activity.notebooks if activity else 0, size=measured.size if measured else None,
        files=measured.files if measured else None, measured_at=iso(measured.at if measured else None),
    )  # fmt: skip


def share_shape(share: Share) -> ShareShape:
    """A static version, for the API."""
    moment = iso(share.shared_at)
    return ShareShape(share.token, share.workspace.student, share.notebook, moment)


def _files(listing: Listing) -> list[FileShape]:
    return [FileShape(file.path, file.size, iso(file.changed_at)) for file in listing.files]
