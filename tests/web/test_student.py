"""From a launch URL to the notebook: what opens, what is refused, and what is done exactly once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.model import Phase, Visit
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import OpenRequest
from tests.web.trial import ALICE, DOMAIN, REQUEST, Trial, trial

REFERER = "https://courses.lms.example.org/unit"


async def test_a_fast_start_leads_straight_into_the_workspace() -> None:
    async with trial() as this:
        this.workspaces.ready_at_once = True
        answer = await this.get(this.launch_path())
        where = urlsplit(answer.headers["Location"])
        assert answer.status == 303
        assert where.netloc == f"abcdefghijklmnopqrstuvwx22.{DOMAIN}:8000"
        assert where.path == "/w/secret-000000000000001/.nbhostd/enter"
        assert this.workspaces.called("open") == [Visit(ALICE, REQUEST.notebook)]


async def test_without_a_workspace_domain_everything_is_at_one_address() -> None:
    async with trial(workspace_domain="") as this:
        this.workspaces.ready_at_once = True
        answer = await this.get(this.launch_path())
        assert answer.headers["Location"].startswith(
            "http://nb.localhost:8000/w/secret-000000000000001/.nbhostd/enter?"
        )


async def test_a_slower_start_shows_the_waiting_page() -> None:
    async with trial() as this:
        answer = await this.get(this.launch_path())
        assert answer.status == 303
        assert answer.headers["Location"].startswith("http://nb.localhost:8000/visit/")


@pytest.mark.parametrize("prefix", ["", "/", "//"])
@pytest.mark.parametrize("name", ["ipythonExercice", "notebookLazyCopy"])
async def test_both_names_with_any_number_of_slashes(prefix: str, name: str) -> None:
    async with trial() as this:
        path = prefix + this.launch_path().replace("ipythonExercice", name).replace("/alice?", "/alice//?")
        assert (await this.get(path)).status == 303


async def test_a_launch_opens_once() -> None:
    async with trial() as this:
        path = this.launch_path(reset=True)
        assert (await this.get(path)).status == 303
        second = await this.get(path)
        assert second.status == 403
        assert "used already" in await second.text()
        assert this.workspaces.called("open") == [Visit(ALICE, REQUEST.notebook, forcecopy=True)]


async def test_a_refused_launch_does_not_use_up_its_nonce() -> None:
    async with trial() as this:
        path = this.launch_path()
        assert (await this.get(path + "x")).status == 403
        assert (await this.get(path)).status == 303


async def test_an_old_launch_is_refused() -> None:
    async with trial() as this:
        path = this.launch_path(minutes=2)
        this.clock.pass_by(timedelta(minutes=3))
        answer = await this.get(path)
        assert answer.status == 403
        assert "too long ago" in await answer.text()


async def test_unsigned_is_refused_and_no_list_is_told() -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        answer = await this.get(
            "/ipythonExercice/python/w1/n/alice", Referer="https://evil.example/lms.example.org"
        )
        text = await answer.text()
        assert answer.status == 403
        assert "sign the link for you" in text
        assert "lms.example.org" not in text
        assert "alice" in text
        assert this.workspaces.calls == []


async def test_the_legacy_rule_is_off_until_an_administrator_names_hosts() -> None:
    async with trial() as this:
        assert (await this.get("/ipythonExercice/python/n/alice", Referer=REFERER)).status == 403
    async with trial(legacy_referers=("lms.example.org",)) as this:
        answer = await this.get("/ipythonExercice/python/n/alice?forcecopy=false", Referer=REFERER)
        assert answer.status == 303
        (visit,) = this.workspaces.called("open")
        assert isinstance(visit, Visit)
        assert visit.forcecopy


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE"])
async def test_only_get_opens(method: str) -> None:
    async with trial() as this:
        answer = await this.get(this.launch_path(), method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")
        assert this.workspaces.calls == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ipythonExercice/c/n", 404),
        ("/ipythonExercice", 404),
        ("/ipythonExercice/-c/n/s", 400),
        ("/ipythonExercice/c/%2e%2e/n/s", 400),
        ("/ipythonExercice/c/a%0Ab/s", 400),
        ("/ipythonExercice/c/%ff/s", 400),
        ("/ipythonExercice/%3Cscript%3E/n/s", 400),
        ("/nothing", 404),
    ],
)
async def test_malformed_addresses_get_a_page(path: str, status: int) -> None:
    async with trial() as this:
        answer = await this.get(path)
        assert answer.status == status
        assert "<h1>" in await answer.text()
        assert "<script>" not in await answer.text()


async def test_the_longest_names_fit_through_every_door() -> None:
    longest = OpenRequest(
        CourseName.parse("é" * 64), NotebookPath.parse("/".join(["é" * 126] * 4)), StudentName.parse("é" * 64)
    )
    async with trial() as this:
        waiting = await this.get(this.launch_path(longest))
        assert (await this.get(waiting.headers["Location"])).status == 200
        this.workspaces.put(longest.workspace, Phase.READY)
        enter = await this.get(waiting.headers["Location"])
        entered = await this.get(enter.headers["Location"])
        host = urlsplit(enter.headers["Location"]).netloc
        there = await this.get(f"http://{host}{entered.headers['Location']}")
        notebook = await this.get(f"http://{host}{there.headers['Location']}")
        assert "/notebooks/%C3%A9" in await notebook.text()


async def _refused(this: Trial, error: Exception) -> tuple[int, str]:
    this.workspaces.refusal = error
    answer = await this.get(this.launch_path())
    return answer.status, await answer.text()


async def test_what_the_services_refuse_becomes_a_page() -> None:
    async with trial() as this:
        status, text = await _refused(this, Refused("No such course.", status=404, reason="no-such-course"))
        assert (status, "no course of this name" in text) == (404, True)
        status, text = await _refused(this, WorldError("The disk is full.", detail="/var/lib/secret"))
        assert (status, "The disk is full." in text, "/var/lib" in text) == (502, True, False)
        this.workspaces.refusal = NotNow("Too many are waiting.", retry_after=60)
        answer = await this.get(this.launch_path())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


async def test_a_second_launch_joins_the_start_of_the_first() -> None:
    async with trial(patience=5) as this:
        this.workspaces.put(ALICE, Phase.STARTING)
        async with asyncio.TaskGroup() as group:
            launches = [group.create_task(this.get(this.launch_path())) for _ in range(2)]
            group.create_task(_ready_when_opened_twice(this))
        targets = {urlsplit((await launch).headers["Location"]).path for launch in launches}
        assert targets == {"/w/secret-000000000000001/.nbhostd/enter"}


async def _ready_when_opened_twice(this: Trial) -> None:
    for _ in range(2):
        await this.workspaces.opened.get()
    this.workspaces.put(ALICE, Phase.READY)


async def test_a_page_of_a_sleeping_workspace_comes_back_at_its_new_address() -> None:
    async with trial() as this:
        old = this.workspaces.put(ALICE, Phase.READY)
        this.workspaces.put(ALICE, Phase.ASLEEP)
        assert old is not None
        host = f"{old.workspace.label}.{DOMAIN}:8000"
        answer = await this.get(f"http://{host}{old.run.base_url}asleep/lab/tree/a%20b.md?x=1")
        assert answer.headers["Location"].startswith("http://nb.localhost:8000/visit/")
        this.workspaces.put(ALICE, Phase.READY)
        enter = await this.get(answer.headers["Location"])
        entered = await this.get(enter.headers["Location"])
        there = await this.get(f"http://{host}{entered.headers['Location']}")
        assert there.headers["Location"] == "/w/secret-000000000000002/asleep/lab/tree/a%20b.md?x=1"


async def test_a_flood_of_refused_launches_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """journald drops the daemon's other lines when one client makes it write thousands."""
    caplog.set_level("INFO")
    async with trial() as this:
        for _ in range(100):
            assert (await this.get("/ipythonExercice/a/b/c")).status == 403
        assert caplog.text.count("refused: not-signed") == 60
        this.clock.pass_by(timedelta(minutes=1))
        await this.get("/ipythonExercice/a/b/c")
        assert caplog.text.count("refused: not-signed") == 61
        assert "40 more launches were refused" in caplog.text
