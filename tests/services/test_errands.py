"""Errands: the answer comes when it is known whether the work could begin, and the work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.adapters.joblogs import JobLogs
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import JobState
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import JobBook, Say
from nbhostd.services.tasks import Tasks
from tests.fakes.store import FakeStore
from tests.services.cast import Clock


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    keeper = Tasks()
    yield keeper
    await keeper.close()


async def over(tasks: Tasks) -> None:
    """Return when all that was spawned has ended."""
    await asyncio.gather(*tasks._running, return_exceptions=True)


async def test_the_answer_is_the_number_of_the_first_job_and_says_who_asked(
    tasks: Tasks, tmp_path: Path
) -> None:
    store = FakeStore()
    book, go = JobBook(store, JobLogs(tmp_path), Clock()), asyncio.Event()

    async def work(say: Say) -> None:
        async with book.job("pull", "python", say):
            await go.wait()
        async with book.job("build", "python", say):
            pass

    number = await Errands(tasks).begin("tess", "pull of python", work)
    assert number == 1
    first = await store.job(1)
    assert first is not None
    assert (first.state, first.begun_by) == (JobState.RUNNING, "tess")
    go.set()
    await over(tasks)
    second = await store.job(2)
    assert second is not None
    assert second.begun_by == "tess"


async def test_what_cannot_begin_is_refused_to_whoever_asked(tasks: Tasks) -> None:
    async def work(say: Say) -> None:
        raise Refused("It is being pulled.", status=409, reason="course-busy")

    with pytest.raises(Refused) as refusal:
        await Errands(tasks).begin("tess", "pull", work)
    assert refusal.value.reason == "course-busy"


async def test_what_fails_later_is_told_by_its_job(tasks: Tasks, tmp_path: Path) -> None:
    store = FakeStore()
    book, go = JobBook(store, JobLogs(tmp_path), Clock()), asyncio.Event()

    async def work(say: Say) -> None:
        async with book.job("pull", "python", say):
            await go.wait()
            raise WorldError("git said no.")

    assert await Errands(tasks).begin("tess", "pull", work) == 1
    go.set()
    await over(tasks)
    job = await store.job(1)
    assert job is not None
    assert (job.state, job.message) == (JobState.FAILED, "git said no.")


async def test_work_without_a_job_is_done_when_it_is_answered(tasks: Tasks) -> None:
    done = []

    async def work(say: Say) -> None:
        done.append(True)

    assert await Errands(tasks).begin("tess", "nothing", work) is None
    assert done


async def test_whoever_goes_away_stops_nothing(tasks: Tasks, tmp_path: Path) -> None:
    store = FakeStore()
    book, began, go = JobBook(store, JobLogs(tmp_path), Clock()), asyncio.Event(), asyncio.Event()

    async def work(say: Say) -> None:
        began.set()
        await go.wait()
        async with book.job("pull", "python", say):
            pass

    asking = asyncio.create_task(Errands(tasks).begin("tess", "pull", work))
    await began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go.set()
    await over(tasks)
    job = await store.job(1)
    assert job is not None
    assert job.state is JobState.SUCCEEDED


async def test_jobs_that_nobody_ordered_are_nbhostds_own(tmp_path: Path) -> None:
    store = FakeStore()
    async with JobBook(store, JobLogs(tmp_path), Clock()).job("pull", "python", lambda line: None):
        pass
    job = await store.job(1)
    assert job is not None
    assert job.begun_by == ""
