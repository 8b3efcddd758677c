"""What is summed up bit by bit is what one finds who looks at all events at once: whatever comes, in whatever order."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbhostd.adapters.figures import SqliteSums
from nbhostd.adapters.statistics import SqliteStatistics, add_events
from nbhostd.core.figures import SLOT, Excluded, Order
from nbhostd.core.localdays import LocalDays
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.ports_figures import Sums
from tests.fakes.figures import NaiveSums, Told

COURSES = [CourseName("python"), CourseName("algo")]
HASH = "0123456789abcdef0123456789ab"
STUDENTS = ["student", "alice", "jean.dupont", HASH, "b" * 30]
NOTEBOOKS = ["", "w1/w1-s2", "w1/w1-s10", "été/a b", "w2/x"]


class Twice(tzinfo):
    """A zone that crosses the date line at noon in UTC: it has the same date twice, over three days in UTC."""

    SWITCH = datetime(2021, 6, 2, 12, tzinfo=UTC)

    def fromutc(self, when: datetime) -> datetime:
        late = when.replace(tzinfo=UTC) >= self.SWITCH
        return (when + timedelta(hours=-12 if late else 12)).replace(fold=int(late))

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        return timedelta(hours=-12 if when.fold else 12)

    def dst(self, _: datetime | None) -> None: ...
    def tzname(self, _: datetime | None) -> str:
        return "twice"

    def __str__(self) -> str:
        return "twice"


ZONES: list[tzinfo] = [
    Twice(),
    UTC, ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia"),
    ZoneInfo("America/Sao_Paulo"), timezone(timedelta(hours=-12)),
]  # fmt: skip
# Around changes of clocks: Paris in spring and autumn, Apia without 2011-12-30, Sao Paulo without a midnight, and any day.
MOMENTS = [
    int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    for text in ("2017-01-01T00:00", "2021-03-28T00:30", "2021-10-31T00:30", "2011-12-30T09:45", "2018-11-04T02:50",
                 "2021-06-02T12:00",
                 "2010-11-07T02:20")
]  # fmt: skip

a_time = st.builds(
    lambda base, more: base + more, st.sampled_from(MOMENTS), st.integers(-2 * 86400, 2 * 86400)
)
an_event = st.tuples(
    a_time, st.sampled_from(COURSES), st.sampled_from(STUDENTS),
    st.sampled_from(["open", "open", "reset", "start", "share"]), st.sampled_from(NOTEBOOKS),
)  # fmt: skip
an_exclusion = st.builds(
    Excluded,
    st.frozensets(st.sampled_from(STUDENTS), max_size=3),
    st.frozensets(st.sampled_from(STUDENTS), max_size=3),
)
a_deed = st.one_of(
    st.tuples(st.just("events"), st.lists(an_event, max_size=12)),
    st.tuples(st.just("sum up"), st.integers(1, 9)),
    st.tuples(st.just("reconsider"), st.sampled_from(COURSES), an_exclusion),
    st.tuples(st.just("rename"), st.permutations(COURSES)),
    st.tuples(st.just("forget"), st.sampled_from(COURSES)),
)


async def everything(sums: Sums, course: CourseName) -> dict[str, object]:
    """All that can be asked about a course."""
    answers: dict[str, object] = {}
    for everybody in (False, True):
        answers |= {
            f"overview {everybody}": await sums.overview(course, everybody),
            f"notebooks {everybody}": await sums.notebooks(course, everybody),
            f"animation {everybody}": await sums.animation(course, everybody, 1000),
            f"short animation {everybody}": await sums.animation(course, everybody, 7),
            f"per student {everybody}": await sums.notebooks_per_student(course, everybody),
            f"deeds {everybody}": await sums.deeds(course, everybody),
            f"search {everybody}": await sums.students(
                course, everybody, Order.NAME, search="A", first=1, most=1
            ),
        }
        for order in Order:
            answers[f"students {order} {everybody}"] = await sums.students(course, everybody, order)
        for zone in ZONES:
            days = LocalDays(zone)
            answers[f"students by day {zone} {everybody}"] = await sums.student_days(course, days, everybody)
            answers[f"notebooks by day {zone} {everybody}"] = await sums.notebook_days(
                course, days, everybody
            )
        for notebook in NOTEBOOKS[1:]:
            answers[f"{notebook} {everybody}"] = await sums.notebook(course, notebook, everybody)
            answers[f"readers of {notebook} {everybody}"] = await sums.readers(course, notebook, everybody)
    for student in STUDENTS:
        answers |= {
            student: await sums.student(course, student),
            f"reads of {student}": await sums.reads_of(course, student),
            f"deeds of {student}": await sums.deeds_of(course, student),
            f"latest of {student}": await sums.happenings(course, student, 5),
        }
    answers["events"] = events = []
    after = (-(1 << 62), 0)
    while page := await sums.events(course, after, 3):
        events += [(one.at, one.student, one.event, one.notebook) for one in page]
        after = (page[-1].at, page[-1].number)
    answers["cells"] = sorted(await sums.cells(course, STUDENTS[1:4]))
    return answers


async def play(path: Path, deeds: list[tuple[Any, ...]]) -> None:
    """Do the same to both, and compare all that they know at the end."""
    statistics = await SqliteStatistics.open(path / "s.db")
    real, naive = SqliteSums(statistics.database), NaiveSums()
    try:
        for deed in deeds:
            match deed:
                case ("events", [*rows]):
                    await statistics.database.write(lambda db, rows=rows: add_events(db, rows))  # type: ignore[misc]
                    naive.told += rows
                case ("sum up", int(most)):
                    await real.sum_up(most, {CourseName(name): it for name, it in naive.excluded.items()})
                case ("reconsider", CourseName() as course, Excluded() as excluded):
                    await real.reconsider(course, excluded)
                    await naive.reconsider(course, excluded)
                case ("rename", [old, new]):
                    await statistics.rename_course(old, new)
                    naive.rename(old, new)
                case ("forget", CourseName() as course):
                    await statistics.forget_course(course)
                    naive.forget(course)
        while await real.sum_up(7, {}):
            pass
        for course in COURSES:
            await real.reconsider(course, naive.excluded.get(course, Excluded()))
            found, expected = await everything(real, course), await everything(naive, course)
            for question, answer in expected.items():
                assert found[question] == answer, (course, question)
        assert await real.waiting(10) == (0, [])
    finally:
        await statistics.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(a_deed, max_size=8))
def test_bit_by_bit_is_what_all_at_once_is(deeds: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as path:
        asyncio.run(play(Path(path), deeds))


async def test_who_is_hidden_and_shown_again_is_counted_as_if_it_had_always_been_so(tmp_path: Path) -> None:
    day = MOMENTS[0] // 86400 * 86400
    told: list[Told] = [
        (day + 3600 * hour, "python", student, "open", notebook)
        for hour, student, notebook in (
            (2, HASH, "a"), (3, "b" * 30, "a"), (20, HASH, "a"), (21, HASH, "b"), (26, HASH, "a"), (27, "b" * 30, "b"),
        )
    ]  # fmt: skip
    statistics, sums = await _with(tmp_path, told)
    naive = NaiveSums(told)
    for excluded in (Excluded(frozenset({HASH})), Excluded(), Excluded(frozenset({"b" * 30}))):
        assert await sums.reconsider(COURSES[0], excluded) == await naive.reconsider(COURSES[0], excluded)
        assert await everything(sums, COURSES[0]) == await everything(naive, COURSES[0])
    assert await sums.reconsider(COURSES[0], excluded) == 0
    await statistics.close()


async def _with(path: Path, told: list[Told]) -> tuple[SqliteStatistics, SqliteSums]:
    statistics = await SqliteStatistics.open(path / "s.db")
    await statistics.database.write(lambda db: add_events(db, told))
    sums = SqliteSums(statistics.database)
    assert await sums.sum_up(100, {}) == 0
    return statistics, sums


async def test_a_date_of_three_days_counts_each_student_once(tmp_path: Path) -> None:
    """All of it is 2 June, the last part for the second time."""
    hours = [
        int(datetime(2021, 6, day, hour, tzinfo=UTC).timestamp()) for day, hour in ((1, 13), (2, 6), (3, 6))
    ]
    seen = [(hours[place], who) for who, places in ((HASH, (0, 1, 2)), ("b" * 30, (0, 2)), ("c" * 30, (1, 2)), ("d" * 30, (0, 1)))
            for place in places]  # fmt: skip
    statistics, sums = await _with(tmp_path, [(at, "python", who, "open", "a") for at, who in seen])
    found = await sums.student_days(COURSES[0], LocalDays(Twice()), False)
    assert [(str(day.date), day.seen) for day in found] == [("2021-06-02", 4)]
    await statistics.close()


async def test_a_days_visits_belong_to_the_readers_dates(tmp_path: Path) -> None:
    """23:30 UTC is the next day in Paris, and the same day in New York."""
    late = int(datetime(2024, 2, 1, 23, 30, tzinfo=UTC).timestamp())
    statistics, sums = await _with(
        tmp_path, [(late, "python", HASH, "open", "a"), (late + 3600, "python", HASH, "open", "a")]
    )
    dates = {
        zone: [str(day.date) for day in await sums.student_days(COURSES[0], LocalDays(ZoneInfo(zone)), False)]
        for zone in ("UTC", "Europe/Paris", "America/New_York")
    }
    assert dates == {
        "UTC": ["2024-02-01", "2024-02-02"], "Europe/Paris": ["2024-02-02"], "America/New_York": ["2024-02-01"],
    }  # fmt: skip
    await statistics.close()


async def test_a_forgotten_course_leaves_no_name_behind(tmp_path: Path) -> None:
    statistics, sums = await _with(
        tmp_path,
        [(MOMENTS[0], "python", HASH, "open", "a"), (MOMENTS[0], "algo", "jean.dupont", "open", "b")],
    )
    await statistics.forget_course(COURSES[0])
    names = await statistics.database.read(
        lambda db: [
            [row["name"] for row in db.execute(f"SELECT name FROM {table}")]
            for table in ("courses", "students", "notebooks")
        ]
    )
    assert names == [["algo"], ["jean.dupont"], ["b"]]
    # What comes afterwards is counted, though the numbers of what was summed up are gone.
    await statistics.database.write(lambda db: add_events(db, [(MOMENTS[0], "python", HASH, "open", "a")]))
    assert await sums.sum_up(100, {}) == 0
    assert (await sums.overview(COURSES[0], False)).students == 1
    await statistics.close()


async def test_what_is_recorded_is_summed_up_under_one_name_whatever_the_format(tmp_path: Path) -> None:
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    now = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
    for notebook in ("w1/a.ipynb", "w1/a.md", "w1/a.py", "w1/a"):
        statistics.record(now, WorkspaceId.parse(f"python/{HASH}"), "open", notebook)
    await statistics.close()
    statistics = await SqliteStatistics.open(tmp_path / "s.db")
    sums = SqliteSums(statistics.database)
    assert await sums.waiting(2) == (4, [COURSES[0]])
    assert await sums.sum_up(100, {}) == 0
    assert [(one.name, one.opens) for one in await sums.notebooks(COURSES[0], False)] == [("w1/a", 4)]
    await statistics.close()


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_the_parts_of_a_day_are_each_quarter_once(zone: tzinfo) -> None:
    days = LocalDays(zone)
    for day in {moment // 86400 + more for moment in MOMENTS for more in (-1, 0, 1)}:
        parts = days.parts(day)
        assert sum(part.early for part in parts) == sum(part.late for part in parts) == (1 << 48) - 1
        for quarter in range(96):
            here = days.date(day * 86400 + quarter * SLOT)
            of = next(part for part in parts if part.date == here)
            assert (of.early | of.late << 48) >> quarter & 1
