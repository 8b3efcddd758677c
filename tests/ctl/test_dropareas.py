"""nbhostctl droparea against its room of the control API, on a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.services.tasks import Tasks
from nbhostd.web.control_dropareas import DropAreasControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl
from tests.services.test_dropareas import DropScene


@pytest.fixture
async def scene(tmp_path: Path) -> DropScene:
    scene = DropScene(tmp_path)
    await scene.begin("alice", "bob")
    return scene


@pytest.fixture
async def ctl(scene: DropScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    tasks = Tasks()
    app = web.Application(middlewares=[json_errors], client_max_size=1000)
    app.add_routes(DropAreasControl(scene.dropareas, tasks).routes())
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()
    await tasks.close()


async def test_files_go_from_this_computer_to_the_students(
    ctl: Ctl, scene: DropScene, tmp_path: Path
) -> None:
    large, odd = tmp_path / "large.bin", tmp_path / "énoncé n°1 ?.txt"
    large.write_bytes(b"x" * 3_000_000)  # more than the API holds of any body
    odd.write_text("odd")
    put = await ctl("droparea", "put", "python", "exam", str(large), str(odd), "--below", "w1")
    assert (put.code, put.err) == (0, "")
    listed = await ctl("droparea", "list", "python")
    assert listed.out.splitlines()[1].split() == ["exam", "2", "2.9M"]
    status = await ctl("droparea", "list", "python", "exam")
    assert [line.split()[-3:] for line in status.out.splitlines()[1:]] == [
        ["0/2", "+2", "2.9M"],
        ["0/2", "+2", "3B"],
    ]
    dry = await ctl("droparea", "deploy", "python", "exam", "--all", "--dry-run")
    assert "Nothing was copied" in dry.out
    assert not scene.space(1).exists()
    done = await ctl("droparea", "deploy", "python", "exam", "--all", "--student", "a*")
    assert done.out.splitlines()[-1] == "2 copies made"
    assert (scene.space(1) / "w1" / odd.name).read_text() == "odd"
    assert not scene.space(2).exists()
    again = await ctl("droparea", "deploy", "python", "exam", f"w1/{odd.name}", "--json")
    assert json.loads(again.out)["copied"] == 1
    assert (await ctl("droparea", "remove", "python", "exam", f"w1/{odd.name}")).code == 0
    assert (
        await ctl("droparea", "remove", "python", "exam", "--all", "--json")
    ).out == '{\n  "removed": 1\n}\n'
    assert (await ctl("droparea", "list", "python")).out.startswith("No drop area yet")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("list", "absent"), 3, "There is no course “absent”."),
        (("list", "python", "exam"), 3, "The course “python” has no drop area “exam”."),
        (("put", "python", "../x", "/etc/hostname"), 1, "is not a drop-area name"),
        (("put", "python", "exam", "/etc/hostname", "--below", "../../x"), 1, "not the name of a file"),
        (("put", "python", "exam", "/nowhere"), 2, "There is no file /nowhere."),
        (("put", "python", "exam", "/etc"), 2, "/etc is a folder"),
        (("deploy", "python", "exam"), 2, "Say which files, or else --all."),
        (("deploy", "python", "exam", "a", "--all"), 2, "Say which files, or else --all."),
        (("remove", "python", "exam"), 2, "Say which files, or else --all."),
        (("remove", "python", "exam", "a"), 3, "has no file “a”"),
    ],
)  # fmt: skip
async def test_a_mistake_is_a_sentence_and_an_exit_code(
    ctl: Ctl, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    said = await ctl("droparea", *arguments)
    assert (said.code, sentence in said.err) == (code, True), said


async def test_a_large_file_that_is_refused_at_once_is_a_sentence_too(
    ctl: Ctl, scene: DropScene, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(30_000_000))
    said = await ctl("droparea", "put", "absent", "exam", str(large))
    assert (said.code, said.err) == (3, "nbhostctl: There is no course “absent”.\n")
