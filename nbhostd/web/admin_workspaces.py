"""`/admin/workspaces`: what runs, live; `/admin/workspaces/all`: everything that has files, asleep or not."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol
from urllib.parse import urlencode

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Phase
from nbhostd.core.people import Power
from nbhostd.core.students import Measurement
from nbhostd.services.census import Resident
from nbhostd.services.status import StatusRow
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.api import fields
from nbhostd.web.languages import N_
from nbhostd.web.operations import converted
from nbhostd.web.people_search import page_of
from nbhostd.web.reception import Visitor
from nbhostd.web.site import Site, SitePages
from nbhostd.web.workspace_ops import SpaceQuery, residents_like, rows_like

_EACH = 50
PHASES = {
    Phase.QUEUED: N_("waits for its turn"),
    Phase.STARTING: N_("starting"),
    Phase.READY: N_("ready"),
    Phase.STOPPING: N_("stopping"),
    Phase.FAILED: N_("did not start, or broke down"),
    Phase.ASLEEP: N_("asleep"),
}
PHASE_TONES = {Phase.READY: "good", Phase.FAILED: "bad", Phase.QUEUED: "warn"}


class Status(Protocol):
    """What is asked of services/status.py."""

    async def rows(self) -> list[StatusRow]: ...


class Census(Protocol):
    """What is asked of services/census.py."""

    async def residents(self) -> list[Resident]: ...


class Measurements(Protocol):
    """What is asked of the sizes that are known."""

    async def every(self) -> dict[int, Measurement]: ...


class WorkspacePages:
    """The live list, and the one of all."""

    def __init__(self, site: SitePages, status: Status, census: Census, measurements: Measurements) -> None:
        self._site = site
        self._status = status
        self._census = census
        self._measurements = measurements

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/admin/workspaces", self.show)
        router.add_get("/admin/workspaces/live", self.show_rows)
        router.add_get("/admin/workspaces/all", self.show_all)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What runs: with a script, the rows are renewed every few seconds."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        query = _query(request)
        return await self._site.render(
            request, "admin_workspaces.html", **await self._live(request, query),
            live=f"/admin/workspaces/live?{urlencode({'q': query.q})}",
            **admin_tabs(request, self._site, visitor.actor, "workspaces"),
        )  # fmt: skip

    async def show_rows(self, request: web.Request) -> web.StreamResponse:
        """The same rows without a page around them."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        query = _query(request)
        response = self._site.pages.render(
            request, "admin_workspaces_live.html", site=_bare(visitor), **await self._live(request, query)
        )
        return self._site.dress(response)

    async def _live(self, request: web.Request, query: SpaceQuery) -> dict[str, Any]:
        every = await self._status.rows()
        rows = rows_like(every, query.q)
        say = self._site.say
        counts = Counter(row.phase for row in every)
        known = [row.memory for row in every if row.memory is not None]
        return {
            "rows": rows, "query": query,
            "phases": {phase: say(request, text) for phase, text in PHASES.items()}, "tones": PHASE_TONES,
            "counts": [(say(request, PHASES[phase]), count) for phase, count in sorted(counts.items())],
            "memory": sum(known) if known else None,
            "courses": sorted({str(row.id.course) for row in every}),
        }  # fmt: skip

    async def show_all(self, request: web.Request) -> web.StreamResponse:
        """Every workspace there is, a page at a time, with what is known of its size."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        query = _query(request)
        found = residents_like(await self._census.residents(), query)
        shown, page, last = page_of(found, query.page, _EACH)
        kept = {key: value for key, value in (("q", query.q), ("unused_since", query.unused_since)) if value}
        return await self._site.render(
            request, "admin_workspaces_all.html", residents=shown, total=len(found), query=query, page=page, last=last,
            base=f"?{urlencode(kept)}&page=" if kept else "?page=", sizes=await self._measurements.every(),
            tones=PHASE_TONES, phases={phase: self._site.say(request, text) for phase, text in PHASES.items()},
            **admin_tabs(
                request, self._site, visitor.actor, "workspaces",
                ("/admin/workspaces/all", self._site.say(request, N_("All of them"))),
            ),
        )  # fmt: skip


def _query(request: web.Request) -> SpaceQuery:
    """What one looks for; what makes no sense is not looked for."""
    try:
        query = converted(fields(request.query, SpaceQuery), SpaceQuery, strict=False)
    except Refused:
        return SpaceQuery()
    assert isinstance(query, SpaceQuery)
    return query


def _bare(visitor: Visitor) -> Site:
    """What the rows need to know of the page around them; what is to be said once is left for that page."""
    return Site(user=None, nav=(), crumbs=(), flashes=(), csrf=visitor.csrf, here="/admin/workspaces")
