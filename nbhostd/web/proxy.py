"""The proxy: what arrives under /w/<secret>/ goes to that workspace's server over its Unix socket, and comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from aiohttp import web
from multidict import CIMultiDict

from nbhostd.core import headers
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.health import Traffic
from nbhostd.core.model import Phase, Route
from nbhostd.core.subject import subject
from nbhostd.services.tasks import Tasks
from nbhostd.web.proxy_guard import Address, ProxySettings, address_of, authorize
from nbhostd.web.proxy_relay import Relay
from nbhostd.web.proxy_tunnel import SERVICE_RESTART, Tunnel
from nbhostd.web.proxy_upstream import Answer, Link, Upstream
from nbhostd.web.proxy_wire import BadAnswer

log = logging.getLogger(__name__)

PREFIX = "/w/"
RESERVED = ".nbhostd/"
"""What nbhostd answers itself below a workspace's base_url."""

SERVER_OPTIONS: Final[dict[str, Any]] = {
    "auto_decompress": False,  # bodies pass as they are
    "handler_cancellation": True,  # a browser that gives up ends its request at the workspace, too
    "max_line_size": 8190,
    "max_field_size": 8190,
    "max_headers": 100,
    "lingering_time": 5.0,
    "keepalive_timeout": 75.0,  # also the time to send a whole head; longer than what a front-end keeps unused
}
"""How the AppRunner that serves the proxy must be set up."""

_TOUCH_EVERY = 5.0
_COMPLAIN_EVERY = 60.0
_SWEEP_EVERY = 5.0

OnVisit: TypeAlias = Callable[[web.Request, Route], Awaitable[web.StreamResponse]]
OnError: TypeAlias = Callable[[web.Request, NbhostdError], web.StreamResponse]


class Gate(Protocol):
    """Who knows the workspaces."""

    def route(self, secret: str) -> Route | None:
        """Where the server behind a secret is, from memory."""

    def touch(self, number: int) -> None:
        """A person did something in this workspace."""


class Proxy:
    """Carries requests and WebSockets to the workspaces that are ready, and knows what is under way.

    `on_visit` answers a page load of a workspace that is not ready; `on_error` makes the page for a person who is
    refused (a program gets JSON).
    """

    def __init__(self, gate: Gate, settings: ProxySettings, on_visit: OnVisit, on_error: OnError) -> None:
        self._gate = gate
        self.traffic = Traffic()
        self.settings = settings
        """Read at each request: a reload of the configuration replaces it."""
        self._on_visit = on_visit
        self._on_error = on_error
        self._upstreams: dict[int, Upstream] = {}
        self._tasks = Tasks()
        self._touched: dict[int, float] = {}
        self._complained: dict[int, float] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Take /w/<secret>/…; the router's earlier routes (those below RESERVED) come first."""
        router.add_route("*", PREFIX + "{secret}/{tail:.*}", self.handle, expect_handler=_expect_nothing_yet)

    def connections(self, number: int) -> int:
        """How many requests and WebSockets of this workspace are under way."""
        upstream = self._upstreams.get(number)
        return upstream.requests + len(upstream.tunnels) if upstream is not None else 0

    @property
    def under_way(self) -> int:
        """How many requests and WebSockets of all workspaces are under way."""
        return sum(upstream.requests + len(upstream.tunnels) for upstream in self._upstreams.values())

    def end(self, number: int, code: int) -> None:
        """The workspace has stopped (or is about to): close its WebSockets with this code, and keep no connection to it."""
        upstream = self._upstreams.pop(number, None)
        if upstream is not None:
            upstream.retire()
            for close in tuple(upstream.tunnels):
                close(code)

    def drain(self) -> None:
        """The daemon stops: close every WebSocket so that pages reconnect to the next daemon; requests under way go on."""
        for number in tuple(self._upstreams):
            self.end(number, SERVICE_RESTART)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request below /w/."""
        try:
            route, tail = self._find(request)
            address = address_of(request, self.settings)
            authorize(request, address, route, self.settings)
            if route.place.phase is not Phase.READY:
                return await self._unready(request, route)
            if tail.startswith(RESERVED):
                raise Refused("There is nothing at this address.", status=404, reason="not-found")
            return await self._pass_on(_Ask(request, address, route, self.settings), tail)
        except NbhostdError as error:
            return self._refuse(request, error)

    def _find(self, request: web.Request) -> tuple[Route, str]:
        if request.method not in headers.METHODS:
            raise Refused("This method is not allowed.", status=405, reason="bad-method")
        # As it came: whoever decodes or normalises before the workspace's server might see another path than it.
        target = request.raw_path
        secret, slash, tail = target.removeprefix(PREFIX).partition("/")
        if not target.startswith(PREFIX) or not slash:
            raise Refused("This is not a path.", reason="bad-target")
        route = self._gate.route(secret)
        if route is None:
            raise Refused(
                "This workspace’s address is no longer valid.", status=404, reason="no-such-workspace"
            )
        return route, tail

    async def _unready(self, request: web.Request, route: Route) -> web.StreamResponse:
        if headers.is_navigation(request.method, request.headers):
            return await self._on_visit(request, route)
        if route.place.phase in (Phase.QUEUED, Phase.STARTING):
            raise NotNow("The workspace is starting.", retry_after=1)
        return _closed_unless_read(
            request,
            web.json_response(
                {
                    "message": "This workspace was stopped because nobody used it. Reload the page to start it again.",
                    "reason": "asleep",
                    "reopen": route.run.base_url,
                },
                status=410,
                headers={"Cache-Control": "no-store"},
            ),
        )

    def _refuse(self, request: web.Request, error: NbhostdError) -> web.StreamResponse:
        if headers.is_navigation(request.method, request.headers):
            return _closed_unless_read(request, self._on_error(request, error))
        response = web.json_response(
            {"message": error.message, "reason": getattr(error, "reason", "unavailable")},
            status=error.status,
            headers={"Cache-Control": "no-store"},
        )
        if isinstance(error, NotNow):
            response.headers["Retry-After"] = str(error.retry_after)
        return _closed_unless_read(request, response)

    async def _pass_on(self, ask: _Ask, tail: str) -> web.StreamResponse:
        upstream = self._upstream(ask.route)
        request = ask.request
        if _is_websocket(request):
            if len(upstream.tunnels) >= self.settings.max_tunnels:
                raise Refused("Too many open connections.", status=429, reason="too-many-websockets")
            return await self._tunnel(ask, upstream)
        if upstream.requests >= self.settings.max_requests:
            raise NotNow("Too many requests at once.", retry_after=1)
        if headers.is_activity(request.method, tail) or headers.is_navigation(
            request.method, request.headers
        ):
            self._gate.touch(ask.number)
        upstream.requests += 1
        try:
            return await self._exchange(ask, upstream)
        finally:
            upstream.requests -= 1

    def _upstream(self, route: Route) -> Upstream:
        number = route.workspace.number
        upstream = self._upstreams.get(number)
        if upstream is None or upstream.secret != route.run.secret:
            if upstream is not None:
                upstream.retire()
            loop = asyncio.get_running_loop()
            upstream = self._upstreams[number] = Upstream(route.socket_path, route.run.secret, loop)
            if self._sweeper is None:
                self._sweeper = loop.call_later(_SWEEP_EVERY, self._sweep)
        return upstream

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time() - self.settings.idle_timeout
        for number, upstream in tuple(self._upstreams.items()):
            upstream.sweep(before)
            if upstream.quiet:
                del self._upstreams[number]
                self._touched.pop(number, None)
                self._complained.pop(number, None)
        self._sweeper = loop.call_later(_SWEEP_EVERY, self._sweep) if self._upstreams else None

    def _touch_now_and_then(self, number: int) -> None:
        if self._is_due(self._touched, number, _TOUCH_EVERY):
            self._gate.touch(number)

    @staticmethod
    def _is_due(last: dict[int, float], number: int, every: float) -> bool:
        """Whether the last time was `every` seconds ago; if so, now is the last time."""
        now = asyncio.get_running_loop().time()
        if now - last.get(number, -every) < every:
            return False
        last[number] = now
        return True

    async def _exchange(self, ask: _Ask, upstream: Upstream) -> web.StreamResponse:
        link = await self._link(ask.route, upstream)
        self.traffic.requests += 1
        relay = Relay(ask.request, link, ask.policy, self._tasks, self.traffic)
        try:
            link.write(ask.head(upgrade=False))
            return await relay.run(self.settings.answer_timeout)
        except BadAnswer as error:
            raise self._no_answer(ask.route, error) from error
        finally:
            relay.stop_waiting()
            if relay.reusable:
                upstream.give_back(link)
            else:
                link.abort()

    async def _tunnel(self, ask: _Ask, upstream: Upstream) -> web.StreamResponse:
        tunnel = Tunnel(ask.request, lambda: self._touch_now_and_then(ask.number), self.traffic)
        relay = link = None
        # Counted before anything is awaited: a thousand tabs that come back at once must not all slip through.
        upstream.tunnels.add(tunnel.close)
        try:
            link = await self._link(ask.route, upstream)
            link.write(ask.head(upgrade=True))
            relay = Relay(ask.request, link, ask.policy, self._tasks, self.traffic)
            answer = await relay.begin(self.settings.answer_timeout)
            if answer.head.status != 101:
                return _closed(await relay.relay(answer))
            relay.stop_waiting()
            response = _closed(web.StreamResponse(status=101, headers=_upgrade_headers(answer)))
            await response.prepare(ask.request)
            self.traffic.websockets += 1
            await tunnel.run(link, answer.tail)
            return response
        except BadAnswer as error:
            raise self._no_answer(ask.route, error) from error
        finally:
            upstream.tunnels.discard(tunnel.close)
            if relay is not None:
                relay.stop_waiting()
            if link is not None:
                link.abort()

    async def _link(self, route: Route, upstream: Upstream) -> Link:
        try:
            return await upstream.take()
        except (OSError, TimeoutError) as error:
            raise self._no_answer(route, error) from error

    def _no_answer(self, route: Route, error: Exception) -> WorldError:
        why = str(error) or type(error).__name__
        # A student's server can be made to fail as often as it is asked; the journal need not hear of each time.
        if self._is_due(self._complained, route.workspace.number, _COMPLAIN_EVERY):
            with subject(route.workspace.id):
                log.warning("the notebook server gave no answer: %s", why)
        return WorldError("The notebook server did not answer. Reload the page in a moment.", detail=why)


@dataclass(frozen=True, slots=True)
class _Ask:
    """An authorized request, with what is needed to pass it on."""

    request: web.Request
    address: Address
    route: Route
    settings: ProxySettings

    @property
    def number(self) -> int:
        """The workspace's number."""
        return self.route.workspace.number

    @property
    def policy(self) -> headers.Policy:
        """How the answer is dressed."""
        return headers.Policy(
            base_url=self.route.run.base_url,
            frame_ancestors=self.settings.frame_ancestors,
            secure=self.address.scheme == "https" or headers.is_local(self.address.name),
        )

    def head(self, *, upgrade: bool) -> bytes:
        """What to say to the workspace's server."""
        request = self.request
        return headers.request_head(
            request.method,
            request.raw_path,
            request.raw_headers,
            token=self.route.run.token,
            scheme=self.address.scheme,
            host=self.address.host,
            length=request.content_length,
            chunked=request.body_exists and request.content_length is None,
            upgrade=upgrade,
        )


def _is_websocket(request: web.Request) -> bool:
    asked = request.headers
    return (
        request.method == "GET"
        and asked.get("Upgrade", "").lower() == "websocket"
        and b"upgrade" in headers.named_in_connection(request.raw_headers)
        and "Sec-WebSocket-Key" in asked
        and not request.body_exists
    )


def _upgrade_headers(answer: Answer) -> CIMultiDict[str]:
    chosen = CIMultiDict({"Upgrade": "websocket", "Connection": "Upgrade", "Server": "nbhostd"})
    for name, value in answer.head.headers:
        if name.lower().startswith(b"sec-websocket-"):
            chosen.add(name.decode("ascii"), value.decode("latin-1"))
    return chosen


def _closed(response: web.StreamResponse) -> web.StreamResponse:
    """The same, closing the browser's connection after it."""
    if not response.prepared:
        response.force_close()
    return response


def _closed_unless_read(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """An answer made without reading the request's body (or its upgrade) ends the connection: nothing else may follow."""
    return _closed(response) if request.body_exists or "Upgrade" in request.headers else response


async def _expect_nothing_yet(request: web.Request) -> None:
    """Expect: 100-continue is answered when the workspace's turn comes, not before the request is authorized."""
