"""Several courses at once: one result each, an exit code that tells, and a bar that only a terminal sees."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.core.errors import WorldError
from nbhostd.core.model import Course, CourseSettings
from nbhostd.core.names import CourseName
from nbhostd.ctl.console import Console
from tests.ctl.test_nbhostctl import Ctl
from tests.services.test_courses import URL
from tests.web.test_control import ALICE, ControlScene, a_row

FULL = Path("/dev/full")
ELSEWHERE = "https://git.test/elsewhere.git"


@pytest.fixture
async def scene() -> ControlScene:
    scene = ControlScene()
    scene.git.upstream(URL, "main", {"w1/a.md": b"", "nbhosting/nbhosting.yaml": b"x: 1"})
    scene.git.upstream(ELSEWHERE, "main", {"b.md": b""})
    for name, url in (("python", URL), ("python-mooc", URL), ("algo", ELSEWHERE)):
        await scene.courses.create(CourseName(name), url, lambda _: None)
    return scene


@pytest.fixture
async def ctl(scene: ControlScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    runner = web.AppRunner(scene.app(), handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()


async def test_a_name_is_never_part_of_another(ctl: Ctl, scene: ControlScene) -> None:
    said = await ctl("course", "pull", "python", "--json")
    assert [result["name"] for result in json.loads(said.out)] == ["python"]
    said = await ctl("course", "pull", "python*")
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["python", "python-mooc"]
    assert (await ctl("course", "pull", "--all")).out.count("nothing new") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("x*",), 3, "No course matches “x*”."),
        (("python", "pyth"), 3, "There is no course “pyth”."),
        ((), 2, "or else --all"),
        (("python", "--all"), 2, "or else --all"),
    ],
)
async def test_a_slip_does_nothing(
    ctl: Ctl, scene: ControlScene, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    before = len(await scene.store.jobs())
    said = await ctl("course", "pull", *arguments)
    assert (said.code, said.out, sentence in said.err) == (code, "", True)
    assert len(await scene.store.jobs()) == before


async def test_what_fails_stops_no_other(ctl: Ctl, scene: ControlScene) -> None:
    scene.git.broken[URL] = WorldError("The server does not answer.")
    said = await ctl("course", "pull", "--all")
    assert said.code == 1
    assert said.out.startswith("algo: nothing new")
    assert said.err.count("The server does not answer.") == 2
    said = await ctl("course", "pull", "--all", "--json")
    assert [result["name"] for result in json.loads(said.out) if "error" in result] == [
        "python",
        "python-mooc",
    ]


async def test_the_list_says_more_when_asked(ctl: Ctl, scene: ControlScene) -> None:
    scene.rows_now = [a_row(ALICE)]
    scene.images.digests.clear()
    brief = (await ctl("course", "list")).out
    assert brief.splitlines()[0].split() == ["COURSE", "IMAGE", "COMMIT", "PULLED", "FLAGS"]
    assert brief.count("(minimal)") == 3
    whole = (await ctl("course", "list", "-lll", "python")).out.splitlines()
    assert whole[0].split()[5:] == ["STUDENTS", "NOW", "NOTEBOOKS", "TRACKS", "SITES", "FAULTS", "REPOSITORY"]
    assert len(whole) == 2
    assert whole[1].split()[-7:-1] == ["0", "1", "1", "1", "0", "1"]
    assert len(json.loads((await ctl("course", "list", "--json", "py*")).out)) == 2
    assert (await ctl("course", "list", "nothing")).code == 3
    assert (await ctl("course", "list", "--names", "py*")).out == "python\npython-mooc\n"
    assert json.loads((await ctl("course", "list", "--names", "--json")).out) == [
        "algo",
        "python",
        "python-mooc",
    ]


async def test_a_course_that_cannot_be_read_hides_no_other(
    ctl: Ctl, scene: ControlScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = scene.courses.settings

    async def broken(course: Course) -> CourseSettings:
        if course.name == "algo":
            raise WorldError("The service cannot read it.")
        return await settings(course)

    monkeypatch.setattr(scene.courses, "settings", broken)
    listed = (await ctl("course", "list", "-lll")).out.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["algo", "python", "python-mooc"]
    assert listed[1].split()[-5:-1] == ["?"] * 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_for_terminals_and_leaves_nothing() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for err in (plain, terminal):
        console = Console(io.StringIO(), err)
        console.bar(1, 2, "py\x1b[2Jthon")
        console.warn("careful")
    assert plain.getvalue() == "warning: careful\n"
    drawn, _, rest = terminal.getvalue().rpartition("\r\x1b[K")
    assert "1/2 py\\x1b[2Jthon" in drawn
    assert rest == "warning: careful\n"


async def test_an_answer_that_cannot_be_written_is_a_sentence(ctl: Ctl) -> None:
    with FULL.open("w", encoding="utf-8") as full:  # noqa: ASYNC230 - a device, never slow
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nbhostd.cli", "--socket", str(ctl.socket), "course", "list",
            stdout=full, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == "nbhostctl: what was to be said could not be written: No space left on device\n"
