"""The toolbox: programs of ours on students' files, each in a container of its own, as a transient service."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from nbhostd.adapters.unit_ends import ServiceRunner, UnitEnds
from nbhostd.core.argv import LARGEST_OUTPUT, ToolSpec, run_tool
from nbhostd.core.config import Config
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.jobspec import HURRIED, SLICE, describe_tool, tool_unit, why_it_failed
from nbhostd.core.model import ToolOutcome, ToolTask, UnitState, UnitStatus

_TOOL = re.compile(r"[a-z][a-z0-9_]*")
# Students who wait go first and together; batch work never takes more than this many cores' worth.
_HURRIED_AT_ONCE = 4
_BATCH_AT_ONCE = 2
_MOST_WAITING = 100
_SLOW = 20.0
"""Seconds: whose files keep a tool busy for longer has made them so, or is rare; either way it is nobody else's wait."""
_SLOW_FOR = 600.0
"""Seconds for which that workspace's next tools wait with the batch work."""
_LONGEST_REQUEST = 100_000
"""Bytes: one argument of a command may be 128 kB (execve(2), MAX_ARG_STRLEN)."""
_COMPLAINT = 4096
_PODMAN_FAILED = (125, 126, 127)
"""What `podman run` ends with when the program did not begin (podman-run(1), Exit Status)."""


class UnitLister(ServiceRunner, Protocol):
    """What of systemd the toolbox needs."""

    async def list_units(self, patterns: Sequence[str]) -> list[UnitStatus]: ...


class PodmanToolbox:
    """Each run a service nbhtool-<random>; satisfies core.ports.Toolbox."""

    def __init__(self, systemd: UnitLister, config: Callable[[], Config], directory: Path) -> None:
        self._systemd = systemd
        self._config = config
        self._directory = directory
        self._ends = UnitEnds(systemd)
        self._turns = {
            True: asyncio.Semaphore(_HURRIED_AT_ONCE),
            False: asyncio.Semaphore(_BATCH_AT_ONCE),
        }
        self._waiting = 0
        self._running: set[str] = set()
        self._slow_until: dict[int, float] = {}

    async def run(self, task: ToolTask) -> ToolOutcome:
        """Run to the end. Raises WorldError when it could not be run or took too long, NotNow when too many wait."""
        request = json.dumps(task.request, ensure_ascii=True)
        if not _TOOL.fullmatch(task.tool) or len(request) > _LONGEST_REQUEST:
            raise WorldError("This could not be done.", detail=f"tool {task.tool!r}, {len(request)} bytes")
        async with self._turn(task.hurried and not self._was_slow(task.workspace)):
            id = secrets.token_hex(8)
            output, complaint = self._directory / f"{id}.out", self._directory / f"{id}.err"
            self._running.add(id)
            began = asyncio.get_running_loop().time()
            try:
                return await self._run(id, task, request, output, complaint)
            finally:
                self._note_time(task.workspace, began)
                await self._ends.forget(tool_unit(id))
                output.unlink(missing_ok=True)
                complaint.unlink(missing_ok=True)
                self._running.discard(id)

    async def sweep(self) -> None:
        """End what an earlier life of the daemon began: nobody waits for it any more. Raises WorldError."""
        for unit in await self._systemd.list_units(["nbhtool-*.service"]):
            if unit.name not in {tool_unit(id) for id in self._running}:
                await self._ends.forget(unit.name)
        for path in self._directory.glob("*"):
            if path.stem not in self._running:
                path.unlink(missing_ok=True)

    def _was_slow(self, workspace: int) -> bool:
        return self._slow_until.get(workspace, 0.0) > asyncio.get_running_loop().time()

    def _note_time(self, workspace: int, began: float) -> None:
        now = asyncio.get_running_loop().time()
        self._slow_until = {number: until for number, until in self._slow_until.items() if until > now}
        if now - began > _SLOW:
            self._slow_until[workspace] = now + _SLOW_FOR

    @asynccontextmanager
    async def _turn(self, hurried: bool) -> AsyncIterator[None]:
        if hurried and self._waiting >= _MOST_WAITING:
            raise NotNow("Too many students wait for this just now.", retry_after=30)
        self._waiting += hurried
        try:
            await self._turns[hurried].acquire()
        finally:
            self._waiting -= hurried
        try:
            yield
        finally:
            self._turns[hurried].release()

    async def _run(self, id: str, task: ToolTask, request: str, output: Path, complaint: Path) -> ToolOutcome:
        _make_readable(self._directory, output, complaint)
        unit = describe_tool(
            id,
            run_tool(self._container(id, task, request)),
            title=f"{task.tool} {task.course}/{task.workspace}",
            output=str(output),
            log=str(complaint),
            timeout=task.timeout,
            hurried=task.hurried,
        )
        await self._systemd.run_service(unit, (HURRIED if task.hurried else SLICE,))
        status = await self._ends.wait(tool_unit(id))
        words = await asyncio.to_thread(_tail, complaint)
        ended = status.result in ("success", "exit-code") and status.state is not UnitState.ABSENT
        if ended and status.main_status not in _PODMAN_FAILED:
            content = await asyncio.to_thread(_content, output)
            return ToolOutcome(status.main_status, content, words)
        raise WorldError(
            "This took too long." if status.result == "timeout" else "This could not be done.",
            detail=f"tool {task.tool}: {why_it_failed(status)} {words[-500:]}",
        )

    def _container(self, id: str, task: ToolTask, request: str) -> ToolSpec:
        config = self._config()
        state, share = config.paths.state, config.paths.share
        return ToolSpec(
            name=f"nbhtool-{id}",
            tool=task.tool,
            request=request,
            uid=task.uid,
            image=task.image,
            workspace_dir=f"{state}/workspaces/{task.workspace}",
            course_dir=f"{state}/courses/{task.course}/public",
            mirror_dir=f"{state}/courses/{task.course}/git",
            tools_dir=f"{share}/images/toolbox",
            seccomp=f"{share}/images/seccomp.json",
            limits=config.limits,
        )


def _make_readable(directory: Path, *files: Path) -> None:
    """Make the files that a container writes to: its runtime gives what it inherits to the container's user."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in files:
            file.touch()
            file.chmod(0o644)
    except OSError as error:
        raise NotNow("The server's disk is full.", retry_after=60, detail=str(error)) from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_OUTPUT)
    except FileNotFoundError:
        return b""


def _tail(path: Path) -> str:
    """The last words on standard error: for the journal, and for people only where the caller knows what they are."""
    return _content(path)[-_COMPLAINT:].decode(errors="replace").strip()
