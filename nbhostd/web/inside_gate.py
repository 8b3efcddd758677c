"""The gate of our own API below a workspace's address: who may ask is decided as the proxy decides it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Route
from nbhostd.web.proxy_guard import ProxySettings, address_of, authorize

PREFIX = "/w/{secret:[A-Za-z0-9_-]{22}}/.nbhostd/api/"
"""Where the API is: on the workspace's own origin, below its capability."""


class Routes(Protocol):
    """Who knows the workspaces."""

    def route(self, secret: str) -> Route | None: ...


class InsideGate:
    """Admits the pages of a workspace, and nobody else: the secret, the cookie once it is kept, the Origin of a write."""

    def __init__(self, routes: Routes, settings: Callable[[], ProxySettings]) -> None:
        self._routes = routes
        self._settings = settings

    def admit(self, request: web.Request) -> Route:
        """The workspace that this request speaks of, running or not. Raises Refused (403, 404, 421)."""
        settings = self._settings()
        route = self._routes.route(request.match_info["secret"])
        if route is None:
            raise Refused(
                "This workspace’s address is no longer valid.", status=404, reason="no-such-workspace"
            )
        authorize(request, address_of(request, settings), route, settings)
        return route
