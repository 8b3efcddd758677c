"""The toolbox without containers: what it asks of systemd, what it makes of the end, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from nbhostd.adapters import toolbox as toolbox_module
from nbhostd.adapters.toolbox import PodmanToolbox
from nbhostd.core.config import Config
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.model import ToolTask, UnitState, UnitStatus
from nbhostd.core.names import CourseName
from nbhostd.core.unitspec import UnitSpec

TASK = ToolTask("probe", CourseName("c"), "sha256:1", 7, 100_003, {"path": "a $HOME b"})


@dataclass
class Manager:
    """A user manager whose services have ended as soon as they began, as the test says."""

    end: UnitStatus
    writes: bytes = b""
    says: bytes = b""
    units: dict[str, UnitSpec] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    release: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def run_service(self, spec: UnitSpec, slices: Sequence[UnitSpec] = ()) -> str:
        self.units[spec.name] = spec
        properties = dict(spec.properties)
        for key, content in (
            ("StandardOutputFileToAppend", self.writes),
            ("StandardErrorFileToAppend", self.says),
        ):
            path = Path(str(properties[key]))
            assert path.stat().st_mode & 0o777 == 0o644, "its reader may be another than its owner"
            path.write_bytes(content)
        self.begun.set()
        return "done"

    async def status(self, unit: str) -> UnitStatus:
        if self.release is not None:
            await self.release.wait()
        absent = UnitStatus(unit, UnitState.ABSENT)
        return replace(self.end, name=unit) if unit in self.units and unit not in self.stopped else absent

    async def stop(self, unit: str, *, timeout: float) -> None:
        self.stopped.append(unit)

    async def reset_failed(self, unit: str) -> None:
        """Nothing to forget."""

    async def list_units(self, patterns: Sequence[str]) -> list[UnitStatus]:
        assert list(patterns) == ["nbhtool-*.service"]
        return [await self.status(unit) for unit in self.units]

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Nothing changes here without being asked."""


def exited(status: int = 0) -> UnitStatus:
    if status == 0:
        return UnitStatus("", UnitState.ACTIVE, "exited", "success")
    return UnitStatus("", UnitState.FAILED, "failed", "exit-code", main_status=status)


def make(manager: Manager, tmp_path: Path) -> PodmanToolbox:
    return PodmanToolbox(manager, Config, tmp_path / "tools")


async def test_what_a_tool_wrote_is_handed_over_and_nothing_stays(tmp_path: Path) -> None:
    manager = Manager(exited(), writes=b"\x00result", says=b"a word\n")
    outcome = await make(manager, tmp_path).run(TASK)
    assert (outcome.status, outcome.output, outcome.complaint) == (0, b"\x00result", "a word")
    assert list((tmp_path / "tools").iterdir()) == []
    assert manager.stopped == list(manager.units)


async def test_the_request_is_the_last_word_of_a_command_that_systemd_does_not_read(tmp_path: Path) -> None:
    manager = Manager(exited())
    await make(manager, tmp_path).run(TASK)
    (spec,) = manager.units.values()
    properties = dict(spec.properties)
    argv = properties["ExecStartEx"]
    assert isinstance(argv, tuple)
    assert json.loads(str(argv[-1])) == TASK.request
    assert argv[argv.index("sha256:1") :][:3] == ("sha256:1", "-I", "/opt/nbhosting-toolbox/probe.py")
    assert "--network=none" in argv
    assert f"--user={TASK.uid}:100" in argv
    assert properties["Slice"] == "nbhjobs.slice"


async def test_who_is_waited_for_runs_in_a_slice_of_its_own(tmp_path: Path) -> None:
    manager = Manager(exited())
    await make(manager, tmp_path).run(replace(TASK, hurried=True))
    (spec,) = manager.units.values()
    assert dict(spec.properties)["Slice"] == "nbhtools.slice"


async def test_a_tool_that_fails_tells_its_status(tmp_path: Path) -> None:
    outcome = await make(Manager(exited(3), says=b"no\n"), tmp_path).run(TASK)
    assert (outcome.status, outcome.complaint) == (3, "no")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (exited(125), "could not"),
        (exited(127), "could not"),
        (UnitStatus("", UnitState.FAILED, "failed", "timeout"), "too long"),
        (UnitStatus("", UnitState.FAILED, "failed", "oom-kill"), "could not"),
        (UnitStatus("", UnitState.ABSENT), "could not"),
    ],
)
async def test_a_tool_that_did_not_run_is_an_error_of_the_world(
    tmp_path: Path, end: UnitStatus, words: str
) -> None:
    with pytest.raises(WorldError, match=words):
        await make(Manager(end), tmp_path).run(TASK)
    assert list((tmp_path / "tools").iterdir()) == []


@pytest.mark.parametrize("tool", ["../x", "A", "", "a-b", "a.py"])
async def test_only_tools_are_run(tmp_path: Path, tool: str) -> None:
    manager = Manager(exited())
    with pytest.raises(WorldError):
        await make(manager, tmp_path).run(replace(TASK, tool=tool))
    assert manager.units == {}


async def test_a_crowd_is_told_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox_module, "_MOST_WAITING", 1)
    manager = Manager(exited(), release=asyncio.Event())
    toolbox = make(manager, tmp_path)
    at_work = toolbox_module._HURRIED_AT_ONCE + 1
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(toolbox.run(replace(TASK, hurried=True))) for _ in range(at_work)]
        await asyncio.sleep(0)
        with pytest.raises(NotNow):
            await toolbox.run(replace(TASK, hurried=True))
        assert manager.release is not None
        manager.release.set()
    assert [run.result().status for run in runs] == [0] * at_work


async def test_whose_files_keep_a_tool_busy_waits_with_the_batch_work_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(exited())
    toolbox = make(manager, tmp_path)
    monkeypatch.setattr(toolbox_module, "_SLOW", -1.0)
    await toolbox.run(replace(TASK, hurried=True))
    monkeypatch.setattr(toolbox_module, "_MOST_WAITING", 0)
    await toolbox.run(replace(TASK, hurried=True))  # not counted among those who are waited for
    with pytest.raises(NotNow):
        await toolbox.run(replace(TASK, workspace=8, hurried=True))


async def test_what_an_earlier_life_left_is_ended_and_what_runs_now_is_not(tmp_path: Path) -> None:
    manager = Manager(exited(), release=asyncio.Event())
    assert manager.release is not None
    left = UnitSpec("nbhtool-left.service", ())
    manager.units[left.name] = left
    toolbox = make(manager, tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/left.out").write_bytes(b"")
    run = asyncio.ensure_future(toolbox.run(TASK))
    await manager.begun.wait()
    sweep = asyncio.ensure_future(toolbox.sweep())
    manager.release.set()
    await sweep
    assert manager.stopped[0] == left.name
    assert (await run).status == 0
    assert not (tmp_path / "tools/left.out").exists()
