"""The contract of core.ports.Jobs on a real user manager, and a job that outlives the daemon."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from nbhostd.adapters.jobs import UnitJobRunner
from nbhostd.adapters.systemd import Systemd
from nbhostd.core.jobspec import job_unit
from nbhostd.core.model import JobState, UnitState
from tests.adapters.contract_jobs import Bench, JobsContract, shell
from tests.adapters.contract_systemd import until
from tests.machine.trial import Trial, trial_user

pytestmark = pytest.mark.machine

NUMBERS = itertools.count(os.getpid() * 1000)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return trial_user()


@pytest.fixture
async def systemd(trial: Trial) -> AsyncIterator[Systemd]:
    with trial.identity():
        systemd = Systemd(trial.bus)
        await systemd.connect()
        keeper = asyncio.create_task(systemd.keep_connected())
        yield systemd
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await systemd.close()


@pytest.fixture
async def bench(trial: Trial, systemd: Systemd) -> AsyncIterator[Bench]:
    number = next(NUMBERS)
    yield Bench(UnitJobRunner(systemd, trial.runtime / "jobs"), number)
    assert (await systemd.status(job_unit(number))).state in (UnitState.ABSENT, UnitState.INACTIVE), (
        "not forgotten"
    )


class TestRealJobs(JobsContract):
    """Every promise of the contract."""


async def test_a_job_outlives_the_daemon_and_is_attached_to(
    bench: Bench, trial: Trial, systemd: Systemd
) -> None:
    begun: list[str] = []
    script = "echo begun; sleep 2; echo done"
    first = asyncio.create_task(bench.jobs.run(bench.number, shell(script), begun.append))
    await until(lambda: begun == ["begun"])
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    lines: list[str] = []
    again = UnitJobRunner(systemd, trial.runtime / "jobs")
    assert await again.attach(bench.number, lines.append) is JobState.SUCCEEDED
    assert lines == ["begun", "done"]


async def test_the_end_of_a_job_waits_for_a_daemon_that_was_away(
    bench: Bench, trial: Trial, systemd: Systemd
) -> None:
    begun: list[str] = []
    first = asyncio.create_task(
        bench.jobs.run(bench.number, shell("echo begun; sleep 1; exit 4"), begun.append)
    )
    await until(lambda: begun == ["begun"])
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with asyncio.timeout(10):
        while (await systemd.status(job_unit(bench.number))).state is not UnitState.FAILED:
            await asyncio.sleep(0.1)
    lines: list[str] = []
    state = await UnitJobRunner(systemd, trial.runtime / "jobs").attach(bench.number, lines.append)
    assert (state, lines) == (JobState.FAILED, ["begun", "It ended with exit status 4."])


async def test_a_job_runs_in_the_jobs_slice(bench: Bench, trial: Trial) -> None:
    lines: list[str] = []
    await bench.jobs.run(bench.number, shell("cat /proc/self/cgroup"), lines.append)
    assert any("/nbhjobs.slice/nbhjob-" in line for line in lines)
