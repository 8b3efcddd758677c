"""Jobs: the contract on the fake, and the real runner on a manager in memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from nbhostd.adapters import joblogs, jobs, unit_ends
from nbhostd.adapters.joblogs import JobLogs, Tail
from nbhostd.adapters.jobs import UnitJobRunner
from nbhostd.core.errors import WorldError
from nbhostd.core.model import JobSpec, JobState
from tests.adapters.contract_jobs import Bench, JobsContract, shell
from tests.adapters.contract_systemd import until
from tests.fakes.jobs import FakeJobs, Script
from tests.fakes.systemd import FakeSystemd

UNIT = "nbhjob-5.service"


class TestFakeJobs(JobsContract):
    @pytest.fixture
    def bench(self) -> Bench:
        return Bench(FakeJobs(), 5)


async def test_a_scripted_job_spawns_nothing() -> None:
    fake = FakeJobs(scripts={"build": Script(("a", "b"), JobState.FAILED)})
    lines: list[str] = []
    spec = JobSpec("build", "python", ("/nonexistent",), 1)
    assert await fake.run(1, spec, lines.append) is JobState.FAILED
    assert (lines, fake.ran) == (["a", "b"], [spec])


# ---- the real runner, step by step


@pytest.fixture
def systemd() -> FakeSystemd:
    return FakeSystemd()


@pytest.fixture
def runner(systemd: FakeSystemd, tmp_path: Path) -> UnitJobRunner:
    return UnitJobRunner(systemd, tmp_path / "jobs")


def running(systemd: FakeSystemd) -> Callable[[], bool]:
    return lambda: UNIT in systemd.units


async def test_the_unit_is_forgotten_once_it_has_told_its_end(
    runner: UnitJobRunner, systemd: FakeSystemd
) -> None:
    run = asyncio.create_task(runner.run(5, shell("x"), print))
    await until(running(systemd))
    systemd.exit(UNIT, 0)
    assert await run is JobState.SUCCEEDED
    assert UNIT not in systemd.units


async def test_the_log_survives_the_daemon_and_the_job_is_attached_to(
    runner: UnitJobRunner, systemd: FakeSystemd, tmp_path: Path
) -> None:
    run = asyncio.create_task(runner.run(5, shell("x"), print))
    await until(running(systemd))
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert UNIT in systemd.units
    with runner.logs.path(5).open("a") as log:
        log.write("built\nhalf")
    systemd.exit(UNIT, 0)
    lines: list[str] = []
    assert await UnitJobRunner(systemd, tmp_path / "jobs").attach(5, lines.append) is JobState.SUCCEEDED
    assert lines == ["built", "half"]


async def test_a_manager_that_died_under_a_job_has_lost_it(
    runner: UnitJobRunner, systemd: FakeSystemd
) -> None:
    run = asyncio.create_task(runner.run(5, shell("x"), print))
    await until(running(systemd))
    systemd.restart_manager()
    assert await run is JobState.LOST


async def test_could_not_ask_is_not_an_end(
    runner: UnitJobRunner, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_ends, "_LOOK", 0.01)
    monkeypatch.setattr(unit_ends, "_LOOKS_PER_QUESTION", 1)
    run = asyncio.create_task(runner.run(5, shell("x"), print))
    await until(running(systemd))
    systemd.away = True
    asked = len(systemd.calls)
    await until(lambda: len(systemd.calls) > asked + 3)
    assert not run.done()
    systemd.away = False
    systemd.exit(UNIT, 2)
    assert await run is JobState.FAILED


async def test_a_job_that_cannot_be_asked_for_is_a_world_error(
    runner: UnitJobRunner, systemd: FakeSystemd
) -> None:
    systemd.away = True
    with pytest.raises(WorldError):
        await runner.run(5, shell("x"), print)


async def test_a_job_that_prints_without_end_is_stopped(
    runner: UnitJobRunner, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LONGEST_LOG", 1000)
    lines: list[str] = []
    run = asyncio.create_task(runner.run(5, shell("x"), lines.append))
    await until(running(systemd))
    with runner.logs.path(5).open("a") as log:
        log.write("flood\n" * 300)
    assert await run is JobState.CANCELLED
    assert lines[-1] == "It printed too much and was stopped."


async def test_earlier_lines_of_the_same_log_are_not_told_again(
    runner: UnitJobRunner, systemd: FakeSystemd
) -> None:
    runner.logs.path(5).parent.mkdir()
    runner.logs.append(5, "pulled")
    lines: list[str] = []
    run = asyncio.create_task(runner.run(5, shell("x"), lines.append))
    await until(running(systemd))
    systemd.exit(UNIT, 0)
    await run
    assert lines == []
    assert [line async for line in runner.follow(5)] == ["pulled"]


# ---- logs


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "1.log"
    log.write_bytes(b"x" * 100_000 + b"\nshort\n")
    lines = Tail(log).lines()
    assert [len(line) for line in lines] == [joblogs._LONGEST_LINE, 5]


def test_an_unfinished_line_waits_for_its_end(tmp_path: Path) -> None:
    log = tmp_path / "1.log"
    tail = Tail(log)
    assert tail.lines() == []
    log.write_text("one\ntw")
    assert tail.lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert tail.lines() == ["two"]
    assert tail.lines(last=True) == []


async def test_a_long_log_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblogs, "_MOST_AT_ONCE", 10)
    logs = JobLogs(tmp_path)
    (tmp_path / "1.log").write_text("".join(f"{i}\n" for i in range(30)) + "end")
    assert [line async for line in logs.follow(1)] == [*map(str, range(30)), "end"]


async def test_a_follower_of_a_live_log_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblogs, "_LOOK", 0.01)
    logs = JobLogs(tmp_path)
    seen: list[str] = []

    async def follow() -> None:
        async for line in logs.follow(1):
            seen.append(line)

    with logs.live(1), logs.live(1):
        follower = asyncio.create_task(follow())
        logs.append(1, "one\nline")
        await until(lambda: seen == ["one line"])
        assert not follower.done()
    logs.append(1, "two")
    await follower
    assert seen == ["one line", "two"]


def test_a_log_that_a_container_was_given_can_be_read_and_written_again(tmp_path: Path) -> None:
    """The OCI runtime makes a container's user the owner of its standard streams."""
    logs = JobLogs(tmp_path)
    logs.append(7, "ours")
    logs.lend(7)
    assert logs.path(7).stat().st_mode & 0o777 == 0o644
    logs.append(7, "ours again")
    assert logs.path(7).read_text() == "ours\nours again\n"
