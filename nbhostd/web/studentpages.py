"""The pages about students: `/teach/COURSE/students`, each student's own, and what clearing the staff's files would do."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web

from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Phase
from nbhostd.core.names import StudentName, WorkspaceId
from nbhostd.core.students import Listing, OwnFile
from nbhostd.services.students import StudentRow
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.languages import N_
from nbhostd.web.shares import share_url
from nbhostd.web.site import SitePages
from nbhostd.web.students import Students, student_shape

STATES = {
    Phase.ASLEEP: N_("asleep"),
    Phase.QUEUED: N_("in the queue"),
    Phase.STARTING: N_("starting"),
    Phase.READY: N_("running"),
    Phase.STOPPING: N_("stopping"),
    Phase.FAILED: N_("failed to start"),
}
TONES = {Phase.READY: "good", Phase.FAILED: "bad", Phase.ASLEEP: "plain"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_MOST_SHOWN = 500
"""Notebooks of one student on a page, the latest changed first."""
_COLUMNS = (
    ("name", N_("Name")), ("full_name", N_("Full name")), ("member", N_("Member")), ("staff", N_("Staff")),
    ("last_visit", N_("Last visit")), ("notebooks", N_("Notebooks opened")), ("size", N_("Bytes on disk")),
    ("files", N_("Files")), ("measured_at", N_("Measured at")), ("state", N_("State")), ("since", N_("Since")),
    ("connections", N_("Connections")),
)  # fmt: skip


class StudentPages:
    """A room of the site: the list, a student, the clearing."""

    def __init__(self, site: SitePages, students: Students, public_url: Callable[[], str]) -> None:
        self._site = site
        self._students = students
        self._public_url = public_url

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/teach/{course}/students", self.everybody, allow_head=False)
        router.add_get("/teach/{course}/students.csv", self.table, allow_head=False)
        router.add_get("/teach/{course}/students/{student}", self.show, allow_head=False)
        router.add_get("/teach/{course}/clear-staff", self.clearing, allow_head=False)

    async def everybody(self, request: web.Request) -> web.Response:
        """Everybody, or whom `?q=` finds."""
        course, wanted = await self._site.reception.taught(request), request.query.get("q", "").strip()
        rows = await self._students.service.rows(course)
        shown = [row for row in rows if _is_meant(row, wanted)]
        measured = [row.measurement for row in rows if row.measurement]
        return await self._site.render(
            request, "students.html", course=course, rows=shown, q=wanted, all=len(rows),
            awake=sum(row.is_awake for row in rows), size=sum(one.size for one in measured),
            measured_at=min((one.at for one in measured), default=None),
            workspaces=sum(row.enrolled.workspace is not None for row in rows), measured=len(measured),
            states=self._states(request), tones=TONES, here=teach_path(course, "students"),
            **course_tabs(request, self._site, course, "students"),
        )  # fmt: skip

    def _states(self, request: web.Request) -> dict[Phase, str]:
        return {phase: self._site.say(request, text) for phase, text in STATES.items()}

    async def table(self, request: web.Request) -> web.Response:
        """The same as comma-separated values (RFC 4180)."""
        course = await self._site.reception.taught(request)
        text = io.StringIO()
        write = csv.writer(text).writerow
        write([self._site.say(request, title) for _, title in _COLUMNS])
        for row in await self._students.service.rows(course):
            shape = student_shape(row)
            write([_cell(getattr(shape, key)) for key, _ in _COLUMNS])
        # The mark at the beginning has spreadsheets read it as UTF-8.
        response = web.Response(text=f"\ufeff{text.getvalue()}", content_type="text/csv", charset="utf-8")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(course)}-students.csv"
        return self._site.dress(self._site.pages.dress(response))

    async def show(self, request: web.Request) -> web.Response:
        """One student; files are listed as the student, and when they cannot be, the rest is still there."""
        course = await self._site.reception.taught(request)
        id = WorkspaceId(course, StudentName.parse(request.match_info["student"]))
        row = await self._students.service.row(id)
        notebooks, dropped, trouble = await self._files(request, row, id)
        shares = await self._students.shares.of(id)
        tabs = course_tabs(request, self._site, course, "students")
        tabs["crumbs"] = [*tabs["crumbs"], (teach_path(course, "students", id.student), str(id.student))]
        return await self._site.render(
            request, "student.html", course=course, row=row, notebooks=_latest(notebooks.files),
            dropped=dropped.files, more=notebooks.more or len(notebooks.files) > _MOST_SHOWN, trouble=trouble,
            shares=[(share, share_url(self._public_url(), share)) for share in shares],
            states=self._states(request), tones=TONES, language=self._site.pages.language(request),
            students=teach_path(course, "students"),
            statistics=f"{teach_path(course, 'statistics')}/students/{quote(id.student, safe='')}", **tabs,
        )  # fmt: skip

    async def _files(
        self, request: web.Request, row: StudentRow, id: WorkspaceId
    ) -> tuple[Listing, Listing, str]:
        if row.enrolled.workspace is None:
            return Listing(), Listing(), ""
        service = self._students.service
        try:
            notebooks, dropped = await asyncio.gather(service.notebooks(id), service.dropped(id))
        except NbhostdError as error:
            return Listing(), Listing(), self._site.pages.refusal(request, error)
        return notebooks, dropped, ""

    async def clearing(self, request: web.Request) -> web.Response:
        """What clearing the own files and those of the staff would do; nothing is done yet."""
        course = await self._site.reception.taught(request)
        visitor = await self._site.reception.visitor(request)
        plan = await self._students.service.to_clear(course, visitor.actor.name)
        tabs = course_tabs(request, self._site, course, "students")
        here = (teach_path(course, "clear-staff"), self._site.say(request, N_("Clear work files")))
        return await self._site.render(
            request, "clear_staff.html", course=course, plan=plan, back=teach_path(course, "students"),
            **{**tabs, "crumbs": [*tabs["crumbs"], here]},
        )  # fmt: skip


def _is_meant(row: StudentRow, wanted: str) -> bool:
    return wanted.lower() in f"{row.name} {row.full_name}".lower()


def _latest(files: Sequence[OwnFile]) -> list[OwnFile]:
    """The latest changed first; those that say no moment at the end."""
    return sorted(files, key=lambda file: file.changed_at or _LONG_AGO, reverse=True)[:_MOST_SHOWN]


def _cell(value: object) -> str:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
