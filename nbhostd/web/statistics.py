"""Statistics of a course for its teachers: each graph as a table, which the page shows, a chart draws, and programs get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from nbhostd.core.counts import MOST_POINTS, CountPoint, Counts
from nbhostd.core.errors import Refused
from nbhostd.core.figures import DayFigures, Order
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.core.ports import Clock
from nbhostd.services.figures import Figures
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Operation

UTC_ZONE = "UTC"
MOST_ROWS_OF_MAP = 50
_MOST_DAYS = 3660

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Graph:
    """One of the eleven: how it is called in addresses, its title, and the titles of its columns in English."""

    id: str
    section: str
    title: str
    columns: tuple[str, ...]


GRAPHS = (
    Graph("notebooks", "progression", N_("Students per notebook"), (N_("Notebook"), N_("Students"), N_("Times opened"))),
    Graph("animation", "progression", N_("Students per notebook, as time went by"),
          (N_("Until"), N_("Notebook"), N_("Students more"))),
    Graph("notebooks-per-student", "progression", N_("Notebooks per student"), (N_("Notebooks"), N_("Students"))),
    Graph("students-by-day", "progression", N_("Students who showed up"),
          (N_("Day"), N_("Students"), N_("New"), N_("New until then"))),
    Graph("notebooks-by-day", "progression", N_("Notebooks that were opened"),
          (N_("Day"), N_("Notebooks"), N_("New"), N_("New until then"))),
    Graph("map", "details", N_("Who opened what"), (N_("Student"), N_("Notebook"), N_("Times opened"))),
    Graph("activity", "activity", N_("What runs"),
          (N_("Moment"), N_("Workspaces"), N_("Kernels"), N_("Workspaces of all courses"), N_("Kernels of all courses"))),
    Graph("disks-percent", "system", N_("Free disk, in percent"), (N_("Moment"), N_("Containers"), N_("nbhostd"), N_("System"))),
    Graph("disks-free", "system", N_("Free disk, in MiB"), (N_("Moment"), N_("Containers"), N_("nbhostd"), N_("System"))),
    Graph("loads", "system", N_("Load"), (N_("Moment"), N_("1 minute"), N_("5 minutes"), N_("15 minutes"))),
    Graph("memory", "system", N_("Memory, in MiB"), (N_("Moment"), N_("In all"), N_("Free"), N_("Available"))),
)  # fmt: skip
SECTIONS = {
    "progression": N_("Progression"),
    "details": N_("Details"),
    "activity": N_("Activity"),
    "system": N_("System"),
}
_BY_ID = {graph.id: graph for graph in GRAPHS}


class FigureQuery(msgspec.Struct, frozen=True):
    """By which clock, and whether with everybody. `page` is of the map, fifty students each; `days` are of the counts."""

    zone: str = UTC_ZONE
    everybody: bool = False
    page: int = 1
    days: int = 31


class FigureShape(msgspec.Struct, frozen=True):
    """A graph as a table: its columns' titles and its rows. `waiting` events are not counted yet."""

    graph: str
    columns: list[str]
    rows: list[list[str | int | float | None]]
    waiting: int


class Tables:
    """Makes the table of each graph."""

    def __init__(self, figures: Figures, counts: Counts, clock: Clock) -> None:
        self.figures = figures
        self._counts = counts
        self._clock = clock
        self._makers: dict[str, Callable[[CourseName, FigureQuery], Awaitable[list[list[Cell]]]]] = {
            "notebooks": self._notebooks,
            "animation": self._animation,
            "notebooks-per-student": self._per_student,
            "students-by-day": self._student_days,
            "notebooks-by-day": self._notebook_days,
            "map": self._map,
        }

    def operations(self) -> list[Operation]:
        """What programs and charts ask for."""
        return [
            Operation(
                "figure.show", "GET", "/courses/{course}/figures/{graph}",
                "A graph of the course's statistics, as a table", Power.TEACH, self._show, FigureShape,
                query=FigureQuery, errors=(400, 404),
            )
        ]  # fmt: skip

    async def _show(self, call: Call) -> FigureShape:
        graph = find_graph(call.names["graph"])
        query = call.query or FigureQuery()
        waiting = await self.figures.ready(call.course)
        rows = await self.rows(call.course, graph, query)
        return FigureShape(graph.id, list(graph.columns), rows, waiting)

    async def rows(self, course: CourseName, graph: Graph, query: FigureQuery) -> list[list[Cell]]:
        """The rows of a graph. Raises Refused(400) for what is no time zone."""
        self.figures.days(query.zone)
        maker = self._makers.get(graph.id)
        if maker is not None:
            return await maker(course, query)
        return [[_stamp(point.at), *_gauges(graph.id, point)] for point in await self._points(course, query)]

    async def _points(self, course: CourseName, query: FigureQuery) -> list[CountPoint]:
        now = self._clock.now()
        days = min(max(query.days, 1), _MOST_DAYS)
        return await self._counts.series(course, now - timedelta(days=days), now, MOST_POINTS)

    async def _notebooks(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        found = await self.figures.sums.notebooks(course, query.everybody)
        return [[one.name, one.students, one.opens] for one in found]

    async def _animation(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        found = await self.figures.animation(course, query.everybody)
        return [
            [_stamp(frame.end), found.notebooks[place], more]
            for frame in found.frames
            for place, more in frame.more
        ]

    async def _per_student(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        return [[*pair] for pair in await self.figures.sums.notebooks_per_student(course, query.everybody)]

    async def _student_days(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        return _days(await self.figures.student_days(course, query.zone, query.everybody))

    async def _notebook_days(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        return _days(await self.figures.notebook_days(course, query.zone, query.everybody))

    async def _map(self, course: CourseName, query: FigureQuery) -> list[list[Cell]]:
        sums = self.figures.sums
        first = (min(max(query.page, 1), 10**6) - 1) * MOST_ROWS_OF_MAP
        students = await sums.students(
            course, query.everybody, Order.OPENS, first=first, most=MOST_ROWS_OF_MAP
        )
        place = {student.name: number for number, student in enumerate(students)}
        order = {one.name: number for number, one in enumerate(await sums.notebooks(course, True))}
        cells = await sums.cells(course, list(place))
        return [[*cell] for cell in sorted(cells, key=lambda cell: (place[cell[0]], order.get(cell[1], 0)))]


def find_graph(id: str) -> Graph:
    """The graph of that id. Raises Refused(404)."""
    graph = _BY_ID.get(id)
    if graph is None:
        raise Refused("There is no such graph.", status=404, reason="not-found")
    return graph


def _days(days: list[DayFigures]) -> list[list[Cell]]:
    return [[day.date.isoformat(), day.seen, day.new, day.total] for day in days]


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gauges(id: str, point: CountPoint) -> list[Cell]:
    host = point.host
    match id:
        case "activity":
            return [point.course.workspaces, point.course.kernels, point.all.workspaces, point.all.kernels]
        case "disks-percent":
            return [host.containers_percent, host.state_percent, host.system_percent]
        case "disks-free":
            return [host.containers_free, host.state_free, host.system_free]
        case "loads":
            return [None if load is None else load / 100 for load in (host.load1, host.load5, host.load15)]
        case _:
            amounts = (host.memory_total, host.memory_free, host.memory_available)
            return [None if amount is None else amount >> 20 for amount in amounts]
