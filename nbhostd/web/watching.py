"""What monitors ask: /readyz, for everybody and without internals, and /metrics, for administrators' tokens only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import hdrs, web

from nbhostd.core.people import Power
from nbhostd.web.reception import Reception

_WELL = {True: "ok", False: "not ok"}

Text = Callable[[], Awaitable[bytes]]


class Health(Protocol):
    """What is asked of services/health.py."""

    async def state(self) -> dict[str, bool]: ...


class Watching:
    """On the front door."""

    def __init__(self, health: Health, metrics: Text, content_type: str, reception: Reception) -> None:
        self._health = health
        self._metrics = metrics
        self._content_type = content_type
        self._reception = reception

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/readyz", self.ready)
        router.add_get("/metrics", self.metrics)

    async def ready(self, _: web.Request) -> web.Response:
        """200 when workspaces can be opened, else 503; either way which of the worlds are well."""
        state = await self._health.state()
        ready = all(state.values())
        shape = {"ready": ready, "checks": {name: _WELL[well] for name, well in state.items()}}
        headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.SERVER: "nbhostd"}
        return web.json_response(shape, status=200 if ready else 503, headers=headers)

    async def metrics(self, request: web.Request) -> web.Response:
        """Numbers about the whole site. Behind a reverse proxy every request comes from this computer: a token it is."""
        await self._reception.demand(request, Power.ADMINISTER)
        return _answer(await self._metrics(), self._content_type)


class WatchingControl:
    """The same metrics, and readiness, on the control socket."""

    def __init__(self, health: Health, metrics: Text, content_type: str) -> None:
        self._health = health
        self._metrics = metrics
        self._content_type = content_type

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [web.get("/metrics", self.metrics), web.get("/v1/ready", self.ready)]

    async def metrics(self, _: web.Request) -> web.Response:
        return _answer(await self._metrics(), self._content_type)

    async def ready(self, _: web.Request) -> web.Response:
        return web.json_response(await self._health.state())


def _answer(text: bytes, content_type: str) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.CONTENT_TYPE: content_type, hdrs.SERVER: "nbhostd"}
    return web.Response(body=text, headers=headers)
