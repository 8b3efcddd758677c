"""The site's pages on a real server and a real database file, with people of every role, and browsers to be them.

async with site_trial(tmp_path, rooms=[…], operations=[…]) as trial:
    teacher = await trial.browser("teacher")
    page = await teacher.get("/teach/python")
    answer = await teacher.post("/do/course.pull", course="python", back="/teach/python")
    status, document = await trial.api("PATCH", "/courses/python", "teacher", {"autopull": True})
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer

from nbhostd.adapters.audit import SqliteAuditLog
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.sessions import SqliteSessions
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.access import Keyring
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import GroupName, Scope, User
from nbhostd.services.entrance import Entrance
from nbhostd.services.people import People, UserChanges
from nbhostd.services.tasks import Tasks
from nbhostd.web.api import PREFIX, Api
from nbhostd.web.app import Context, Floor, Mountable, WebSettings
from nbhostd.web.login import LoginRoom
from nbhostd.web.members import Members
from nbhostd.web.operations import Operation, Operations
from nbhostd.web.pages import Pages
from nbhostd.web.reception import Reception
from nbhostd.web.site import SitePages
from tests.fakes.passwords import FakePasswords
from tests.fakes.workspaces import FakeWorkspaces
from tests.web.trial import DOMAIN, HTML, KEY, TEMPLATES, EchoProxy, FakeNonces, HandClock

PASSWORD = "correct horse battery"
ROLES = ("admin", "staff", "teacher", "student", "stranger", "nobody")
"""An administrator, the site's staff, a teacher and a student of `python`, somebody of another course, and nobody."""
PUBLIC = "http://nb.localhost:8000"
COURSE = CourseName("python")


@dataclass
class Browser:
    """A browser of one person: keeps cookies, follows nothing, sends forms as pages do."""

    session: ClientSession
    port: int
    language: str = "en"
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> ClientResponse:
        return await self.session.get(
            f"http://127.0.0.1:{self.port}{path}", headers=self._headers(headers), allow_redirects=False
        )

    async def text(self, path: str, status: int = 200) -> str:
        """A page, which must have this status."""
        answer = await self.get(path)
        text = await answer.text()
        assert answer.status == status, (answer.status, answer.headers.get("Location"), text[:400])
        return text

    async def post(self, path: str, fields: Any = None, **more: str) -> ClientResponse:
        """Send a form as a page of ours does, with its token."""
        form = {"csrf": self.csrf, **(fields or {}), **more}
        return await self.send("POST", path, data=form)

    async def send(self, method: str, path: str, **options: Any) -> ClientResponse:
        headers = self._headers(
            {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"} | options.pop("headers", {})
        )
        return await self.session.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=headers, allow_redirects=False, **options
        )

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return (
            HTML
            | {"Host": "nb.localhost:8000", "Accept-Language": self.language, "Sec-Fetch-Mode": "navigate"}
            | more
        )


@dataclass
class SiteTrial:
    """One site, its people, and what is behind it."""

    store: SqliteStore
    people: People
    entrance: Entrance
    audit: SqliteAuditLog
    pages: Pages
    site: SitePages
    operations: Operations
    login: LoginRoom
    workspaces: FakeWorkspaces
    clock: HandClock
    tasks: Tasks
    stopped: list[str] = field(default_factory=list)
    port: int = 0
    _sessions: list[ClientSession] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    async def browser(self, role: str = "nobody", language: str = "en") -> Browser:
        """A browser in which this person is logged in (nobody: is not)."""
        session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._sessions.append(session)
        browser = Browser(session, self.port, language)
        if role != "nobody":
            answer = await browser.post("/login", name=role, password=PASSWORD)
            assert answer.status == 303, await answer.text()
            browser.csrf = _csrf(await (await browser.get("/login-probe")).text())
        return browser

    async def token(self, role: str, *scopes: Scope) -> str:
        """A token of this person's, with all scopes if none is named."""
        key = f"{role} {scopes}"
        if key not in self._tokens:
            user = await self.people.get(StudentName(role))
            made = await self.entrance.make_token(user, "tests", frozenset(scopes or Scope), None)
            self._tokens[key] = made[0]
        return self._tokens[key]

    async def api(
        self,
        method: str,
        path: str,
        role: str = "nobody",
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Call the HTTP API with this person's token: the status and the document."""
        given = dict(headers or {})
        if role != "nobody":
            given["Authorization"] = f"Bearer {await self.token(role)}"
        async with ClientSession() as session:
            answer = await session.request(
                method, f"http://127.0.0.1:{self.port}{PREFIX}{path}", json=body,
                headers={"Host": "nb.localhost:8000", "Origin": PUBLIC} | given,
            )  # fmt: skip
            text = await answer.text()
        return answer.status, json.loads(text) if text else None

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


class _Probe:
    """A page that shows what the layout knows, for the browsers above."""

    def __init__(self, site: SitePages) -> None:
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/login-probe", self._show)

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(text=f'csrf="{(await self._site.reception.visitor(request)).csrf}"')


def _csrf(text: str) -> str:
    found = re.search(r'csrf="([^"]+)"', text)
    assert found
    return found[1]


@asynccontextmanager
async def site_trial(
    tmp_path: Path,
    *,
    rooms: Callable[[SiteTrial], Sequence[Mountable]] = lambda trial: (),
    operations: Callable[[SiteTrial], Sequence[Operation]] = lambda trial: (),
) -> AsyncIterator[SiteTrial]:
    """A site with the course `python` and the people of ROLES; `rooms` and `operations` are made for it."""
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    clock, tasks = HandClock(), Tasks()
    book, sessions = SqlitePeople(store.database), SqliteSessions(store.database)
    entrance = Entrance(book, sessions, FakePasswords(), clock, secrets.token_bytes)
    people = People(book, sessions, clock)
    reception = Reception(entrance, people, lambda: PUBLIC)
    settings = WebSettings(PUBLIC, Keyring((KEY,)), DOMAIN, ("https://lms.example.org",), patience=0.05)
    pages = Pages(TEMPLATES, lambda: settings.frame_ancestors)
    site = SitePages(pages, reception)
    audit, workspaces = SqliteAuditLog(store.database), FakeWorkspaces()
    trial = SiteTrial(
        store, people, entrance, audit, pages, site, Operations(people, audit, clock),
        LoginRoom(site, entrance, _stopper(lambda: trial), _speaker(people)), workspaces, clock, tasks,
    )  # fmt: skip
    await _populate(trial)
    trial.operations.add(operations(trial))
    context = Context(
        lambda: settings, workspaces, FakeNonces(), clock, pages, Members(reception), site=lambda: site
    )
    floor = Floor(context)
    all_rooms: list[Mountable] = [trial.login, Api(trial.operations, site), _Probe(site), *rooms(trial)]
    async with TestServer(floor.application(EchoProxy(floor, workspaces), all_rooms)) as server:
        assert server.port
        trial.port = server.port
        yield trial
        await trial.close()
        await tasks.close()
    await store.close()


def _stopper(trial: Callable[[], SiteTrial]) -> Callable[[User], Any]:
    async def stop(user: User) -> int:
        trial().stopped.append(user.name)
        return 1

    return stop


def _speaker(people: People) -> Callable[[User, str], Any]:
    async def choose(user: User, language: str) -> None:
        await people.change(user.name, UserChanges(language=language))

    return choose


async def _populate(trial: SiteTrial) -> None:
    for course in ("python", "other"):
        await trial.store.create_course(
            CourseName(course), f"https://git.test/{course}.git", None, "minimal", trial.clock.now()
        )
    kept = await FakePasswords().hash(PASSWORD)
    for role in ROLES[:-1]:
        changes = UserChanges(
            email=f"{role}@example.org",
            first_name=role.title(),
            last_name="Test",
            admin=role == "admin",
            staff=role == "staff",
        )
        await trial.people.create(StudentName(role), changes, kept)
    await trial.people.add_members(GroupName("class"), [StudentName("student")])
    await trial.people.add_members(GroupName("elsewhere"), [StudentName("stranger")])
    await trial.people.set_access(COURSE, groups=["class"], staff=["teacher"])
    await trial.people.set_access(CourseName("other"), groups=["elsewhere"], staff=[])
