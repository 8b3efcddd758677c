"""The pages of a course's statistics: the graphs, a student, a notebook."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.web.api import PREFIX
from nbhostd.web.coursetabs import course_tabs, teach_path
from nbhostd.web.languages import N_
from nbhostd.web.site import Item, SitePages
from nbhostd.web.statistics import GRAPHS, SECTIONS, UTC_ZONE, Cell, FigureQuery, Tables, find_graph

_MOST_ROWS = 60
_MOST_STAGES = 8
_MOST_READERS = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
EVENTS = {
    "open": N_("opened"), "reset": N_("brought back to the original"), "start": N_("server started"),
    "stop": N_("server stopped"), "fail": N_("server failed to start"), "share": N_("shared"), "pull": N_("pulled"),
    "restore": N_("notebook restored"), "convert": N_("converted"),
}  # fmt: skip


class StatisticsPages:
    """A room of the site."""

    def __init__(self, site: SitePages, tables: Tables) -> None:
        self._site = site
        self._tables = tables
        self._sums = tables.figures.sums

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/teach/{course}/statistics", self.show, allow_head=False)
        router.add_get("/teach/{course}/statistics.csv", self.download, allow_head=False)
        router.add_get("/teach/{course}/statistics/students/{student}", self.student, allow_head=False)
        router.add_get("/teach/{course}/statistics/notebooks/{path:.+}", self.notebook, allow_head=False)

    async def show(self, request: web.Request) -> web.Response:
        """One section: its graphs as tables, which a script draws."""
        course, query, known = await self._site.reception.taught(request), _query(request), True
        try:
            self._tables.figures.days(query.zone)
        except Refused:
            query, known = _query(request, zone=UTC_ZONE), False
        section = request.query.get("section", "progression")
        section = section if section in SECTIONS else "progression"
        waiting = await self._tables.figures.ready(course)
        moments, stages = await self._stages(course, query) if section == "progression" else ([], [])
        graphs = [
            (graph, [self._site.say(request, text) for text in graph.columns],
             await self._tables.rows(course, graph, query) if graph.id != "animation" else stages)
            for graph in GRAPHS if graph.section == section
        ]  # fmt: skip
        here = teach_path(course, "statistics")
        settings: dict[str, object] = {
            "zone": query.zone,
            "everybody": "true" if query.everybody else "false",
        }
        settings |= {"days": query.days, "page": query.page}
        return await self._site.render(
            request, "statistics.html", course=course, here=here, section=section, query=query, graphs=graphs, moments=moments,
            zone_is_known=known, zone_is_chosen="zone" in request.query, waiting=waiting, most=_MOST_ROWS,
            settings=urlencode(settings), api=f"{PREFIX}/courses/{quote(course, safe='')}/figures",
            overview=await self._sums.overview(course, query.everybody), title_of=lambda text: self._site.say(request, text),
            sections=[
                Item(f"{here}?{urlencode({**settings, 'section': name})}", self._site.say(request, text), name == section)
                for name, text in SECTIONS.items()
            ],
            **course_tabs(request, self._site, course, "statistics"),
        )  # fmt: skip

    async def _stages(
        self, course: CourseName, query: FigureQuery
    ) -> tuple[list[datetime], list[list[Cell]]]:
        """The animation as a table to read: a row for each notebook, and a column for each of a few of its moments."""
        animation, zone = await self._tables.figures.animation(course, query.everybody), query.zone
        stages = animation.stages(_MOST_STAGES)
        moments = [datetime.fromtimestamp(end, self._tables.figures.days(zone).zone) for end, _ in stages]
        return moments, [
            [name, *(sums[place] for _, sums in stages)] for place, name in enumerate(animation.notebooks)
        ]

    async def download(self, request: web.Request) -> web.Response:
        """A graph as comma-separated values (RFC 4180)."""
        course, query = await self._site.reception.taught(request), _query(request)
        graph = find_graph(request.query.get("graph", GRAPHS[0].id))
        await self._tables.figures.ready(course)
        text = io.StringIO()
        write = csv.writer(text).writerow
        write([self._site.say(request, title) for title in graph.columns])
        for row in await self._tables.rows(course, graph, query):
            write([_plain(cell) for cell in row])
        name = quote(f"{course}-{graph.id}.csv", safe="")
        return web.Response(
            text=text.getvalue(), content_type="text/csv", charset="utf-8",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )  # fmt: skip

    async def student(self, request: web.Request) -> web.Response:
        """What a student opened, and what happened last."""
        course, name = (
            await self._site.reception.taught(request),
            StudentName.parse(request.match_info["student"]),
        )
        await self._tables.figures.ready(course)
        return await self._of(
            request, course, name, figures=await self._sums.student(course, name), of_student=True,
            reads=await self._sums.reads_of(course, name), deeds=await self._sums.deeds_of(course, name),
            latest=await self._sums.happenings(course, name, _MOST_ROWS),
        )  # fmt: skip

    async def notebook(self, request: web.Request) -> web.Response:
        """Who opened a notebook, and when."""
        course, everybody = await self._site.reception.taught(request), _query(request).everybody
        name = NotebookPath.parse(request.match_info["path"]).stem_path
        await self._tables.figures.ready(course)
        return await self._of(
            request, course, name, figures=await self._sums.notebook(course, name, everybody), of_student=False,
            reads=await self._sums.readers(course, name, everybody, most=_MOST_READERS), deeds={}, latest=[],
        )  # fmt: skip

    async def _of(self, request: web.Request, course: CourseName, name: str, **values: Any) -> web.Response:
        here = teach_path(course, "statistics")
        tabs = course_tabs(request, self._site, course, "statistics")
        tabs["crumbs"].append((request.path, name))
        words = {event: self._site.say(request, text) for event, text in EVENTS.items()}
        return await self._site.render(
            request, "statistics_of.html", course=course, name=name, here=here, words=words,
            when=lambda at: datetime.fromtimestamp(at, UTC), **values, **tabs,
        )  # fmt: skip


def _query(request: web.Request, zone: str | None = None) -> FigureQuery:
    given = request.query
    return FigureQuery(
        zone or given.get("zone", UTC_ZONE), given.get("everybody") in ("true", "on"),
        _number(given.get("page", ""), 1), _number(given.get("days", ""), 31),
    )  # fmt: skip


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else otherwise


def _plain(cell: Cell) -> Cell:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
