"""One request's way to a workspace's server and its answer's way back, streamed, each direction held back by its reader."""

from __future__ import annotations

import asyncio

from aiohttp import web
from multidict import CIMultiDict

from nbhostd.core.headers import Policy, response_headers
from nbhostd.core.health import Traffic
from nbhostd.services.tasks import Tasks
from nbhostd.web.proxy_upstream import Answer, Link
from nbhostd.web.proxy_wire import BadAnswer

_STALL = 600.0
"""Seconds that a browser may take nothing of a download before it is cut."""


class Relay:
    """Carries one exchange over a link to which the request's head was already written."""

    def __init__(
        self, request: web.Request, link: Link, policy: Policy, tasks: Tasks, traffic: Traffic
    ) -> None:
        self.reusable = False
        """Both bodies went over whole: the link can carry another request."""
        self._request = request
        self._link = link
        self._policy = policy
        self._sent = not request.body_exists
        self._tasks = tasks
        self._traffic = traffic
        self._answered = False
        self._overdue: asyncio.TimerHandle | None = None

    async def run(self, timeout: float) -> web.StreamResponse:
        """Send the body, if there is one, while the answer comes back. Raises BadAnswer before anything was answered.

        The server has `timeout` seconds to begin its answer, from the moment it has the whole request.
        """
        if self._sent:
            return await self.relay(await self.begin(timeout))
        sending = self._tasks.spawn("a request's body", self._send_body(timeout))
        try:
            return await self.relay(await Answer.begin(self._link, self._request.method))
        finally:
            sending.cancel()
            # aiohttp reads what is left of the body next, and two cannot read at once.
            await asyncio.wait((sending,))

    async def begin(self, timeout: float) -> Answer:
        """The head of the answer, or BadAnswer when it has not come after `timeout` seconds."""
        self._expect_answer_within(timeout)
        return await Answer.begin(self._link, self._request.method)

    def _expect_answer_within(self, timeout: float) -> None:
        if not self._answered:
            self._overdue = asyncio.get_running_loop().call_later(timeout, self._link.abort)

    def stop_waiting(self) -> None:
        """Nothing is due any more (to be called when the exchange is over, however it ended)."""
        if self._overdue is not None:
            self._overdue.cancel()

    async def relay(self, answer: Answer) -> web.StreamResponse:
        """Pass an answer on to the browser. Raises BadAnswer before anything was passed on."""
        self._answered = True
        self.stop_waiting()
        head = answer.head
        if head.status == 101:
            raise BadAnswer("an upgrade that nobody asked for")
        dressed = CIMultiDict(response_headers(head.headers, self._policy))
        body = answer.whole()
        if body is not None:
            self._traffic.to_browsers += len(body)
            self.reusable = answer.reusable and self._sent
            return web.Response(status=head.status, reason=head.reason, headers=dressed, body=body)
        response = web.StreamResponse(status=head.status, reason=head.reason, headers=dressed)
        if self._request.headers.get("Upgrade"):
            response.force_close()
        try:
            await response.prepare(self._request)
            while piece := await answer.read():
                async with asyncio.timeout(_STALL):
                    await response.write(piece)
                self._traffic.to_browsers += len(piece)
        except (BadAnswer, TimeoutError):
            # Too late for an error page: what was promised is cut short, visibly.
            if self._request.transport is not None:
                self._request.transport.abort()
            return response
        except ConnectionError:
            # The browser has gone.
            return response
        self.reusable = answer.reusable and self._sent
        return response

    async def _send_body(self, timeout: float) -> None:
        request, link = self._request, self._link
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        framed = request.content_length is None
        try:
            async for piece in request.content.iter_any():
                link.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framed else piece)
                await link.drain()
                self._traffic.from_browsers += len(piece)
        except (OSError, web.RequestPayloadError):
            # The browser stopped half-way: the server must not take half a body for a whole one.
            link.abort()
            return
        if framed:
            link.write(b"0\r\n\r\n")
        self._sent = True
        self._expect_answer_within(timeout)
