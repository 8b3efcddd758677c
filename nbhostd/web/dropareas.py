"""Drop areas, as operations: files put there by a teacher, looked at, handed out, taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.handouts import DropFile
from nbhostd.core.names import AreaName, CourseName, FilePath
from nbhostd.core.people import Power
from nbhostd.services.dropareas import Deployment, FileStatus
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import Say
from nbhostd.web.languages import N_
from nbhostd.web.operations import Begun, Call, Content, Nothing, Operation

_COURSE = "/courses/{course}/dropareas"
_AREA = f"{_COURSE}/{{area}}"
_FILE = f"{_AREA}/files/{{path:.+}}"


class AreaShape(msgspec.Struct, frozen=True):
    """A drop area: how many files it holds, and their size in bytes."""

    area: str
    files: int
    size: int


class AreaList(msgspec.Struct, frozen=True):
    """A course's drop areas, by name."""

    areas: list[AreaShape]


class AreaWish(msgspec.Struct, frozen=True):
    """The name of an area: letters, digits, '_', '.' and '-'."""

    area: Annotated[str, Meta(min_length=1, max_length=128)]


class DropFileShape(msgspec.Struct, frozen=True):
    """A file of an area: of the `total` students `available` have one of that name, `new` would get it."""

    path: str
    size: int
    total: int
    available: int
    new: int


class AreaDetails(msgspec.Struct, frozen=True):
    """The files of an area."""

    area: str
    files: list[DropFileShape]


class Removed(msgspec.Struct, frozen=True):
    """How many files were removed."""

    removed: int


class Stored(msgspec.Struct, frozen=True):
    """A file is in the area; `size` in bytes."""

    path: str
    size: int


class DeployWish(msgspec.Struct, frozen=True):
    """Which files (none: all), and to whom: names of students or patterns (none: all)."""

    files: Annotated[list[str], Meta(max_length=1000)] = []
    students: Annotated[list[str], Meta(max_length=1000)] = []


class Service(Protocol):
    """What is asked of services/dropareas.py."""

    async def areas(self, course: CourseName) -> dict[AreaName, list[DropFile]]: ...
    async def create(self, course: CourseName, area: AreaName) -> None: ...
    async def put(
        self, course: CourseName, area: AreaName, file: FilePath, size: int, content: AsyncIterator[bytes]
    ) -> None: ...
    async def remove(self, course: CourseName, area: AreaName, file: FilePath) -> None: ...
    async def remove_area(self, course: CourseName, area: AreaName) -> int: ...
    async def status(
        self, course: CourseName, area: AreaName, students: Sequence[str] = ()
    ) -> list[FileStatus]: ...
    async def deploy(
        self, course: CourseName, area: AreaName, say: Say, *, files: Sequence[FilePath] = (),
        students: Sequence[str] = (),
    ) -> Deployment: ...  # fmt: skip


class DropAreas:
    """The operations on drop areas."""

    def __init__(self, service: Service, errands: Errands) -> None:
        self.service = service
        self._errands = errands

    def operations(self) -> list[Operation]:
        """What can be done with a course's drop areas."""
        teach = Power.TEACH
        return [
            Operation("droparea.list", "GET", _COURSE, "The drop areas of a course", teach, self._list, AreaList),
            Operation(
                "droparea.create", "POST", _COURSE, "Make a drop area, still empty", teach, self._create, body=AreaWish,
                done=N_("The drop area is there. Put files into it, then hand them out."),
            ),
            Operation(
                "droparea.show", "GET", _AREA, "The files of an area, and how many students have each", teach, self._show,
                AreaDetails,
            ),
            Operation(
                "droparea.remove", "DELETE", _AREA, "Remove an area with its files; students keep their copies", teach,
                self._remove_area, Removed, done=N_("The drop area is removed. Students keep what they have."),
            ),
            Operation(
                "droparea.deploy", "POST", f"{_AREA}/deploy", "Hand out the files of an area, never over anything of theirs",
                teach, self._deploy, Begun, DeployWish,
            ),
            Operation(
                "file.put", "PUT", _FILE, "Put a file into an area, which is made when missing", teach, self._put, Stored,
                raw=True, errors=(411, 413),
            ),
            Operation(
                "file.remove", "DELETE", _FILE, "Remove a file from an area; students keep their copies", teach,
                self._remove, done=N_("The file is out of the drop area. Students keep what they have."),
            ),
        ]  # fmt: skip

    async def _list(self, call: Call) -> AreaList:
        areas = await self.service.areas(call.course)
        return AreaList(
            [AreaShape(area, len(files), sum(file.size for file in files)) for area, files in areas.items()]
        )

    async def _create(self, call: Call) -> Nothing:
        await self.service.create(call.course, AreaName.parse(call.body.area))
        return Nothing()

    async def _show(self, call: Call) -> AreaDetails:
        status = await self.service.status(call.course, _area(call))
        files = [DropFileShape(one.path, one.size, one.total, one.available, one.new) for one in status]
        return AreaDetails(_area(call), files)

    async def _remove_area(self, call: Call) -> Removed:
        return Removed(await self.service.remove_area(call.course, _area(call)))

    async def _deploy(self, call: Call) -> Begun:
        course, area, wish = call.course, _area(call), call.body
        files = [FilePath.parse(file) for file in wish.files]

        async def work(say: Say) -> None:
            await self.service.deploy(course, area, say, files=files, students=wish.students)

        return Begun(await self._errands.begin(call.who, f"hand out {course}/{area}", work))

    async def _put(self, call: Call) -> Stored:
        content: Content = call.content or Content(None, _nothing())
        if content.size is None:
            message = "The file's size must be said (Content-Length)."
            raise Refused(message, status=411, reason="no-length")
        file = _file(call)
        await self.service.put(call.course, _area(call), file, content.size, content.pieces)
        return Stored(file, content.size)

    async def _remove(self, call: Call) -> Nothing:
        await self.service.remove(call.course, _area(call), _file(call))
        return Nothing()


def _area(call: Call) -> AreaName:
    return AreaName.parse(call.names["area"])


def _file(call: Call) -> FilePath:
    return FilePath.parse(call.names["path"])


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece
