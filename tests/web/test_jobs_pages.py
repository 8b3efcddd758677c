"""Jobs in a browser: whose they are, how a log is followed live, and what came of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nbhostd.adapters.joblogs import JobLogs
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Job
from nbhostd.services.cancelling import Cancelling
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import Cancelled, JobBook, Say, Stage
from nbhostd.web.jobs import Jobs
from nbhostd.web.jobsroom import JobsRoom
from tests.fakes.jobs import FakeJobs
from tests.web.site_trial import Browser, SiteTrial, site_trial


@dataclass
class Scene:
    """A site with jobs, and work that waits until it may go on."""

    trial: SiteTrial
    book: JobBook
    errands: Errands
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, *jobs: str, who: str = "teacher", **how: Any) -> int:
        """Begin jobs one after the other, written as KIND:SUBJECT; the first waits for `go`. Its number."""

        async def work(say: Say) -> None:
            for place, (kind, _, subject) in enumerate(job.partition(":") for job in jobs):
                async with self.book.job(kind, subject, say, cancellable=True) as job:
                    job.say(f"{kind} begins")
                    job.stage = how.get("stage")
                    if not place:
                        await self.go.wait()
                    job.say("and goes on")
                    job.result = how.get("result", {})
                    job.message = "well done"
                    if how.get("fail"):
                        raise WorldError("It went wrong.")
                    if job.cancelled:
                        raise Cancelled("It was cancelled.")

        number = await self.errands.begin(who, "work", work)
        assert number is not None
        return number

    async def over(self) -> None:
        """Let the work go on to its end."""
        self.go.set()
        await asyncio.gather(*self.trial.tasks._running, return_exceptions=True)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made: dict[str, Jobs] = {}

    def jobs(trial: SiteTrial) -> Jobs:
        if not made:
            logs = JobLogs(tmp_path / "jobs")
            book = JobBook(trial.store, logs, trial.clock)
            made["jobs"] = Jobs(trial.store, logs, book, Cancelling(book, FakeJobs()), trial.people)
        return made["jobs"]

    async with site_trial(
        tmp_path, rooms=lambda t: [JobsRoom(t.site, jobs(t))], operations=lambda t: jobs(t).operations()
    ) as trial:
        book = made["jobs"].book
        assert isinstance(book, JobBook)
        yield Scene(trial, book, Errands(trial.tasks))


async def messages(browser: Browser, path: str) -> list[tuple[str, Any]]:
    """All server-sent events of a stream, until it ends."""
    answer = await browser.get(path)
    assert answer.status == 200
    found = []
    for block in (await answer.text()).split("\n\n"):
        parts = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if parts:
            found.append((parts.get("event", "message"), json.loads(parts["data"])))
    return found


async def test_a_running_job_is_followed_live_and_from_where_the_page_is(scene: Scene) -> None:
    number = await scene.begin("pull:python", stage=Stage(2, 5, "alice"))
    teacher = await scene.trial.browser("teacher")
    page = await teacher.text(f"/jobs/{number}")
    assert "pull begins" in page
    assert f"/jobs/{number}/events?from=1" in page
    assert "2/5 alice" in page
    assert "http-equiv" in page
    following = asyncio.create_task(messages(teacher, f"/jobs/{number}/events?from=1"))
    answer = await teacher.get(f"/jobs/{number}/events?from=0")
    first = await answer.content.readuntil(b"\n\n")  # the stream is open before the job goes on
    assert b"stage" in first
    await scene.over()
    told = await following
    answer.close()
    assert [text["line"] for kind, text in told if kind == "message"] == ["and goes on"]
    assert told[-1] == (
        "end", {"state": "succeeded", "text": "succeeded", "tone": "good", "message": "well done", "go": ""}
    )  # fmt: skip


async def test_a_job_that_ended_says_what_came_of_it_and_leads_there(scene: Scene) -> None:
    report = {
        "commit": "a" * 40, "dry_run": False, "counts": {"conflict": 1, "merged": 1},
        "students": [
            {"student": "bob", "end": "merged", "good": True, "conflicts": [], "kept": [], "words": "merged"},
            {"student": "ève", "end": "conflict", "good": False, "conflicts": ["w1/<b>.md"], "kept": ["refs/x"],
             "words": "CONFLICT"},
        ],
    }  # fmt: skip
    number = await scene.begin("pull-students:python", result=report)
    teacher = await scene.trial.browser("teacher", "fr")
    assert "report" not in await teacher.text(f"/jobs/{number}")
    await scene.over()
    page = await teacher.text(f"/jobs/{number}")
    assert page.index("ève") < page.index(">bob<"), "who needs somebody is first"
    assert "w1/&lt;b&gt;.md" in page
    assert "/teach/python/students/%C3%A8ve" in page
    assert "conflit" in page
    _, end = (await messages(teacher, f"/jobs/{number}/events"))[-1]
    assert (end["text"], end["go"]) == ("réussie", f"/jobs/{number}")
    status, shown = await scene.trial.api("GET", f"/jobs/{number}", "teacher")
    assert (status, shown["result"]) == (200, report)


@pytest.mark.parametrize(
    ("kind", "result", "said"),
    [
        ("pull", {"old": None, "new": "b" * 40, "files": None, "warnings": ["nbhosting.yaml:3: odd"]}, "nbhosting.yaml:3: odd"),
        ("build", {"image": "course-python", "digest": "sha256:" + "c" * 64}, "cccccccccccc<"),
        ("site", {"build": "book", "commit": "d" * 40}, "dddddddddd<"),
        ("roll-out", {"stopped": ["python/a"], "left": [], "failed": []}, "Left alone"),
    ],
)  # fmt: skip
async def test_each_kind_has_its_report(scene: Scene, kind: str, result: dict[str, Any], said: str) -> None:
    number = await scene.begin(f"{kind}:python", result=result)
    await scene.over()
    assert said in await (await scene.trial.browser("teacher")).text(f"/jobs/{number}")


async def test_what_is_kept_of_a_job_that_fails_is_shown_too(scene: Scene) -> None:
    number = await scene.begin(
        "pull-students:python", fail=True, result={"students": [], "counts": {}, "dry_run": False}
    )
    await scene.over()
    page = await (await scene.trial.browser("teacher")).text(f"/jobs/{number}")
    assert "It went wrong." in page
    assert 'id="report"' in page


async def test_a_page_goes_on_with_the_next_job_of_the_same_errand(scene: Scene) -> None:
    first = await scene.begin("build:minimal", "build:python", "prune:images")
    teacher = await scene.trial.browser("teacher")
    following = asyncio.create_task(messages(teacher, f"/jobs/{first}/events"))
    await scene.over()
    assert (await following)[-1][1]["go"] == f"/jobs/{first + 1}"
    page = await teacher.text(f"/jobs/{first}")
    assert f'href="/jobs/{first + 1}"' in page
    assert f'href="/jobs/{first + 2}"' not in page, "tidying up is nobody's errand"
    assert (await messages(teacher, f"/jobs/{first + 1}/events"))[-1][1]["go"] == ""


async def test_whose_jobs_are_whose(scene: Scene) -> None:
    own, foreign, base = (
        await scene.begin("pull:python"), await scene.begin("pull:other"),
        await scene.begin("build:minimal", who="teacher"),
    )  # fmt: skip
    expected = {"admin": (200, 200, 200), "staff": (200, 200, 403), "teacher": (200, 404, 200), "student": (403, 404, 403),
                "stranger": (404, 403, 403), "nobody": (303, 303, 303)}  # fmt: skip
    for role, statuses in expected.items():
        browser = await scene.trial.browser(role)
        for path in ("", "/events") if 200 not in statuses else ("",):
            got = [(await browser.get(f"/jobs/{number}{path}")).status for number in (own, foreign, base)]
            assert tuple(got) == statuses, (role, path)
    await scene.over()


async def test_jobs_are_listed_for_a_course_and_for_the_site(scene: Scene) -> None:
    own, foreign = await scene.begin("pull:python"), await scene.begin("site:other/book", fail=True)
    await scene.over()
    for role, path, listed in (
        ("teacher", "/teach/python/jobs", {own}), ("staff", "/teach/other/jobs", {foreign}),
        ("admin", "/admin/jobs", {own, foreign}),
    ):  # fmt: skip
        for language in ("en", "fr"):
            page = await (await scene.trial.browser(role, language)).text(path)
            assert {number for number in (own, foreign) if f'"/jobs/{number}"' in page} == listed
    for role, path, status in (
        ("staff", "/admin/jobs", 403), ("student", "/teach/python/jobs", 403), ("stranger", "/teach/python/jobs", 404),
        ("teacher", "/teach/other/jobs", 404),
    ):  # fmt: skip
        assert (await (await scene.trial.browser(role)).get(path)).status == status, (role, path)
    status, answer = await scene.trial.api("GET", "/jobs", "admin")
    assert [job["number"] for job in answer["jobs"]] == [foreign, own]


async def test_a_job_is_cancelled_with_its_button(scene: Scene) -> None:
    number = await scene.begin("pull-students:python")
    teacher = await scene.trial.browser("teacher")
    assert "/do/job.cancel" in await teacher.text(f"/jobs/{number}")
    answer = await teacher.post("/do/job.cancel", number=str(number), back=f"/jobs/{number}")
    assert (answer.status, answer.headers["Location"]) == (303, f"/jobs/{number}")
    await scene.over()
    job = await scene.trial.store.job(number)
    assert isinstance(job, Job)
    assert (job.state, job.message) == ("cancelled", "It was cancelled.")
    assert "/do/job.cancel" not in await teacher.text(f"/jobs/{number}")
    status, answer = await scene.trial.api("POST", f"/jobs/{number}/cancel", "teacher")
    assert (status, answer["reason"]) == (409, "not-cancellable")


async def test_a_result_that_cannot_be_kept_loses_the_result_only(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    number = await scene.begin("pull:python", result={"old": None, "new": "b", "files": 1, "warnings": []})
    (tmp_path / f"jobs/{number}.json").mkdir()
    await scene.over()
    job = await scene.trial.store.job(number)
    assert job is not None
    assert job.state == "succeeded"
    assert 'id="report"' not in await (await scene.trial.browser("teacher")).text(f"/jobs/{number}")
