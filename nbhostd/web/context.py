"""What every page of the student's floor needs, introduced once by the roof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web

from nbhostd.core.access import Keyring
from nbhostd.core.model import Opening, Place, Route, Run, Visit
from nbhostd.core.names import WorkspaceId
from nbhostd.core.ports import Clock
from nbhostd.core.urls import OpenRequest
from nbhostd.web.faults import Fault
from nbhostd.web.pages import Pages


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the administrator decided about the web floor."""

    public_url: str
    """The origin that browsers use, 'https://nb.example.org'."""
    launch_keys: Keyring
    workspace_domain: str = ""
    """Each workspace is at <label>.<this>; '' = all at public_url."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins of the LMS pages that may embed ours."""
    legacy_referers: tuple[str, ...] = ()
    """Hosts whose pages open notebooks unsigned (weak); () = none."""
    patience: float = 1.5
    """Seconds that a launch waits for a fast start before it shows the waiting page."""


class Workspaces(Protocol):
    """What the web floor asks of services/workspaces.py."""

    async def open(self, visit: Visit) -> Opening: ...
    def place(self, id: WorkspaceId) -> Place: ...
    async def wait(self, id: WorkspaceId, timeout: float) -> Place: ...
    def watch(self, id: WorkspaceId) -> AsyncIterator[Place]: ...
    def route(self, secret: str) -> Route | None: ...
    async def wake(self, id: WorkspaceId) -> Place: ...
    async def note_cookie(self, route: Route, kept: bool) -> Run: ...


class Members(Protocol):
    """Who knows the people that are logged in (web/members.py)."""

    async def admits(self, request: web.Request, wanted: OpenRequest) -> bool: ...
    def classroom(self, request: web.Request) -> str: ...


class Site(Protocol):
    """The layout of the pages for people who are logged in (web/site.py)."""

    async def error(self, request: web.Request, fault: Fault) -> web.Response | None: ...


class Nonces(Protocol):
    """Where single-use launches are remembered (the store)."""

    async def use_nonce(self, nonce: str, expires: datetime, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Context:
    """The people that the handlers speak to; `settings()` are the present ones, a reload may change them."""

    settings: Callable[[], WebSettings]
    workspaces: Workspaces
    nonces: Nonces
    clock: Clock
    pages: Pages
    members: Members | None = None
    """Who opens notebooks without a signature, being logged in; None where nobody logs in."""
    refused: Callable[[str], None] = lambda _: None
    """Hears of each refusal, by its stable word."""
    site: Callable[[], Site | None] = lambda: None
    """Shows a fault to those who are logged in; None where nobody logs in."""
