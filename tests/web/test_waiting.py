"""The waiting page: what it says, what follows, and what its address may and may not do."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse

from nbhostd.core.errors import NotNow
from nbhostd.core.model import Phase
from nbhostd.web import waiting
from tests.web.trial import ALICE, Trial, trial


async def _waiting_url(this: Trial) -> str:
    answer = await this.get(this.launch_path(reset=True))
    return answer.headers["Location"]


async def _event(answer: ClientResponse) -> dict[str, object]:
    line = b""
    while not line.startswith(b"data: "):
        line = await answer.content.readline()
    document: dict[str, object] = json.loads(line.removeprefix(b"data: "))
    return document


async def test_the_page_refreshes_itself_without_a_script_and_renews_its_ticket() -> None:
    async with trial() as this:
        url, text = await _waiting_url(this), ""
        for _ in range(3):
            text = await (await this.get(url)).text()
            this.clock.pass_by(waiting.LIFETIME - timedelta(seconds=5))
            url = text.partition('content="5; url=')[2].partition('"')[0]
            assert url.startswith("/visit/")
        assert (await this.get(url)).status == 200
        assert "python" in text
        assert "w1/a b.md" in text
        assert "alice" in text


async def test_nobody_waits_for_ever() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        for _ in range(30):
            if (answer := await this.get(url)).status != 200:
                break
            url = (await answer.text()).partition('content="5; url=')[2].partition('"')[0]
            this.clock.pass_by(timedelta(minutes=9))
        answer = await this.get(url)
        assert answer.status == 410
        assert "waited for too long" in await answer.text()
        assert this.clock.now() >= this.clock.start + waiting.LONGEST_WAIT


@pytest.mark.parametrize(
    ("position", "reason", "said"),
    [
        (1, "", "You are next."),
        (2, "", "One student is ahead of you."),
        (3, "busy", "2 students are ahead of you."),
        (3, "memory", "2 students are ahead of you. The server waits until enough memory is free."),
        (0, "", "You are in the queue."),
    ],
)
async def test_the_place_in_the_queue(position: int, reason: str, said: str) -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.QUEUED, position=position, reason=reason)
        text = await (await this.get(url)).text()
        assert f">{said}</p>" in text


async def test_events_tell_each_change_until_it_is_over() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.QUEUED, position=2)
        answer = await this.get(url + "/events", Accept="text/event-stream")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert await _event(answer) == {"text": "One student is ahead of you.", "over": False}
        this.workspaces.put(ALICE, Phase.QUEUED, position=1)
        assert await _event(answer) == {"text": "You are next.", "over": False}
        this.workspaces.put(ALICE, Phase.READY)
        assert await _event(answer) == {"text": "It is ready.", "over": True}


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "KEEP_ALIVE", 0.01)
    monkeypatch.setattr(waiting, "STREAM_LIFETIME", 0.05)
    async with trial() as this:
        url = await _waiting_url(this)
        answer = await this.get(url + "/events")
        lines = (await answer.text()).splitlines()
        assert lines.count(": still here") == 5
        # The place is told once, and at the end the page is asked to load anew.
        assert [json.loads(line[6:])["over"] for line in lines if line.startswith("data: ")] == [False, True]


async def test_a_ready_workspace_is_entered_and_a_reset_is_not_repeated() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.READY)
        for _ in range(2):
            answer = await this.get(url)
            assert urlsplit(answer.headers["Location"]).path.endswith("/.nbhostd/enter")
        assert len(this.workspaces.called("open")) == 1


async def test_a_failed_start_says_so_plainly_and_can_be_tried_again() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.FAILED, reason="image")
        answer = await this.get(url)
        text = await answer.text()
        assert answer.status == 502
        assert "The software of this course is not ready" in text
        assert "refresh" not in text
        again = text.partition('class="button" href="')[2].partition('"')[0]
        answer = await this.get(again)
        assert answer.headers["Location"].startswith("http://nb.localhost:8000/visit/")
        assert this.workspaces.called("wake") == [ALICE]
        assert this.workspaces.place(ALICE).phase is Phase.STARTING


async def test_ready_without_a_way_in_is_a_failure_and_not_a_loop() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.READY)
        this.workspaces.forget_runs()
        answer = await this.get(url)
        assert answer.status == 502
        assert "Try again" in await answer.text()


async def test_a_workspace_that_fell_asleep_meanwhile_is_woken() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.ASLEEP)
        assert (await this.get(url)).status == 200
        assert this.workspaces.called("wake") == [ALICE]


async def test_a_full_queue_is_a_page_with_a_time() -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        this.workspaces.put(ALICE, Phase.FAILED)
        this.workspaces.refusal = NotNow("Too many students are waiting.", retry_after=60)
        answer = await this.get(url + "/again")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


@pytest.mark.parametrize("suffix", ["", "/events", "/again"])
async def test_a_changed_or_old_ticket_leads_nowhere(suffix: str) -> None:
    async with trial() as this:
        url = await _waiting_url(this)
        calls = len(this.workspaces.calls)
        assert (await this.get(url[:-3] + "AAA" + suffix)).status == 403
        this.clock.pass_by(waiting.LIFETIME)
        assert (await this.get(url + suffix)).status == 410
        assert len(this.workspaces.calls) == calls


async def test_a_stopping_daemon_ends_the_streams() -> None:
    async with trial() as this:
        answer = await this.get(await _waiting_url(this) + "/events")
        await _event(answer)
        async with asyncio.timeout(5):
            await this.shutdown()
