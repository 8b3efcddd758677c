"""The pages of drop areas: `/teach/COURSE/dropareas`, one area with its files, and the form that takes files without a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import BodyPartReader, web

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.names import AreaName, CourseName
from nbhostd.core.ports_students import Uploads
from nbhostd.services.dropareas import LARGEST, FileStatus
from nbhostd.services.roll import Roll
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.dropareas import DropAreas
from nbhostd.web.languages import N_, NN_
from nbhostd.web.operations import Call, Content, Operations
from nbhostd.web.reception import CSRF_FIELD, Visitor
from nbhostd.web.site import Flash, SitePages

_CHUNK = 1 << 16
_MOST_FILES = 100
_FEW = 60
"""So many students are asked for what they have when a page is loaded; more, when somebody wants to know."""
_LONGEST_FIELD = 1000
_FILES = "files"
_PUT = NN_("{count} file is in the drop area now.", "{count} files are in the drop area now.")


class DropPages:
    """A room of the site."""

    def __init__(
        self, site: SitePages, dropareas: DropAreas, operations: Operations, roll: Roll, uploads: Uploads
    ) -> None:  # fmt: skip
        self._site = site
        self._dropareas = dropareas
        self._operations = operations
        self._roll = roll
        self._uploads = uploads

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes, the predecessor's among them."""
        router.add_get("/teach/{course}/dropareas", self.areas, allow_head=False)
        router.add_get("/teach/{course}/dropareas/{area}", self.show, allow_head=False)
        router.add_post("/teach/{course}/dropareas/{area}/files", self.receive)
        for end in ("", "/"):
            router.add_get(f"/teacher/droparea/{{course}}/{{area}}{end}", self.moved, allow_head=False)

    async def areas(self, request: web.Request) -> web.Response:
        """The areas of a course."""
        course = await self._site.reception.taught(request)
        areas = await self._dropareas.service.areas(course)
        here = teach_path(course, "dropareas")
        return await self._site.render(
            request, "dropareas.html", course=course, here=here,
            areas=[(area, teach_path(course, "dropareas", area), files) for area, files in areas.items()],
            **course_tabs(request, self._site, course, "dropareas"),
        )  # fmt: skip

    async def show(self, request: web.Request) -> web.Response:
        """An area: its files, and how many students have each, asked at once where they are few."""
        course, area = await self._site.reception.taught(request), AreaName.parse(request.match_info["area"])
        areas = await self._dropareas.service.areas(course)
        if area not in areas:
            message = f"The course “{course}” has no drop area “{area}”."
            raise Refused(message, status=404, reason="no-such-area")
        roll = await self._roll.of(course)
        asked = len(roll) <= _FEW or "status" in request.query
        status, trouble = await self._status(request, course, area) if asked and areas[area] else ({}, "")
        tabs = course_tabs(request, self._site, course, "dropareas")
        here = teach_path(course, "dropareas", area)
        return await self._site.render(
            request, "droparea.html", course=course, area=area, files=areas[area], statuses=status, trouble=trouble,
            asked=asked, students=len(roll), largest=LARGEST, here=here, back=teach_path(course, "dropareas"),
            put=f"/api/v1/courses{here.removeprefix('/teach')}/files/",
            **{**tabs, "crumbs": [*tabs["crumbs"], (here, str(area))]},
        )  # fmt: skip

    async def _status(
        self, request: web.Request, course: CourseName, area: AreaName
    ) -> tuple[dict[str, FileStatus], str]:
        try:
            return {one.path: one for one in await self._dropareas.service.status(course, area)}, ""
        except NbhostdError as error:
            return {}, self._site.pages.refusal(request, error)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Files from a form, one after the other through the disk; what is wrong with one stops no other."""
        visitor = await self._site.reception.visitor(request)
        course, area = request.match_info["course"], request.match_info["area"]
        if not request.content_type.startswith("multipart/"):
            raise Refused("This form has no files.", reason="no-files")
        put, checked = 0, False
        troubles: list[str] = []
        async for part in _parts(request):
            if part.name == CSRF_FIELD:
                given = bytes(await part.read_chunk(_LONGEST_FIELD)).decode(errors="replace")
                await self._site.reception.check_form(request, visitor, given)
                checked = True
            elif part.name == _FILES and part.filename:
                if not checked:
                    await self._site.reception.check_form(request, visitor, "")
                trouble = await self._receive_one(request, visitor, {"course": course, "area": area}, part)
                put += not trouble
                troubles += [trouble] if trouble else []
        self._tell(request, visitor, put, troubles)
        return self._site.pages.redirect(request.path.removesuffix("/files"))

    async def _receive_one(
        self, request: web.Request, visitor: Visitor, names: dict[str, str], part: BodyPartReader
    ) -> str:
        """Why a file is not in the area, or ''. Raises Refused where the others would be refused for the same reason."""
        name = _name(part.filename or "")
        try:
            async with self._uploads.receive(_content(part), LARGEST) as received:
                call = Call(
                    visitor, {**names, "path": name}, content=Content(received.size, received.pieces())
                )
                await self._operations.call(self._operations.get("file.put"), call, {})
        except NbhostdError as error:
            if error.status in (401, 403, 404):
                raise
            return f"{name}: {self._site.pages.refusal(request, error)}"
        return ""

    def _tell(self, request: web.Request, visitor: Visitor, put: int, troubles: Sequence[str]) -> None:
        if put:
            text = self._site.pages.say_count(request, *_PUT, put)
            self._site.flashes.put(visitor, Flash("good", text))
        if not put and not troubles:
            troubles = [self._site.say(request, N_("No file was chosen."))]
        for trouble in troubles[:3]:
            self._site.flashes.put(visitor, Flash("bad", trouble))

    async def moved(self, request: web.Request) -> web.Response:
        """The predecessor's address of an area."""
        course, area = await self._site.reception.taught(request), AreaName.parse(request.match_info["area"])
        return self._site.pages.redirect(teach_path(course, "dropareas", area))


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    """The fields and files of a form, in their order. Raises Refused for what is no such form."""
    try:
        reader = await request.multipart()
        for _ in range(_MOST_FILES + 2):
            part = await reader.next()
            if part is None:
                return
            if isinstance(part, BodyPartReader):
                yield part
    except (ValueError, AssertionError) as error:
        raise Refused("This form cannot be read.", reason="no-files", detail=str(error)) from error
    raise Refused(f"At most {_MOST_FILES} files at a time.", status=413, reason="too-many-files")


async def _content(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_CHUNK):
        yield piece


def _name(sent: str) -> str:
    """The file's name: browsers may send folders before it, and these three characters as WHATWG HTML §4.10.21.8 says."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
