"""`/admin/audit`: who did what, when, from where; a page at a time, or all of it as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.people import Power
from nbhostd.core.ports_accounts import AuditLog
from nbhostd.core.sessions import AuditEntry
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.api import fields
from nbhostd.web.audit_ops import MOST, AuditQuery, EntryShape, entry_shape
from nbhostd.web.languages import N_
from nbhostd.web.operations import converted
from nbhostd.web.site import SitePages

_EACH = 100
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = EntryShape.__struct_fields__
VIA = {"browser": N_("in a browser"), "token": N_("a program"), "nbhostctl": N_("nbhostctl")}


class AuditPages:
    """The log as pages and as files."""

    def __init__(self, site: SitePages, audit: AuditLog) -> None:
        self._site = site
        self._audit = audit

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/admin/audit", self.show)
        router.add_get("/admin/audit.csv", self.as_csv)
        router.add_get("/admin/audit.json", self.as_json)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The latest entries that one looks for."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        query, wrong = AuditQuery(), ""
        try:
            query = _query(request)
            wanted = query.wanted()
        except Refused as error:
            wrong, wanted = self._site.pages.refusal(request, error), {}
        entries = await self._audit.entries(limit=_EACH + 1, before=query.before, **wanted)
        asked = urlencode(_asked(query))
        return await self._site.render(
            request, "admin_audit.html", entries=entries[:_EACH], query=query, wrong=wrong, files=f"?{asked}",
            size=await self._audit.size(), newest=f"?{asked}" if query.before else "",
            older=f"?{asked}&before={entries[_EACH - 1].number}" if len(entries) > _EACH else "",
            via={key: self._site.say(request, text) for key, text in VIA.items()},
            **admin_tabs(request, self._site, visitor.actor, "audit"),
        )  # fmt: skip

    async def as_csv(self, request: web.Request) -> web.StreamResponse:
        """All entries that one looks for, as RFC 4180 describes it."""
        query = await self._begin(request)
        response = await self._file(request, "audit.csv", "text/csv")
        await response.write(_row(COLUMNS))
        async for entries in self._all(query):
            lines = [_row([str(value) for value in msgspec.structs.astuple(entry)]) for entry in entries]
            await response.write(b"".join(lines))
        return response

    async def as_json(self, request: web.Request) -> web.StreamResponse:
        """The same, as one list."""
        query = await self._begin(request)
        response = await self._file(request, "audit.json", "application/json")
        between = b"["
        async for entries in self._all(query):
            for entry in entries:
                await response.write(between + msgspec.json.encode(entry))
                between = b",\n"
        await response.write(b"[]" if between == b"[" else b"]")
        return response

    async def _begin(self, request: web.Request) -> AuditQuery:
        await self._site.reception.demand(request, Power.ADMINISTER)
        query = _query(request)
        query.wanted()
        return query

    async def _file(self, request: web.Request, name: str, kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}"'})
        self._site.pages.dress(response)
        response.content_type, response.charset = kind, "utf-8"
        await response.prepare(request)
        return response

    async def _all(self, query: AuditQuery) -> AsyncIterator[list[EntryShape]]:
        before, wanted = query.before, query.wanted()
        while True:
            entries: list[AuditEntry] = await self._audit.entries(limit=MOST, before=before, **wanted)
            yield [entry_shape(entry) for entry in entries]
            if len(entries) < MOST:
                return
            before = entries[-1].number


def _query(request: web.Request) -> AuditQuery:
    query = converted(fields(request.query, AuditQuery), AuditQuery, strict=False)
    assert isinstance(query, AuditQuery)
    return query


def _asked(query: AuditQuery) -> dict[str, str]:
    words = {key: getattr(query, key) for key in ("who", "action", "subject", "since", "until")}
    return {key: value for key, value in words.items() if value} | (
        {"refused": "true"} if query.refused else {}
    )


def _row(cells: Sequence[str]) -> bytes:
    """A line of CSV, in which nothing is a formula to a spreadsheet."""
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue().encode()
