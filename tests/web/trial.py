"""What the tests of the student's floor share: the floor on a real server, with fakes behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from nbhostd.core.access import Keyring, LaunchKey, sign_launch
from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from nbhostd.core.urls import OpenRequest, open_path, with_query
from nbhostd.web.app import Context, Floor, Mountable, WebSettings
from nbhostd.web.behind import Behind
from nbhostd.web.earlier import EarlierWork
from nbhostd.web.inside_gate import InsideGate
from nbhostd.web.inside_pull import InsidePull
from nbhostd.web.pages import Pages
from nbhostd.web.proxy_guard import ProxySettings
from tests.fakes.workspaces import START, FakeWorkspaces

TEMPLATES = Path(__file__).parents[2] / "templates"
KEY = LaunchKey("lms", b"0123456789abcdef0123456789abcdef")
DOMAIN = "ws.localhost"
REQUEST = OpenRequest(CourseName.parse("python"), NotebookPath.parse("w1/a b"), StudentName.parse("alice"))
ALICE = REQUEST.workspace
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class HandClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.start = self._now = START

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - START).total_seconds()

    def pass_by(self, delta: timedelta) -> None:
        self._now += delta


class FakeNonces:
    """Nonces in memory."""

    def __init__(self) -> None:
        self.used: dict[str, datetime] = {}

    async def use_nonce(self, nonce: str, expires: datetime, now: datetime) -> bool:
        if nonce in self.used and self.used[nonce] > now:
            return False
        self.used[nonce] = expires
        return True


class EchoProxy:
    """Stands for the proxy: says what reached it; '/w/<secret>/asleep' calls on_visit, '/bug' is one."""

    def __init__(self, floor: Floor, workspaces: FakeWorkspaces) -> None:
        self._floor = floor
        self._workspaces = workspaces

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/w/{secret}/{tail:.*}", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        tail = request.match_info["tail"]
        if tail == "bug":
            raise RuntimeError("the password is tiger")
        route = self._workspaces.route(request.match_info["secret"])
        if route is not None and tail.startswith("asleep"):
            return await self._floor.on_visit(request, route)
        return web.Response(text=f"{request.method} {request.raw_path}")


@dataclass
class FakePulls:
    """Pulls as a test says they end; what was asked is in `calls`."""

    answer: CloneAnswer = field(default_factory=lambda: CloneAnswer("fast-forwarded", "1" * 40, "2" * 40))
    calls: list[str] = field(default_factory=list)
    then: Callable[[], None] = lambda: None

    async def pull_own(self, id: WorkspaceId) -> CloneAnswer:
        self.calls.append(f"pull {id}")
        self.then()
        return self.answer

    async def restore(self, id: WorkspaceId, notebook: NotebookPath) -> None:
        self.calls.append(f"restore {notebook} of {id}")
        self.then()


@dataclass
class Trial:
    """One floor, its fakes, and a browser without a mind of its own."""

    workspaces: FakeWorkspaces
    settings: WebSettings
    clock: HandClock = field(default_factory=HandClock)
    nonces: FakeNonces = field(default_factory=FakeNonces)
    pulls: FakePulls = field(default_factory=FakePulls)
    _client: TestClient[web.Request, web.Application] | None = None
    _count: int = 0

    def launch_path(self, request: OpenRequest = REQUEST, *, reset: bool = False, minutes: float = 2) -> str:
        """A freshly signed launch."""
        self._count += 1
        expires = self.clock.now() + timedelta(minutes=minutes)
        query = sign_launch(KEY, request, expires=expires, nonce=f"nonce-{self._count:020d}", forcecopy=reset)
        return with_query(open_path(request), query)

    async def shutdown(self) -> None:
        """The daemon stops."""
        assert self._client is not None
        await self._client.server.close()

    async def get(
        self, url: str, *, host: str | None = None, method: str = "GET", **headers: str
    ) -> ClientResponse:
        """Ask for a path, or for a whole URL at the host it names; redirects are not followed."""
        assert self._client is not None
        parts = urlsplit(url)
        names = {"Host": host or parts.netloc or urlsplit(self.settings.public_url).netloc}
        path = url.removeprefix(f"{parts.scheme}://{parts.netloc}") if parts.netloc else url
        port = self._client.port
        raw = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self._client.session.request(
            method, raw, headers=HTML | names | given, allow_redirects=False
        )


@asynccontextmanager
async def trial(**changes: object) -> AsyncIterator[Trial]:
    """The floor on a port of its own; `changes` are fields of WebSettings."""
    settings = WebSettings(
        "http://nb.localhost:8000", Keyring((KEY,)), DOMAIN, ("https://lms.example.org",), patience=0.05
    )
    this = Trial(FakeWorkspaces(), replace(settings, **changes))  # type: ignore[arg-type]
    pages = Pages(TEMPLATES, lambda: this.settings.frame_ancestors)
    context = Context(lambda: this.settings, this.workspaces, this.nonces, this.clock, pages)
    floor = Floor(context)
    gate = InsideGate(this.workspaces, lambda: ProxySettings(this.settings.workspace_domain, "http", 8000))
    rooms: list[Mountable] = [
        Behind(context, floor.waiting, this.pulls),
        EarlierWork(context, floor.waiting),
        InsidePull(gate, this.pulls, pages),
    ]
    async with TestClient(TestServer(floor.application(EchoProxy(floor, this.workspaces), rooms))) as client:
        this._client = client
        yield this
