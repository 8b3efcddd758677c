"""Static versions over HTTP: who reads them, in which sandbox, and who may share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from nbhostd.core.access import Keyring
from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.model import Phase, Share
from nbhostd.core.names import NotebookPath, WorkspaceId
from nbhostd.web.app import Context, Floor, Mountable, WebSettings
from nbhostd.web.inside_gate import InsideGate
from nbhostd.web.pages import Pages
from nbhostd.web.proxy_guard import ProxySettings
from nbhostd.web.shares import InsideShare, Shared
from tests.fakes.workspaces import START, FakeWorkspaces
from tests.web.trial import ALICE, DOMAIN, KEY, TEMPLATES, EchoProxy, FakeNonces, HandClock, Trial

PUBLIC = "http://nb.localhost:8000"
TOKEN = "A" * 22
NOTEBOOK = NotebookPath.parse("w1/a b.md")


@dataclass
class FakeSharing:
    """One page, and what was asked."""

    folder: Path
    shared: dict[tuple[WorkspaceId, NotebookPath], Share] = field(default_factory=dict)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    refusal: Exception | None = None

    def put(self, content: str) -> None:
        (self.folder / f"{TOKEN}.html").write_text(content)
        self.shared[ALICE, NOTEBOOK] = Share(TOKEN, ALICE, NOTEBOOK, START)

    async def share(self, id: WorkspaceId, notebook: NotebookPath, language: str = "en") -> Share:
        self.asked.append(("share", id, notebook, language))
        if self.refusal is not None:
            raise self.refusal
        self.put("<p>shared</p>")
        return self.shared[id, notebook]

    async def unshare(self, id: WorkspaceId, notebook: NotebookPath) -> bool:
        return self.shared.pop((id, notebook), None) is not None

    async def share_of(self, id: WorkspaceId, notebook: NotebookPath) -> Share | None:
        return self.shared.get((id, notebook))

    async def find(self, token: str) -> Share:
        for share in self.shared.values():
            if share.token == token:
                return share
        raise Refused("This page does not exist (any more).", status=404, reason="no-such-share")

    def page(self, token: str) -> str:
        return str(self.folder / f"{token}.html")


@dataclass
class Scene:
    trial: Trial
    sharing: FakeSharing

    async def api(self, method: str, body: object = None, query: str = "", **headers: str) -> tuple[int, Any]:
        route = self.trial.workspaces.put(ALICE, Phase.READY)
        assert route is not None
        host = f"{route.workspace.label}.{DOMAIN}:8000"
        assert self.trial._client is not None
        given = {"Host": host, "Origin": f"http://{host}", "Accept": "application/json"} | headers
        url = f"{route.run.base_url}.nbhostd/api/share{query}"
        async with self.trial._client.request(method, url, json=body, headers=given) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def a_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    this = Trial(FakeWorkspaces(), WebSettings(PUBLIC, Keyring((KEY,)), DOMAIN, ("https://lms.example.org",)))
    pages = Pages(TEMPLATES, lambda: this.settings.frame_ancestors)
    floor = Floor(Context(lambda: this.settings, this.workspaces, FakeNonces(), HandClock(), pages))
    sharing = FakeSharing(tmp_path)
    gate = InsideGate(this.workspaces, lambda: ProxySettings(DOMAIN, "http", 8000))
    rooms: list[Mountable] = [Shared(sharing, pages), InsideShare(gate, sharing, pages, lambda: PUBLIC)]
    app = floor.application(EchoProxy(floor, this.workspaces), rooms)
    async with TestClient(TestServer(app)) as client:
        this._client = client
        yield Scene(this, sharing)


async def test_a_page_is_for_everybody_and_can_do_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.sharing.put("<script>alert(1)</script>")
        answer = await scene.trial.get(f"/shared/{TOKEN}.html")
        assert (answer.status, await answer.text()) == (200, "<script>alert(1)</script>")
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")
        for allowed in ("allow-scripts", "allow-same-origin", "allow-forms", "script-src", "'self'"):
            assert allowed not in policy
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"].startswith("noindex")
        assert "no-cache" in answer.headers["Cache-Control"]


async def test_a_page_that_a_browser_has_is_not_sent_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.sharing.put("first")
        first = await scene.trial.get(f"/shared/{TOKEN}.html")
        known = {"If_None_Match": first.headers["ETag"]}
        again = await scene.trial.get(f"/shared/{TOKEN}.html", **known)
        assert (again.status, await again.read()) == (304, b"")
        assert "sandbox" in again.headers["Content-Security-Policy"]
        head = await scene.trial.get(f"/shared/{TOKEN}.html", method="HEAD")
        assert (head.status, head.headers["Content-Length"]) == (200, "5")
        scene.sharing.put("second one")
        changed = await scene.trial.get(f"/shared/{TOKEN}.html", **known)
        assert (changed.status, await changed.text()) == (200, "second one")


async def test_what_was_taken_back_is_a_page_that_says_so(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.sharing.put("page")
        await scene.sharing.unshare(ALICE, NOTEBOOK)
        for path in (f"/shared/{TOKEN}.html", f"/shared/{'B' * 22}.html"):
            answer = await scene.trial.get(path, Accept_Language="fr")
            assert answer.status == 404
            assert "a été retirée" in await answer.text()
        scene.sharing.put("page")
        Path(scene.sharing.page(TOKEN)).unlink()
        assert (await scene.trial.get(f"/shared/{TOKEN}.html")).status == 404
        for path in (f"/shared/{TOKEN}", "/shared/", "/shared/..%2fx.html", f"/shared/{TOKEN}.html/x"):
            assert (await scene.trial.get(path)).status == 404


async def test_pages_are_on_the_main_host_only(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.sharing.put("page")
        host = f"{'a' * 26}.{DOMAIN}:8000"
        assert (await scene.trial.get(f"/shared/{TOKEN}.html", host=host)).status == 421


async def test_sharing_from_inside(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        wanted = {"notebook": NOTEBOOK}
        nothing = {"url": None, "shared_at": None}
        there = {"url": f"{PUBLIC}/shared/{TOKEN}.html", "shared_at": START.isoformat()}
        assert await scene.api("GET", query="?notebook=w1/a%20b.md") == (200, nothing)
        assert await scene.api("POST", wanted, **{"Accept-Language": "fr-FR"}) == (200, there)
        assert scene.sharing.asked == [("share", ALICE, NOTEBOOK, "fr")]
        assert await scene.api("GET", query="?notebook=w1/a%20b.md") == (200, there)
        assert await scene.api("DELETE", wanted) == (200, nothing)
        assert await scene.api("DELETE", wanted) == (200, nothing)


@pytest.mark.parametrize(
    ("refusal", "status", "reason", "sentence"),
    [
        (Refused("No.", status=404, reason="nothing-to-share"), 404, "nothing-to-share", "ne contient pas"),
        (Refused("No.", status=422, reason="not-rendered"), 422, "not-rendered", "transformé en page"),
        (NotNow("A notebook of yours is being shared just now."), 503, "not-now", "en cours de partage"),
    ],
)
async def test_why_it_was_not_shared_is_said_in_the_readers_language(
    tmp_path: Path, refusal: Exception, status: int, reason: str, sentence: str
) -> None:
    async with a_scene(tmp_path) as scene:
        scene.sharing.refusal = refusal
        said, document = await scene.api("POST", {"notebook": NOTEBOOK}, **{"Accept-Language": "fr"})
        assert (said, document["reason"]) == (status, reason)
        assert sentence in document["message"]


async def test_only_the_workspaces_own_pages_share(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for method in ("POST", "DELETE"):
            status, document = await scene.api(method, {"notebook": NOTEBOOK}, Origin="https://evil.example")
            assert (status, document["reason"]) == (403, "foreign-origin")
        status, _ = await scene.api("GET", query="?notebook=a.md", Host=f"{'b' * 26}.{DOMAIN}:8000")
        assert status == 421
        assert scene.sharing.asked == []


@pytest.mark.parametrize(
    "body", [None, [], {"notebook": 3}, {"notebook": "../x.md"}, {"notebook": "/etc/x.md"}, {}]
)
async def test_what_is_no_notebook_is_refused(tmp_path: Path, body: object) -> None:
    async with a_scene(tmp_path) as scene:
        status, _ = await scene.api("POST", body)
        assert status == 400
        assert (await scene.api("GET"))[0] == 400
        assert scene.sharing.asked == []
