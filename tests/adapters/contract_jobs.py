"""What every implementation of core.ports.Jobs keeps: run on the fake here, and in the machine on the real one."""

import asyncio
from dataclasses import dataclass

from nbhostd.adapters.jobs import UnitJobRunner
from nbhostd.core.model import JobSpec, JobState
from tests.adapters.contract_systemd import until
from tests.fakes.jobs import FakeJobs


@dataclass
class Bench:
    """The runner under test, and a number that nobody else uses."""

    jobs: UnitJobRunner | FakeJobs
    number: int


def shell(script: str, *, timeout: float = 30, **more: str) -> JobSpec:
    return JobSpec("trial", "trial", ("/bin/sh", "-c", script), timeout, environment=tuple(more.items()))


class JobsContract:
    """Needs a fixture `bench`."""

    async def test_a_job_that_ends_well_has_told_every_line(self, bench: Bench) -> None:
        lines: list[str] = []
        state = await bench.jobs.run(
            bench.number, shell("echo one; echo two >&2; printf three"), lines.append
        )
        assert (state, lines) == (JobState.SUCCEEDED, ["one", "two", "three"])

    async def test_a_job_that_fails_says_with_what_status(self, bench: Bench) -> None:
        lines: list[str] = []
        assert await bench.jobs.run(bench.number, shell("echo oh; exit 3"), lines.append) is JobState.FAILED
        assert lines == ["oh", "It ended with exit status 3."]

    async def test_a_program_that_is_not_there_fails(self, bench: Bench) -> None:
        lines: list[str] = []
        spec = JobSpec("trial", "trial", ("/nonexistent/program",), 30)
        assert await bench.jobs.run(bench.number, spec, lines.append) is JobState.FAILED
        assert lines == ["Its program could not be started."]

    async def test_lines_are_told_while_it_runs_and_a_cancelled_job_ends(self, bench: Bench) -> None:
        lines: list[str] = []
        run = asyncio.create_task(bench.jobs.run(bench.number, shell("echo begun; sleep 600"), lines.append))
        await until(lambda: lines == ["begun"])
        await bench.jobs.cancel(bench.number)
        assert await run is JobState.CANCELLED

    async def test_a_job_that_takes_too_long_is_stopped(self, bench: Bench) -> None:
        lines: list[str] = []
        state = await bench.jobs.run(bench.number, shell("echo begun; sleep 600", timeout=1.5), lines.append)
        assert (state, lines) == (JobState.FAILED, ["begun", "It ran for too long and was stopped."])

    async def test_the_environment_is_the_jobs(self, bench: Bench) -> None:
        lines: list[str] = []
        await bench.jobs.run(bench.number, shell('echo "$COLOUR"', COLOUR='a "b" $c'), lines.append)
        assert lines == ['a "b" $c']

    async def test_a_progress_bar_is_one_line_and_odd_bytes_are_shown(self, bench: Bench) -> None:
        lines: list[str] = []
        await bench.jobs.run(bench.number, shell("printf '10%%\\r50%%\\r99%%\\n\\377\\n'"), lines.append)
        assert lines == ["99%", "\N{REPLACEMENT CHARACTER}"]

    async def test_a_follower_sees_every_line_and_then_the_end(self, bench: Bench) -> None:
        begun: list[str] = []
        run = asyncio.create_task(
            bench.jobs.run(bench.number, shell("echo one; sleep 1; echo two"), begun.append)
        )
        await until(lambda: bool(begun))
        async with asyncio.timeout(20):
            assert [line async for line in bench.jobs.follow(bench.number)] == ["one", "two"]
        await run

    async def test_cancelling_what_is_not_there_is_nothing(self, bench: Bench) -> None:
        await bench.jobs.cancel(bench.number)
        assert [line async for line in bench.jobs.follow(bench.number)] == []

    async def test_a_job_that_nobody_knows_is_lost(self, bench: Bench) -> None:
        assert await bench.jobs.attach(bench.number, print) is JobState.LOST
