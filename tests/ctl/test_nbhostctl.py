"""nbhostctl against the control API on a real socket: what people read, what programs read, exit codes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd import cli
from nbhostd.core.errors import WorldError
from nbhostd.core.model import JobState, Mode
from nbhostd.ctl.client import Client
from nbhostd.ctl.command import Call
from nbhostd.ctl.console import Console, duration, printable, size
from tests.fakes.jobs import Script
from tests.services.cast import NOON
from tests.services.test_courses import URL
from tests.web.test_control import ALICE, BOB, ControlScene, Finding, a_row


@dataclass(frozen=True)
class Said:
    """How a call of nbhostctl ended."""

    code: int
    out: str
    err: str


@dataclass
class Ctl:
    socket: Path
    executed: list[tuple[str, ...]] = field(default_factory=list)
    agrees: bool | None = None
    config_faults: tuple[str, ...] = ()

    def call(self, *arguments: str) -> Said:
        args = cli.parser().parse_args(["--socket", str(self.socket), *arguments])
        out, err = io.StringIO(), io.StringIO()
        console = Console(out, err, as_json=args.json)
        call = Call(
            args,
            Client(args.socket),
            console,
            NOON + timedelta(minutes=5),
            confirm=lambda _: self.agrees,
            execute=self.executed.append,
            config_faults=lambda: self.config_faults,
        )
        return Said(cli.run(call), out.getvalue(), err.getvalue())

    async def __call__(self, *arguments: str) -> Said:
        return await asyncio.to_thread(self.call, *arguments)


@pytest.fixture
def scene() -> ControlScene:
    return ControlScene()


@pytest.fixture
async def ctl(scene: ControlScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    runner = web.AppRunner(scene.app(), handler_cancellation=True)  # as the daemon's
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()


async def test_a_course_from_its_creation_to_its_end(ctl: Ctl, scene: ControlScene) -> None:
    scene.git.upstream(URL, "main", {"w1/a.md": b"", "nbhosting/nbhosting.yaml": b"x: 1"})
    created = await ctl("course", "create", "python", URL)
    assert created.code == 0
    assert created.out.splitlines()[-1].startswith("python: created at ")
    assert "warning: nbhosting/nbhosting.yaml:1: unknown “x”" in created.err
    listed = await ctl("course", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["COURSE", "python"]
    assert "t0ken" not in listed.out + created.out + created.err
    assert (await ctl("course", "set", "python", "--autopull", "on", "--image", "scipy")).code == 0
    shown = await ctl("course", "show", "python")
    assert "autopull on, autobuild off, public builds on, archived off" in shown.out
    assert "w1 (1 notebooks)" in shown.out
    assert "unknown “x”" in shown.err
    scene.git.upstream(URL, "main", {"w1/b.md": b""})
    pulled = await ctl("course", "pull", "python")
    assert pulled.out.splitlines()[-1].endswith("3 files changed")
    assert (await ctl("course", "delete", "python", "--yes")).out == "python: deleted\n"
    assert (await ctl("course", "list")).out.startswith("There is no course yet")


async def test_programs_get_json_and_nothing_else(ctl: Ctl, scene: ControlScene) -> None:
    scene.git.upstream(URL, "main", {"a.md": b""})
    created = await ctl("course", "create", "python", URL, "--json")
    assert json.loads(created.out)["course"]["name"] == "python"
    assert "asking" in created.err
    for command in (
        ("course", "list"), ("course", "show", "python"), ("course", "pull", "python"),
        ("course", "set", "python", "--archived", "on"), ("image", "list"), ("image", "build", "minimal"),
        ("image", "prune"), ("workspace", "list"), ("workspace", "measure"), ("status", "--watch"),
        ("status",), ("stop", "--all"), ("check",), ("job", "list"), ("job", "show", "1"),
        ("show-unit", "python", "alice"), ("launch-url", "python", "a", "alice"),
    ):  # fmt: skip
        said = await ctl(*command, "--json")
        assert said.code == 0, (command, said)
        json.loads(said.out)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("course", "show", "absent"), 3, "There is no course “absent”."),
        (("course", "pull", "absent"), 3, "There is no course “absent”."),
        (("course", "create", "python", URL), 1, "There is already a course"),
        (("course", "create", "../x", URL), 1, "is not a course name"),
        (("course", "create", "other", "nonsense"), 1, "The repository's address"),
        (("course", "set", "python"), 2, "Nothing to change"),
        (("course", "delete", "python"), 2, "add --yes"),
        (("image", "build", "python"), 3, "has no recipe"),
        (("stop", "python"), 2, "--course"),
        (("stop", "python/eve"), 3, "does not run"),
        (("job", "show", "99"), 3, "There is no job 99."),
        (("logs", "python/a b"), 2, "is not a student name"),
        (("logs", "absent"), 3, "There is no course"),
        (("logs", "python", "3"), 2, "Only jobs"),
        (("show-unit", "python", "bob"), 3, "No such workspace"),
    ],
)
async def test_what_cannot_be_is_a_sentence_and_a_code(
    ctl: Ctl, scene: ControlScene, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    await scene.created()
    said = await ctl(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("nbhostctl: ")
    assert sentence in said.err


@pytest.mark.parametrize(
    "arguments",
    [(), ("course",), ("course", "set", "x", "--autopull", "yes"), ("stop",), ("stop", "--all", "--course", "x"),
     ("launch-url", "a", "b"), ("job", "show", "x"), ("nothing",)],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        cli.parser().parse_args(arguments)
    assert exit.value.code == 2
    assert "usage: nbhostctl" in capsys.readouterr().err


async def test_a_failed_pull_shows_the_journals_detail_too(ctl: Ctl, scene: ControlScene) -> None:
    await scene.created()
    scene.git.broken[URL] = WorldError("The server does not answer.", detail="refused\x1b[31m")
    said = await ctl("course", "pull", "python")
    assert said.code == 1
    assert said.err == "nbhostctl: The server does not answer.\n  (refused\\x1b[31m)\n"


async def test_a_failed_build_shows_its_last_lines(ctl: Ctl, scene: ControlScene) -> None:
    scene.jobs.scripts["build"] = Script(lines=("STEP 1", "E: no such package"), state=JobState.FAILED)
    said = await ctl("image", "build", "minimal")
    assert said.code == 1
    assert said.out == "STEP 1\nE: no such package\n"
    assert said.err.splitlines()[-1] == "  E: no such package"
    listed = await ctl("job", "list")
    assert "failed" in listed.out
    shown = await ctl("job", "show", "1", "--follow")
    assert shown.code == 1
    assert "E: no such package" in shown.out


async def test_deleting_asks_first(ctl: Ctl, scene: ControlScene) -> None:
    await scene.created()
    await scene.store.ensure_workspace(ALICE, Mode.MOOC, "l", NOON)
    ctl.agrees = False
    assert (await ctl("course", "delete", "python")).code == 1
    ctl.agrees = True
    assert "1 workspaces with students' files" in (await ctl("course", "delete", "python")).err
    said = await ctl("course", "delete", "python", "--with-workspaces")
    assert said.out == "python: deleted, with 1 workspaces\n"


async def test_what_runs_is_a_table(ctl: Ctl, scene: ControlScene) -> None:
    assert (await ctl("status")).out == "No workspace runs.\n"
    scene.rows_now = [a_row(ALICE), a_row(BOB)]
    said = await ctl("status")
    head, alice, _, counts = said.out.splitlines()
    assert head.split() == ["WORKSPACE", "PHASE", "SINCE", "MEMORY", "CPU", "TASKS", "TABS", "IDLE", "WHY"]
    assert alice.split()[:7] == ["python/alice", "ready", "5min", "0s", "50M", "1s", "12"]
    assert counts == "2 ready"
    assert (await ctl("stop", "python/alice")).out == "stopped: python/alice\n"
    assert scene.stopped == [("python/alice", "administrator")]


async def test_watching_is_left_to_watch(ctl: Ctl) -> None:
    assert (await ctl("status", "--watch")).out == ""
    assert ctl.executed == [("watch", "--interval=2", "nbhostctl", f"--socket={ctl.socket}", "status")]


async def test_a_launch_url_is_all_that_is_on_standard_output(ctl: Ctl, scene: ControlScene) -> None:
    await scene.created()
    said = await ctl("launch-url", "python", "w1/absent", "alice")
    assert said.out.startswith("http://localhost:8000/ipythonExercice/python/w1/absent")
    assert said.out.count("\n") == 1
    assert "warning: the course has no notebook" in said.err


async def test_units_read_like_units(ctl: Ctl) -> None:
    said = await ctl("show-unit", "python", "alice")
    assert said.out.splitlines() == [
        "[nbh-1.socket]", "ListenStream=Stream /run/x.sock", "SocketMode=384", "",
        "[nbh-1.service]", "ExecStart=/usr/bin/podman run 'a b'", "Delegate=yes", "",
    ]  # fmt: skip


async def test_logs_become_journalctl_with_the_right_matches(ctl: Ctl, scene: ControlScene) -> None:
    await scene.created()
    await ctl("logs", "python/alice", "-f", "-n", "5")
    await ctl("logs", "python", "--since", "today")
    await ctl("logs", "daemon")
    await ctl("logs", "python/bob")
    ours = ("SYSLOG_IDENTIFIER=nbh/python/alice",)
    assert ctl.executed == [
        ("journalctl", "--lines=5", "--follow", *ours, "+", "USER_UNIT=nbh-1.service"),
        ("journalctl", "--lines=200", "--since=today", "_SYSTEMD_USER_SLICE=nbh-c1.slice"),
        ("journalctl", "--lines=200", "--unit=nbhostd.service"),
        ("journalctl", "--lines=200", "SYSLOG_IDENTIFIER=nbh/python/bob"),
    ]


async def test_a_jobs_log_is_shown(ctl: Ctl, scene: ControlScene) -> None:
    scene.jobs.scripts["build"] = Script(lines=("STEP 1",))
    await ctl("image", "build", "minimal")
    assert (await ctl("logs", "job", "1")).out == "STEP 1\n"
    assert "STEP 1" in (await ctl("job", "show", "1")).out


async def test_checks_decide_the_exit_code(ctl: Ctl, scene: ControlScene) -> None:
    scene.findings = [Finding("ok", "a", "b"), Finding("warning", "c", "d")]
    said = await ctl("check")
    assert (said.code, "warning  c" in said.out) == (0, True)
    scene.findings.append(Finding("fault", "e", "f"))
    assert (await ctl("check")).code == 1
    ctl.config_faults = ("nbhostd.toml: server.port: no such setting",)
    said = await ctl("check")
    assert (said.code, said.err) == (2, "nbhostctl: nbhostd.toml: server.port: no such setting\n")


async def test_a_path_is_made_absolute_for_the_daemon(
    ctl: Ctl, scene: ControlScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.bundle").touch()
    monkeypatch.chdir(tmp_path)
    scene.git.upstream(str(tmp_path / "c.bundle"), "main", {"a.md": b""})
    assert (await ctl("course", "create", "one", "c.bundle")).code == 0
    assert (await ctl("course", "create", "two", "./c.bundle")).code == 0


def test_a_daemon_that_is_not_there_is_69(tmp_path: Path) -> None:
    said = Ctl(tmp_path / "absent.sock").call("status")
    assert (said.code, said.out) == (69, "")
    assert "is nbhostd installed" in said.err


async def test_a_daemon_that_breaks_off_is_said(ctl: Ctl, scene: ControlScene) -> None:
    await scene.created()

    async def breaks(*_: object) -> None:
        raise LookupError

    scene.git.fetch = breaks  # type: ignore[assignment,method-assign]
    said = await ctl("course", "pull", "python")
    assert said.code in (1, 69)
    assert "nbhostctl: nbhostd" in said.err


async def test_a_build_whose_watcher_leaves_goes_on(ctl: Ctl, scene: ControlScene) -> None:
    release, ended = asyncio.Event(), scene.watch_end()
    scene.jobs.scripts["build"] = Script(lines=("done",), release=release)
    reader, writer = await asyncio.open_unix_connection(str(ctl.socket))
    body = b'{"target": "minimal"}'
    writer.write(
        b"POST /v1/images/build HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    assert (await reader.readline()).endswith(b"200 OK\r\n")
    await scene.jobs.begun.wait()
    writer.close()
    await writer.wait_closed()
    await ctl("job", "list")  # by now the daemon has seen the watcher go
    release.set()
    async with asyncio.timeout(5):
        await ended.wait()
    assert (await scene.store.jobs())[0].state is JobState.SUCCEEDED


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become somebody else")
async def test_who_may_not_is_told_to_use_sudo(ctl: Ctl) -> None:
    ctl.socket.chmod(stat.S_IRUSR | stat.S_IWUSR)
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        os._exit(ctl.call("status").code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 69


def _every_help() -> list[str]:
    helps = []
    parsers = [cli.parser()]
    while parsers:
        parser = parsers.pop()
        helps.append(parser.format_help())
        for action in parser._actions:
            if isinstance(action.choices, dict):
                parsers.extend(action.choices.values())
    return helps


def test_every_command_has_a_help_that_fits() -> None:
    helps = _every_help()
    assert len(helps) > 20
    for text in helps:
        assert max(map(len, text.splitlines())) <= 120, text


def test_nothing_moves_the_cursor() -> None:
    assert printable("a\x1b[2J\x07\tb\r") == "a\\x1b[2J\\x07\tb\\x0d"
    assert [size(n) for n in (None, 0, 999, 1024, 52 << 20, 3 << 30, 5000 << 30)] == [
        "-", "0B", "999B", "1.0K", "52M", "3.0G", "5000G",
    ]  # fmt: skip
    assert [duration(n) for n in (None, -1, 59, 61, 3700, 90000)] == [
        "-",
        "0s",
        "59s",
        "1min 1s",
        "1h 1min",
        "1d 1h",
    ]
