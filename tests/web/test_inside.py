"""The API of an open page: who is let in, what it answers, and that asking is no visit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from nbhostd.core.access import Keyring
from nbhostd.core.errors import Refused
from nbhostd.core.model import Phase, Route
from nbhostd.core.names import NotebookPath
from nbhostd.services.inside import Glance
from nbhostd.web.app import Context, Floor, WebSettings
from nbhostd.web.inside import InsideRoom
from nbhostd.web.inside_gate import InsideGate
from nbhostd.web.pages import Pages
from nbhostd.web.proxy_guard import ProxySettings
from tests.fakes.workspaces import FakeWorkspaces
from tests.web.trial import ALICE, DOMAIN, KEY, TEMPLATES, EchoProxy, FakeNonces, HandClock

HOST = f"abcdefghijklmnopqrstuvwx22.{DOMAIN}:8000"
OWN = {"Host": HOST, "Accept": "application/json"}
WRITE = OWN | {"Origin": f"http://{HOST}"}


class Stub:
    """Answers what a test wants."""

    def __init__(self, workspaces: FakeWorkspaces) -> None:
        self.workspaces = workspaces
        self.resets: list[str] = []

    async def glance(self, route: Route) -> Glance:
        return Glance(route.place.phase, 12.345, "idle", 1 << 30, 2, 30)

    def keep(self, route: Route) -> None:
        self.workspaces.touch(route.workspace.number)

    async def reset(self, route: Route, notebook: NotebookPath) -> str | None:
        if notebook == "none.md":
            raise Refused("The course has no such notebook.", status=404, reason="no-such-notebook")
        self.resets.append(notebook)
        return f"before-reset/{notebook}"


class Inside:
    """The room in the student's floor, and one workspace."""

    def __init__(self) -> None:
        self.workspaces = FakeWorkspaces()
        self.stub = Stub(self.workspaces)
        settings = WebSettings("http://nb.localhost:8000", Keyring((KEY,)), DOMAIN)
        pages = Pages(TEMPLATES, lambda: ())
        floor = Floor(Context(lambda: settings, self.workspaces, FakeNonces(), HandClock(), pages))
        gate = InsideGate(self.workspaces, lambda: ProxySettings(DOMAIN, "http", 8000))
        room = InsideRoom(gate, self.stub, pages)
        app = floor.application(EchoProxy(floor, self.workspaces), [room])
        self.client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))
        there = self.workspaces.put(ALICE, Phase.READY)
        assert there is not None
        self.secret = there.run.secret

    async def ask(
        self, method: str, name: str, headers: dict[str, str], body: object = None
    ) -> tuple[int, Any]:
        path = f"/w/{self.secret}/.nbhostd/api/{name}"
        async with self.client.request(method, path, headers=headers, json=body) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    one = Inside()
    async with one.client:
        yield one


async def test_status_tells_and_neither_wakes_nor_touches(inside: Inside) -> None:
    status, body = await inside.ask("GET", "status", OWN)
    assert status == 200
    assert body == {
        "course": "python", "student": "alice", "mode": "mooc", "phase": "ready", "stops_in": 12.3,
        "stops_because": "idle", "memory_limit": 1 << 30, "memory_kills": 2, "ask_again": 30,
    }  # fmt: skip
    inside.workspaces.put(ALICE, Phase.ASLEEP, reason="idle")
    assert (await inside.ask("GET", "status", OWN))[1]["phase"] == "asleep"
    assert inside.workspaces.calls == []


async def test_keep_touches(inside: Inside) -> None:
    assert await inside.ask("POST", "keep", WRITE, {}) == (200, {"kept": True})
    assert inside.workspaces.called("touch") == [1]


async def test_reset_says_where_the_former_version_is(inside: Inside) -> None:
    assert await inside.ask("POST", "reset", WRITE, {"notebook": "w1/é.md"}) == (
        200,
        {"kept_as": "before-reset/w1/é.md"},
    )
    status, body = await inside.ask("POST", "reset", WRITE, {"notebook": "none.md"})
    assert (status, body["reason"]) == (404, "no-such-notebook")


@pytest.mark.parametrize("body", [None, [], {}, {"notebook": 1}, {"notebook": "../a.md"}, {"notebook": ""}])
async def test_what_is_no_notebook_is_refused(inside: Inside, body: object) -> None:
    status, answer = await inside.ask("POST", "reset", WRITE, body)
    assert status == 400
    assert "message" in answer
    assert inside.stub.resets == []


@pytest.mark.parametrize("name", ["keep", "reset"])
async def test_another_sites_page_changes_nothing(inside: Inside, name: str) -> None:
    for headers in (OWN, OWN | {"Origin": "http://evil.localhost:8000"}):
        status, body = await inside.ask("POST", name, headers, {"notebook": "a.md"})
        assert (status, body["reason"]) == (403, "foreign-origin")
    assert inside.workspaces.calls == []
    assert inside.stub.resets == []


async def test_a_wrong_secret_leads_nowhere(inside: Inside) -> None:
    inside.secret = "x" * 22
    status, body = await inside.ask("GET", "status", OWN)
    assert (status, body["reason"]) == (404, "no-such-workspace")
