"""Courses' static sites, as browsers get them: files of a stranger, served so that they can do nothing in our name.

A site is on the main host, where our own pages and their cookies are. So every answer carries a sandbox: whatever
its scripts do, they do from an origin of their own that nobody else has.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from nbhostd.core.errors import Refused
from nbhostd.core.model import Build, Course, CourseSettings
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Clock, CourseShelf, SiteFiles
from nbhostd.core.tickets import seal, unseal
from nbhostd.web.context import Context

PURPOSE = "sites"
_KIND = "site"
LONGEST = timedelta(days=400)
FOR_MEMBERS = timedelta(hours=4)
"""How long an address is good that a member of the course is led to: whoever sees it meanwhile could read on."""

_SANDBOX = "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-forms allow-downloads"
_TYPES = mimetypes.MimeTypes(filenames=())
_MORE_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".cjs": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".ipynb": "application/x-ipynb+json",
    ".md": "text/markdown",
    ".wasm": "application/wasm",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".svg": "image/svg+xml",
    ".inv": "application/octet-stream",
}
_TEXT = re.compile(r"text/|application/(?:.*\+)?json$|image/svg\+xml|application/(?:.*\+)?xml$")
_SEGMENT = "[^/]+"


def site_path(course: str, build: str, version: str = "latest", ticket: str = "") -> str:
    """Where a site is, percent-encoded, with its last slash."""
    parts = ("builds", *((f"~{ticket}",) if ticket else ()), course, build, version)
    return "/" + "/".join(quote(part, safe="~") for part in parts) + "/"


def site_ticket(key: bytes, course: CourseName, build: str, expires: datetime) -> str:
    """What lets its bearer read one site until then."""
    return seal(key, _KIND, {"course": course, "build": build}, expires)


class Membership(Protocol):
    """Who knows the people that are logged in (web/members.py)."""

    async def is_member(self, request: web.Request, course: CourseName) -> bool: ...
    async def demand_in_frame(self, request: web.Request) -> None: ...


class SitesRoom:
    """`/builds/COURSE/BUILD/latest/…`, and the same behind a ticket."""

    def __init__(
        self, context: Context, courses: CourseShelf, files: SiteFiles, clock: Clock, members: Membership | None = None
    ) -> None:  # fmt: skip
        self._context = context
        self._courses = courses
        self._files = files
        self._clock = clock
        self._members = members

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        site = f"{{course:{_SEGMENT}}}/{{build:{_SEGMENT}}}"
        for prefix in ("/builds/~{ticket:[^/]+}/", "/builds/"):
            router.add_get(f"{prefix}{site}", self.beginning)
            router.add_get(f"{prefix}{site}/", self.beginning)
            router.add_get(f"{prefix}{site}/{{version:{_SEGMENT}}}", self.beginning)
            router.add_get(f"{prefix}{site}/{{version:{_SEGMENT}}}/{{path:.*}}", self.file)

    async def beginning(self, request: web.Request) -> web.StreamResponse:
        """A redirect to where the site begins."""
        return await self._or_lead_member(request, self._beginning)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file of the site; a directory's index.html."""
        return await self._or_lead_member(request, self._file)

    async def _or_lead_member(self, request: web.Request, serve: Handler) -> web.StreamResponse:
        """A member of the course who comes without a ticket, or with an old one, is led to an address with a new one."""
        try:
            return await serve(request)
        except Refused as refusal:
            old = refusal.reason == "expired-site"
            ticket = await self._members_ticket(request) if old or not self._ticket(request) else ""
            if not ticket:
                if self._members is not None:
                    await self._members.demand_in_frame(request)
                raise
            course, build = request.match_info["course"], request.match_info["build"]
            version = request.match_info.get("version", "latest")
            path = quote(request.match_info.get("path", ""))
            return self._context.pages.redirect(site_path(course, build, version, ticket) + path)

    async def _members_ticket(self, request: web.Request) -> str:
        """A ticket for whoever asks, being logged in and a member of a course whose sites are for members; else ''."""
        if self._members is None:
            return ""
        try:
            course = await self._courses.get(CourseName.parse(request.match_info["course"]))
            if course.public_builds or not await self._members.is_member(request, course.name):
                return ""
        except Refused:
            return ""
        key = self._context.settings().launch_keys.for_purpose(PURPOSE)[0]
        return site_ticket(key, course.name, request.match_info["build"], self._clock.now() + FOR_MEMBERS)

    async def _beginning(self, request: web.Request) -> web.StreamResponse:
        course, build = await self._admit(request)
        version = request.match_info.get("version", "latest")
        return self._context.pages.redirect(site_path(course.name, build.id, version, self._ticket(request)))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        course, build = await self._admit(request)
        version, path = request.match_info["version"], request.match_info["path"]
        if not path and build.entry_point.strip("/") != "index.html":
            base = site_path(course.name, build.id, version, self._ticket(request))
            path = build.entry_point.strip("/")
            if await self._files.find(course.name, build.id, version, path) is None:
                raise _nothing()
            return self._context.pages.redirect(base + quote(path))
        found = await self._files.find(course.name, build.id, version, path.removesuffix("/"))
        if found is None:
            raise _nothing()
        if found[1]:
            if path and not path.endswith("/"):
                base = site_path(course.name, build.id, version, self._ticket(request))
                return self._context.pages.redirect(base + quote(path) + "/")
            found = await self._files.find(
                course.name, build.id, version, f"{path.removesuffix('/')}/index.html".lstrip("/")
            )
        elif path.endswith("/"):
            found = None
        if found is None or found[1]:
            raise _nothing()
        return web.FileResponse(found[0], headers=self._headers(found[0], public=course.public_builds))

    async def _admit(self, request: web.Request) -> tuple[Course, Build]:
        """The course and its build, for those who may see it. Raises Refused: 404 for whatever is not theirs to know."""
        try:
            name = CourseName.parse(request.match_info["course"])
            course = await self._courses.get(name)
        except Refused:
            raise _nothing() from None
        build_id = request.match_info["build"]
        ticket = self._ticket(request)
        if ticket:
            keys = self._context.settings().launch_keys.for_purpose(PURPOSE)
            allowed = _allowed(keys, ticket, self._clock.now())
            if (allowed["course"], allowed["build"]) != (course.name, build_id):
                raise _nothing()
        elif not course.public_builds:
            raise _nothing()
        settings: CourseSettings = await self._courses.settings(course)
        for build in settings.builds:
            if build.id == build_id and not build.external_url:
                return course, build
        raise _nothing()

    @staticmethod
    def _ticket(request: web.Request) -> str:
        return request.match_info.get("ticket", "")

    def _headers(self, path: str, *, public: bool) -> dict[str, str]:
        kind = content_type(path)
        ancestors = " ".join(("'self'", *self._context.settings().frame_ancestors))
        return {
            hdrs.CONTENT_TYPE: f"{kind}; charset=utf-8" if _TEXT.match(kind) else kind,
            "Content-Security-Policy": f"{_SANDBOX}; frame-ancestors {ancestors}",
            "X-Content-Type-Options": "nosniff",
            # In the sandbox, the site's own pages are strangers to it: its fonts, modules and search index are fetched
            # from the origin "null". Nothing here depends on who asks (no cookie): the address is all there is to know.
            "Access-Control-Allow-Origin": "*",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache" if public else "private, no-cache",
            "Server": "nbhostd",
        }


def content_type(path: str) -> str:
    """What kind of file it is, by its name and not by what this computer's files say of names."""
    dot = path.rpartition("/")[2].rfind(".")
    suffix = path.rpartition("/")[2][dot:].lower() if dot >= 0 else ""
    return _MORE_TYPES.get(suffix) or _TYPES.types_map[True].get(suffix) or "application/octet-stream"


def _allowed(keys: Sequence[bytes], ticket: str, now: datetime) -> dict[str, str]:
    try:
        return unseal(keys, _KIND, ticket, now)
    except Refused as refusal:
        if refusal.status != HTTPStatus.GONE:
            raise _nothing() from refusal
        raise Refused("This address has expired.", status=refusal.status, reason="expired-site") from refusal


def _nothing() -> Refused:
    return Refused("There is no such page.", status=404, reason="no-such-site")
