"""Looks: how a teacher sees a student's notebook, in a frame in which nothing of it runs and from which nothing goes out.

The page is made of what a student wrote. So it is at an address that nobody can guess and that is soon over, where there is
one on the workspace's own origin, and in a sandbox: an origin of nobody's, no script, no form, no picture from elsewhere (which
would tell the student who looks), no way for it to lead anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.headers import host_name
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.people import Power
from nbhostd.services.looks import Look
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Operation
from nbhostd.web.pages import BADGES, Badges, Pages
from nbhostd.web.site import SitePages
from nbhostd.web.students import id_of

PATIENCE = 3.0
"""Seconds that whoever asks waits for the page before being told to come back."""
_TOKEN = "{token:[A-Za-z0-9_-]{22}}"
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors {}"
)


class LookWish(msgspec.Struct, frozen=True):
    """The notebook: a path in the student's workspace; `language` is that of the few words around it."""

    notebook: Annotated[str, Meta(min_length=1, max_length=1024)]
    language: Annotated[str, Meta(max_length=2)] = "en"


class LookShape(msgspec.Struct, frozen=True):
    """A look. `address` is the page alone, for nobody else; null until it is ready."""

    token: str
    course: str
    student: str
    notebook: str
    ready: bool
    address: str | None
    page: str
    expires_at: str


class Service(Protocol):
    """What is asked of services/looks.py."""

    async def begin(
        self, id: WorkspaceId, notebook: NotebookPath, *, by: str, language: str = "en"
    ) -> Look: ...
    def find(self, token: str) -> Look: ...
    async def wait(self, look: Look, patience: float) -> bool: ...
    def page(self, look: Look) -> str: ...


class Place(Protocol):
    """Where the site is: web/context.py."""

    @property
    def public_url(self) -> str: ...
    @property
    def workspace_domain(self) -> str: ...


class Looks:
    """The operations, the teacher's page around a look, and the look itself."""

    def __init__(
        self, site: SitePages, pages: Pages, looks: Service, place: Callable[[], Place], patience: float = PATIENCE
    ) -> None:  # fmt: skip
        self._site = site
        self._pages = pages
        self._looks = looks
        self._place = place
        self._patience = patience

    def operations(self) -> list[Operation]:
        """What can be done."""
        looks = "/courses/{course}/students/{student}/looks"
        return [
            Operation(
                "student.look", "POST", looks, "Look at a student's notebook: have it made into a page, for a few minutes",
                Power.TEACH, self._begin, LookShape, LookWish, errors=(410, 413, 422),
                leads=lambda look: look.page,
            ),
            Operation(
                "student.looked", "GET", f"{looks}/{{token}}", "Whether the page of a look is ready; waits a little",
                Power.TEACH, self._wait, LookShape, errors=(410, 413, 422),
            ),
        ]  # fmt: skip

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/teach/{course}/students/{student}/looks/{token}", self.show, allow_head=False)
        router.add_get(f"/w/{_TOKEN}/.nbhostd/look", self.raw, allow_head=False)

    async def _begin(self, call: Call) -> LookShape:
        wish: LookWish = call.body
        language = wish.language if wish.language in self._pages.catalogues else "en"
        look = await self._looks.begin(
            id_of(call), NotebookPath.parse(wish.notebook), by=call.who, language=language
        )
        return self._shape(look, await self._looks.wait(look, self._patience))

    async def _wait(self, call: Call) -> LookShape:
        look = self._find(call.names["token"], id_of(call))
        return self._shape(look, await self._looks.wait(look, self._patience))

    def _find(self, token: str, id: WorkspaceId) -> Look:
        look = self._looks.find(token)
        if look.id != id:
            raise Refused("This look is over.", status=410, reason="look-over")
        return look

    def _shape(self, look: Look, ready: bool) -> LookShape:
        page = f"{teach_path(look.id.course, 'students', look.id.student)}/looks/{look.token}"
        return LookShape(
            look.token, look.id.course, look.id.student, look.notebook, ready, self._address(look) if ready else None,
            page, iso(look.expires_at),
        )  # fmt: skip

    def _origin(self, look: Look) -> str:
        """The workspace's own, where it has one."""
        place, public = self._place(), urlsplit(self._place().public_url)
        if not place.workspace_domain:
            return place.public_url
        port = f":{public.port}" if public.port else ""
        return f"{public.scheme}://{look.workspace.label}.{place.workspace_domain}{port}"

    def _address(self, look: Look) -> str:
        return f"{self._origin(look)}/w/{look.token}/.nbhostd/look"

    async def show(self, request: web.Request) -> web.Response:
        """The teacher's page: whose notebook it is, and the look in a frame; or that it is being made, or why it is not."""
        course = CourseName.parse(request.match_info["course"])
        await self._site.reception.demand(request, Power.TEACH, course)
        id = WorkspaceId(course, StudentName.parse(request.match_info["student"]))
        look = self._find(request.match_info["token"], id)
        trouble, ready = "", False
        try:
            ready = await self._looks.wait(look, 0)
        except NbhostdError as error:
            trouble = self._pages.refusal(request, error)
        tabs = course_tabs(request, self._site, course, "students")
        student = (teach_path(course, "students", id.student), str(id.student))
        here = (request.path, self._site.say(request, N_("A look")))
        return await self._site.render(
            request, "look.html", look=look, ready=ready, trouble=trouble, address=self._address(look),
            course=course, student=id.student, back=student[0], language=self._pages.language(request),
            status_of=f"/api/v1/courses{student[0].removeprefix('/teach')}/looks/{look.token}",
            frames=(self._origin(look),) if ready else (),
            **{**tabs, "crumbs": [*tabs["crumbs"], student, here]},
        )  # fmt: skip

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """The look itself, for whoever has its address while it lasts."""
        look = self._looks.find(request.match_info["token"])
        request[BADGES] = Badges.of(look.id, look.notebook)
        origin = urlsplit(self._origin(look))
        if host_name(request.headers.get(hdrs.HOST, "")) != origin.hostname:
            raise Refused("This is not at this address.", status=421, reason="wrong-host")
        path = Path(self._looks.page(look))
        if not look.ready or not path.is_file():
            raise Refused("This look is over.", status=410, reason="look-over")
        response = web.FileResponse(path)
        self._pages.dress(response)
        response.headers.update(
            {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy": _POLICY.format(_bare(self._place().public_url)),
                "Cross-Origin-Opener-Policy": "same-origin",
                "X-Robots-Tag": "noindex, nofollow, noarchive",
            }
        )
        return response


def _bare(url: str) -> str:
    """The origin of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
