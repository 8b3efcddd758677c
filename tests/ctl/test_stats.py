"""nbhostctl stats, over a real socket: what one house wrote is in another one, and a file with a fault changes nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.adapters.statistics import add_events
from nbhostd.core.counts import HostCount, Running
from nbhostd.core.figures import VISITS
from nbhostd.core.predecessor import event
from nbhostd.core.rawfiles import count
from tests.adapters.test_figures import COURSES, HASH, everything
from tests.ctl.test_nbhostctl import Ctl, Said
from tests.fakes.figures import Told
from tests.house_trial import HouseTrial, house_trial
from tests.told import told

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT = int(NOON.timestamp())
PYTHON = COURSES[0]
EVENTS: list[Told] = [
    (AT + 86400, "python", HASH, "open", "w2/x"),
    *((AT + 40 * number, "python", HASH, "open", f"w1/w1-s{number % 7}") for number in range(50)),
    *[(AT, "python", "student", "open", "été/a b")] * 2,
    *[(AT + 50, "python", "jean.dupont", "open", "w2/x")] * 12,  # more of one moment than go together
    (AT + 5, "python", "jean.dupont", "reset", "w1/w1-s2"),
    (AT + 6, "python", HASH, "stop", ""),
    (AT + 6, "python", HASH, "start", ""),
    (AT + 7, "python", HASH, "share", "w1/w1-s2"),
    (AT + 8, "python", HASH, "open", ""),
    (AT + 9, "other", "alice", "open", "z"),
]
SPACES = (
    "warning: python: 2 events of 1 notebooks with a space in their name: the predecessor does not read them"
    " (“été/a b”, for one)"
)
RAW = """\
2016-09-01T08:00:00 python 0123456789abcdef0123456789ab w1/intro.ipynb
2017-09-01T08:00:00 python alice w1/intro created
2017-09-01T08:00:00 python alice w1/intro created
2018-09-01T08:00:00 old-name alice w1/un nom à espaces created 7000
"""


@dataclass
class Scene:
    trial: HouseTrial
    ctl: Ctl
    place: Path

    async def __call__(self, *words: object) -> Said:
        return await self.ctl("stats", *map(str, words))

    async def happened(self, rows: list[Told]) -> None:
        book = self.trial.house._ground.statistics.database
        await book.write(lambda db: add_events(db, rows))

    def told(self) -> list[Told]:
        return told(self.place / "statistics.db")


@asynccontextmanager
async def scene_in(place: Path) -> AsyncIterator[Scene]:
    place.mkdir()
    async with house_trial(place) as trial:
        runner = web.AppRunner(trial.house.control(), handler_cancellation=True)
        await runner.setup()
        await web.UnixSite(runner, str(place / "control.sock")).start()
        try:
            yield Scene(trial, Ctl(place / "control.sock"), place)
        finally:
            await runner.cleanup()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path / "here") as scene:
        yield scene


async def test_what_was_exported_is_the_same_somewhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbhostd.web.control_statistics._AT_ONCE", 7)
    monkeypatch.setattr("nbhostd.ctl.rawreading._AT_ONCE", 9)
    async with AsyncExitStack() as both:
        here, there = [await both.enter_async_context(scene_in(tmp_path / name)) for name in ("a", "b")]
        await here.happened(EVENTS)
        for minute in range(0, 100, 5):
            running = {PYTHON: Running(minute, 1, minute)} if minute % 3 else {}
            host = HostCount(load1=minute, memory_free=minute if minute % 2 else None)
            await here.trial.house.counts.add(
                NOON + timedelta(minutes=minute), host, Running(minute, 9), running
            )
        said = await here("export", "--all", tmp_path)
        assert said.code == 0, said
        assert said.out.split() == ["COURSE", "EVENTS", "COUNTS", "other", "1", "20", "python", "67", "20"]
        assert said.err.splitlines() == [
            "warning: python: left out, as the format has no word for them: 1 open, 1 share, 1 start",
            "warning: python: 1 events “reset” are written as opened notebooks",
            SPACES,
        ]
        lines = (tmp_path / "python/events.raw").read_text().splitlines()
        assert lines == sorted(lines, key=lambda line: line[:19])
        assert all(event(line) is not None for line in lines)
        assert {len(line.split()) for line in lines if "a b" not in line} == {6}
        counted = (tmp_path / "python/counts.raw").read_text().splitlines()
        assert [len(count(line) or ()) for line in counted] == [19] * 20
        assert (tmp_path / "python/events.raw").stat().st_mode & 0o777 == 0o600
        assert sorted(path.name for path in (tmp_path / "python").iterdir()) == ["counts.raw", "events.raw"]

        events, counts = tmp_path / "python/events.raw", tmp_path / "python/counts.raw"
        for added in ("67", "0"):
            said = await there("import", "python", "--events", events, "--counts", counts)
            assert said.code == 0, said
            assert said.out.splitlines()[1].split()[-1] == added
        houses = [scene.trial.house for scene in (here, there)]
        visits = [
            (at, course, student, "stop" if kind == "stop" else "open", notebook)
            for at, course, student, kind, notebook in EVENTS
            if course == "python" and (kind == "stop" or (kind in VISITS and notebook))
        ]
        assert sorted(there.told()) == sorted(visits)
        for house in houses:
            await house.figures.catch_up()
            await house.figures.ready(PYTHON)
        one, other = [await everything(house.figures.sums, PYTHON) for house in houses]
        assert {k: v for k, v in one.items() if _is_of_visits(k)} == {
            k: v for k, v in other.items() if _is_of_visits(k)
        }
        assert len([key for key in one if _is_of_visits(key)]) > 30
        assert await houses[0].counts.all_of(PYTHON, 0, 99) == await houses[1].counts.all_of(PYTHON, 0, 99)


def _is_of_visits(question: str) -> bool:
    return not question.startswith(("deeds", "latest", "events"))


async def test_a_name_that_would_be_read_as_another_is_left_out(scene: Scene, tmp_path: Path) -> None:
    await scene.happened([(AT, "other", HASH, "open", name) for name in ("a\nb", "-", "w1/a", "existing")])
    said = await scene("export", "other", tmp_path)
    assert said.err == (
        "warning: other: left out, as their notebooks' names would be read as others: 2 events\n"
    )
    lines = (tmp_path / "other/events.raw").read_text().splitlines()
    assert [line.split()[3] for line in lines] == ["w1/a", "existing"]


async def test_what_is_here_already_is_never_there_twice(scene: Scene, tmp_path: Path) -> None:
    await scene.happened(EVENTS)
    before = scene.told()
    await scene("export", "python", tmp_path)
    said = await scene("import", "python", "--events", tmp_path / "python/events.raw", "--json")
    assert json.loads(said.out)[0]["added"] == 0
    assert scene.told() == before
    # A part first, and then the whole, with more at its end.
    raw = tmp_path / "events.raw"
    for text, added in ((RAW[: RAW.index("2018")], 3), (RAW, 1), (RAW + RAW[:71], 1), (RAW, 0)):
        raw.write_text(text)
        said = await scene("import", "other", "--events", raw, "--json")
        assert json.loads(said.out)[0]["added"] == added, text


async def test_a_fault_is_told_by_its_line_and_nothing_is_done(scene: Scene, tmp_path: Path) -> None:
    events, counts = tmp_path / "events.raw", tmp_path / "counts.raw"
    events.write_text(RAW)
    counts.write_text(
        "# names\n2024-01-01T00:00:00 1 0 1\nnonsense\n2024-01-01T00:05:00 2 0 x\n2024-01-01T00:1"
    )
    said = await scene("import", "python", "--events", events, "--counts", counts)
    assert said.code == 1
    for fault in (
        "line 3: 'nonsense' is no count (0 numbers)",
        "line 4: '2024-01-01T00:05:00 2 0 x' is no count (invalid literal",
        "line 5: does not end: the file is not whole",
        "Nothing was done. --skip-faults does without these lines.",
        "events.raw: 1 lines name the course “old-name”",
    ):
        assert fault in said.err
    assert scene.told() == []
    assert await scene.trial.house.counts.span() is None
    said = await scene("import", "python", "--counts", counts, "--skip-faults", "--json")
    assert said.code == 0
    assert json.loads(said.out) == [
        {
            "kind": "counts", "file": str(counts), "lines": 1, "first": "2024-01-01T00:00:00+00:00",
            "last": "2024-01-01T00:00:00+00:00", "added": 1, "other_courses": {},
            "faults": json.loads(said.out)[0]["faults"],
        }
    ]  # fmt: skip
    assert len(json.loads(said.out)[0]["faults"]) == 3


async def test_a_dry_run_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "events.raw").write_text(RAW)
    said = await scene("import", "python", "--events", tmp_path / "events.raw", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines()[1].split()[:2] == ["events", "4"]
    assert "Nothing was changed: this was a dry run." in said.out
    assert scene.told() == []


async def test_events_go_through_a_pipe(
    scene: Scene, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    await scene.happened(EVENTS)
    await scene.trial.house.counts.add(NOON, HostCount(load1=7), Running(1, 2), {})
    assert (await scene("export", "other", "-")).code == 0
    assert capsysbinary.readouterr().out == b"2026-11-23T12:00:09 other alice z existing 0\n"
    assert (await scene("export", "other", "-", "--counts")).code == 0
    assert capsysbinary.readouterr().out.startswith(b"2026-11-23T12:00:00 0 0 0 -1 7 -1 -1")


async def test_a_file_that_is_there_stays(scene: Scene, tmp_path: Path) -> None:
    await scene.happened(EVENTS)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/counts.raw").write_text("theirs")
    said = await scene("export", "other", tmp_path)
    assert said.code == 1
    assert "counts.raw is there already: --replace writes it anew." in said.err
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["counts.raw"]
    assert (tmp_path / "other/counts.raw").read_text() == "theirs"
    assert (await scene("export", "other", tmp_path, "--replace")).code == 0
    assert (tmp_path / "other/counts.raw").read_text() == ""


async def test_the_numbers_of_a_course(scene: Scene) -> None:
    assert (await scene("show", "python")).out == "Nothing is recorded of this course.\n"
    await scene.happened(EVENTS)
    shape = json.loads((await scene("show", "python", "--json")).out)
    assert shape == {
        "course": "python", "events": 70, "opens": 66, "students": 3, "left_out": 1, "notebooks": 9,
        "first": "2026-11-23T12:00:00+00:00", "last": "2026-11-24T12:00:00+00:00",
        "kinds": {"open": 66, "reset": 1, "share": 1, "start": 1, "stop": 1},
    }  # fmt: skip
    said = await scene("show", "python")
    assert "students      3, 1 of them left out of the figures" in said.out.splitlines()
    assert "  reset       1" in said.out.splitlines()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "nowhere"), 3, "nowhere"),
        (("export", "nowhere", "TMP"), 3, "nowhere"),
        (("export", "nowhere", "-"), 3, "nowhere"),
        (("export", "python", "TMP/none"), 1, "There is no directory"),
        (("export",), 2, "Say which course, or --all."),
        (("export", "python", "TMP", "--all"), 2, "or else say --all"),
        (("export", "-", "--all"), 2, "one course"),
        (("export", "python", "-", "--json"), 2, "one course"),
        (("export", "python", "TMP", "--counts"), 2, "--counts goes with - only"),
        (("import", "nowhere", "--events", "TMP"), 3, "nowhere"),
        (("import", "python"), 2, "Say which file"),
        (("import", "python", "--events", "TMP"), 1, "is no file."),
        (("import", "python", "--events", "TMP/none"), 1, "There is no "),
    ],
)
async def test_what_cannot_be_is_said(
    scene: Scene, tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    said = await scene(*(word.replace("TMP", str(tmp_path)) for word in words))
    assert (said.code, sentence in said.err) == (code, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
