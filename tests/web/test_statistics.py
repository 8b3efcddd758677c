"""The statistics' pages: figures of a course for its teachers, in the reader's zone, as pages, tables and JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.core.counts import HostCount, Running
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.web.statistics import GRAPHS, SECTIONS
from tests.house_trial import HouseTrial, house_trial

ROOT = Path(__file__).parents[2]
HASH = "0123456789abcdef0123456789abcdef"
NIGHT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
ECHARTS = "0b68ac92b5bfb8f5b8e8acce8ebbc9210a3862457c9640fe412d02ac3375f0820f2294ff836512bbc6d33f79ef988003"


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        statistics = trial.house._ground.statistics
        for student, notebook in (
            (HASH, "w1/a.md"),
            (HASH, "w1/<b>.md"),
            ("teacher", "w1/a.md"),
            ("test", "w1/a.md"),
        ):
            statistics.record(NIGHT, WorkspaceId.parse(f"python/{student}"), "open", notebook)
        await statistics.database.write(lambda db: None)
        running = {CourseName("python"): Running(2, 3)}
        await trial.house.counts.add(trial.house.clock.now(), HostCount(load1=150), Running(5, 6), running)
        yield trial


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("section", SECTIONS)
async def test_each_section_has_its_graphs(trial: HouseTrial, section: str, language: str) -> None:
    teacher = await trial.browser("teacher", language)
    page = await teacher.text(f"/teach/python/statistics?section={section}&zone=Europe/Paris")
    for graph in GRAPHS:
        assert (f'data-graph="{graph.id}"' in page) == (graph.section == section)
    assert "<b>" not in page.replace("&lt;b&gt;", "")


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", ["Until 2 Mar 2026, 01:00", "Until 11 Apr 2026, 02:00"]),
        ("fr", ["Jusqu’au 2 mars 2026 01:00", "Jusqu’au 11 avr. 2026 02:00"]),
    ],
)
async def test_the_animation_is_a_table_too(trial: HouseTrial, language: str, wanted: list[str]) -> None:
    later = NIGHT + timedelta(days=40)
    trial.house._ground.statistics.record(later, WorkspaceId.parse("python/jean.dupont"), "open", "w1/a.md")
    teacher = await trial.browser("teacher", language)
    page = await teacher.text("/teach/python/statistics?zone=Europe/Paris")
    table = page.split('<table id="table-animation">')[1].split("</table>")[0]
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", table)
    assert [" ".join(text.split()) for text in heads[1:]] == wanted
    assert 'href="/teach/python/statistics/notebooks/w1/a"' in table
    assert re.findall(r">(w1/[^<]*)<|class=\"number\">(.*?)</td>", table) == [
        ("w1/&lt;b&gt;", ""), ("", "1"), ("", "1"), ("w1/a", ""), ("", "1"), ("", "2"),
    ]  # fmt: skip


async def test_a_graph_is_the_same_in_json_and_csv(trial: HouseTrial) -> None:
    teacher = await trial.browser("teacher")
    for graph in GRAPHS:
        status, answer = await trial.api(
            "GET", f"/courses/python/figures/{graph.id}?zone=Europe/Paris", "teacher"
        )
        assert (status, answer["graph"], len(answer["columns"])) == (200, graph.id, len(graph.columns))
        assert answer["rows"] and all(len(row) == len(graph.columns) for row in answer["rows"])
        table = await teacher.text(f"/teach/python/statistics.csv?graph={graph.id}&zone=Europe/Paris")
        rows = list(csv.reader(io.StringIO(table)))
        assert rows[1:] == [["" if cell is None else str(cell) for cell in row] for row in answer["rows"]]


async def test_days_are_the_readers_and_staff_is_left_out(trial: HouseTrial) -> None:
    for query, rows in (
        ("zone=UTC", [["2026-03-01", 1, 1, 1]]),
        ("zone=Europe/Paris", [["2026-03-02", 1, 1, 1]]),
        ("zone=UTC&everybody=true", [["2026-03-01", 3, 3, 3]]),
    ):
        _, answer = await trial.api("GET", f"/courses/python/figures/students-by-day?{query}", "teacher")
        assert answer["rows"] == rows


async def test_a_zone_that_is_none_is_refused_and_a_page_says_so(trial: HouseTrial) -> None:
    status, answer = await trial.api(
        "GET", "/courses/python/figures/notebooks?zone=../../etc/passwd", "teacher"
    )
    assert (status, answer["reason"]) == (400, "bad-time-zone")
    page = await (await trial.browser("teacher")).text("/teach/python/statistics?zone=Europe/Atlantis")
    assert "This time zone is not known here" in page
    assert (await trial.api("GET", "/courses/python/figures/nothing", "teacher"))[0] == 404


async def test_a_student_and_a_notebook_have_pages(trial: HouseTrial) -> None:
    teacher = await trial.browser("teacher")
    page = await teacher.text(f"/teach/python/statistics/students/{HASH}")
    assert "w1/a" in page and "w1/&lt;b&gt;" in page
    page = await teacher.text("/teach/python/statistics/notebooks/w1/a")
    assert HASH[:8] in page and ">test<" not in page


@pytest.mark.parametrize("role", ["student", "stranger", "nobody"])
async def test_figures_are_the_teachers(trial: HouseTrial, role: str) -> None:
    browser = await trial.browser(role)
    for path in ("", ".csv", f"/students/{HASH}", "/notebooks/w1/a"):
        answer = await browser.get(f"/teach/python/statistics{path}", Origin="https://elsewhere.example.org")
        assert answer.status in (303, 302, 401, 403, 404)
        assert "Access-Control-Allow-Origin" not in answer.headers
        # The address that was asked for is in the page, for the button that changes its language.
        assert HASH not in (await answer.text()).replace(f"/students/{HASH}", "")


def test_the_charting_library_is_the_release_and_has_its_licence() -> None:
    assets = ROOT / "templates/assets"
    assert hashlib.sha384((assets / "echarts.min.js").read_bytes()).hexdigest() == ECHARTS
    assert "Apache License" in (assets / "echarts.LICENSE.txt").read_text(encoding="utf-8")
    assert "echarts" in (ROOT / "debian/copyright").read_text(encoding="utf-8")
