"""The whole house over a real database and real files, without systemd and Podman: every page and operation as it is served.

What needs the outside world answers 502 here; who may ask, what may be asked, and what it looks like is real.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer

from nbhostd.adapters.host import SystemClock
from nbhostd.adapters.stage import RestoreStage
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.adapters.systemd import Systemd
from nbhostd.core.access import Keyring
from nbhostd.core.config import Config, parse_config
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import GroupName, Scope
from nbhostd.core.sessions import csrf_token
from nbhostd.house import Ground, House
from nbhostd.services.people import UserChanges
from nbhostd.services.tasks import Tasks
from tests.fakes.passwords import FakePasswords
from tests.web.site_trial import PASSWORD, PUBLIC, ROLES, Browser
from tests.web.trial import KEY

ROOT = Path(__file__).parents[1]


@dataclass
class HouseTrial:
    """A house that serves, and its people (see tests/web/site_trial.py)."""

    house: House
    app: web.Application
    port: int
    _sessions: list[ClientSession] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def browser(self, role: str = "nobody", language: str = "en") -> Browser:
        """A browser in which this person is logged in (nobody: is not)."""
        session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._sessions.append(session)
        browser = Browser(session, self.port, language)
        if role != "nobody":
            answer = await browser.post("/login", name=role, password=PASSWORD)
            assert answer.status == 303, await answer.text()
            cookie = next(cookie for cookie in session.cookie_jar if cookie.key.endswith("nbh-session"))
            recognized = await self.house.dashboard.entrance.recognize(cookie.value)
            assert recognized is not None
            browser.csrf = csrf_token(cookie.value)
        return browser

    async def token(self, role: str) -> str:
        """A token of this person's with every scope."""
        if role not in self._tokens:
            user = await self.house.dashboard.people.get(StudentName(role))
            made = await self.house.dashboard.entrance.make_token(user, "tests", frozenset(Scope), None)
            self._tokens[role] = made[0]
        return self._tokens[role]

    async def api(self, method: str, path: str, role: str = "nobody", body: Any = None) -> tuple[int, Any]:
        """Call the HTTP API with this person's token: the status and the document."""
        headers = {"Host": "nb.localhost:8000"}
        if role != "nobody":
            headers["Authorization"] = f"Bearer {await self.token(role)}"
        async with ClientSession() as session:
            answer = await session.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers)
            return answer.status, await answer.json()

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


@asynccontextmanager
async def house_trial(tmp_path: Path, now: datetime | None = None) -> AsyncIterator[HouseTrial]:
    """A house with the courses `python` and `other` and the people of ROLES."""
    config = parse_config(
        {
            "server": {"public_url": PUBLIC, "workspace_domain": "ws.localhost"},
            "paths": {"state": str(tmp_path), "share": str(ROOT)},
        }
    )
    async with AsyncExitStack() as closing:
        store = await SqliteStore.open(tmp_path / "nbhostd.db")
        closing.push_async_callback(store.close)
        statistics = await SqliteStatistics.open(tmp_path / "statistics.db")
        closing.push_async_callback(statistics.close)
        systemd = Systemd("unix:path=/nonexistent")
        closing.push_async_callback(systemd.close)
        tasks = Tasks()
        house = House(_ground(config, tmp_path, store, statistics, systemd, tasks, closing))
        house.desk._patience = 0.0  # nobody is at the desk
        await _populate(house)
        app = house.front()
        async with TestServer(app) as server:
            assert server.port
            trial = HouseTrial(house, app, server.port)
            yield trial
            await trial.close()
            await tasks.close()


def _ground(
    config: Config, runtime: Path, store: SqliteStore, statistics: SqliteStatistics, systemd: Systemd, tasks: Tasks,
    closing: AsyncExitStack,
) -> Ground:  # fmt: skip
    keyring = Keyring((KEY,))
    return Ground(
        lambda: config, lambda: keyring, runtime, store, statistics, systemd, SystemClock(), tasks, closing,
        RestoreStage(runtime), lambda: None,
    )  # fmt: skip


async def _populate(house: House) -> None:
    passwords, dashboard = FakePasswords(), house.dashboard
    dashboard.entrance._passwords = passwords  # quick ones: these tests are not about them
    kept = await passwords.hash(PASSWORD)
    for course in ("python", "other"):
        await house.store.create_course(
            CourseName(course), f"https://git.test/{course}.git", None, "minimal", house.clock.now()
        )
    for role in ROLES[:-1]:
        changes = UserChanges(
            email=f"{role}@example.org", first_name=role.title(), last_name="Test",
            admin=role == "admin", staff=role == "staff",
        )  # fmt: skip
        await dashboard.people.create(StudentName(role), changes, kept)
    await dashboard.people.add_members(GroupName("class"), [StudentName("student")])
    await dashboard.people.add_members(GroupName("elsewhere"), [StudentName("stranger")])
    await dashboard.people.set_access(CourseName("python"), groups=["class"], staff=["teacher"])
    await dashboard.people.set_access(CourseName("other"), groups=["elsewhere"], staff=[])
