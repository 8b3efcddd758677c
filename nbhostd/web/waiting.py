"""Between a visit and its notebook: the place in the queue, live, and on to the workspace as soon as it is ready.

The waiting page's address holds a ticket: who waits, for which page of which workspace. It holds no order, so
loading it again never resets a notebook.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakSet

from aiohttp import web

from nbhostd.core.model import Phase, Place
from nbhostd.core.names import WorkspaceId
from nbhostd.core.subject import subject
from nbhostd.core.tickets import seal, unseal
from nbhostd.web.context import Context
from nbhostd.web.enter import enter_url
from nbhostd.web.faults import failure_words
from nbhostd.web.languages import N_, NN_
from nbhostd.web.pages import BADGES, Badges

LIFETIME = timedelta(minutes=10)
"""Of a ticket; each loading of the page renews it."""
LONGEST_WAIT = timedelta(hours=2)
"""After which no ticket is renewed any more."""
KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment keeps the line open."""
STREAM_LIFETIME = 240.0
"""Seconds after which a page is asked to load anew, which renews its ticket."""
_KIND = "visit"

_SAYINGS = {
    Phase.QUEUED: N_("You are in the queue."),
    Phase.STARTING: N_("It is your turn: the notebook's program is starting."),
    Phase.STOPPING: N_("Your workspace is being put away; it starts again in a moment."),
    Phase.ASLEEP: N_("Your workspace is asleep; it starts again in a moment."),
    Phase.READY: N_("It is ready."),
    Phase.FAILED: N_("It did not start."),
}
_NEXT = N_("You are next.")
_BEFORE_ONE, _BEFORE_MANY = NN_("One student is ahead of you.", "{count} students are ahead of you.")
_HELD_BACK = {
    "memory": N_("The server waits until enough memory is free."),
    "disk": N_("The server has no room on its disk; its administrator must make some."),
}


@dataclass(frozen=True, slots=True)
class Waiter:
    """Who waits since when, and for what: `target` is relative to the workspace's base_url."""

    workspace: WorkspaceId
    target: str
    since: datetime
    notebook: str = ""


class Waiting:
    """`/visit/<ticket>`, its events, and its second try."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._streams: WeakSet[asyncio.Task[object]] = WeakSet()

    def lead_on(self, waiter: Waiter, place: Place) -> web.Response:
        """Send a browser to its notebook when that is ready, to the waiting page when not."""
        public_url = self._context.settings().public_url
        ready = self._ready_url(waiter, place)
        return self._context.pages.redirect(ready or f"{public_url}/visit/{self._ticket(waiter)}")

    def _ready_url(self, waiter: Waiter, place: Place) -> str | None:
        context = self._context
        route = context.workspaces.route(place.run.secret) if place.run is not None else None
        if place.phase is not Phase.READY or route is None:
            return None
        return enter_url(context, route, waiter.target)

    def _ticket(self, waiter: Waiter) -> str:
        payload = {
            "workspace": str(waiter.workspace),
            "next": waiter.target,
            "notebook": waiter.notebook,
            "since": waiter.since.isoformat(),
        }
        expires = min(self._context.clock.now() + LIFETIME, waiter.since + LONGEST_WAIT)
        return seal(self._context.settings().launch_keys.for_purpose(_KIND)[0], _KIND, payload, expires)

    def _waiter(self, request: web.Request) -> Waiter:
        keys = self._context.settings().launch_keys.for_purpose(_KIND)
        payload = unseal(keys, _KIND, request.match_info["ticket"], self._context.clock.now())
        workspace = WorkspaceId.parse(payload["workspace"])
        request[BADGES] = Badges.of(workspace, payload["notebook"])
        since = datetime.fromisoformat(payload["since"])
        return Waiter(workspace, payload["next"], since, payload["notebook"])

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The place now; a visit to a workspace that sleeps (again) wakes it."""
        context, waiter = self._context, self._waiter(request)
        with subject(waiter.workspace):
            place = context.workspaces.place(waiter.workspace)
            if place.phase is Phase.ASLEEP:
                place = await context.workspaces.wake(waiter.workspace)
        if ready := self._ready_url(waiter, place):
            return context.pages.redirect(ready)
        ticket = self._ticket(waiter)
        # READY without a way in cannot last; were it to, a page that is asked for again must not loop.
        if place.phase not in (Phase.FAILED, Phase.READY):
            return context.pages.render(
                request, "waiting.html", place=self._saying(request, place), here=f"/visit/{ticket}"
            )
        words = failure_words(place.reason)
        return context.pages.render(
            request, "failed.html", status=502, again=f"/visit/{ticket}/again",
            happened=context.pages.say(request, words.happened), advice=context.pages.say(request, words.advice),
        )  # fmt: skip

    async def again(self, request: web.Request) -> web.StreamResponse:
        """A second try after a failed start."""
        context, waiter = self._context, self._waiter(request)
        with subject(waiter.workspace):
            await context.workspaces.wake(waiter.workspace)
            place = await context.workspaces.wait(waiter.workspace, context.settings().patience)
        return self.lead_on(waiter, place)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Each change of place as a server-sent event (WHATWG HTML §9.2): `{"text": …, "over": true|false}`."""
        waiter = self._waiter(request)
        response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
        self._context.pages.dress(response)
        response.content_type = "text/event-stream"
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        async with aclosing(self._messages(request, waiter.workspace)) as messages:
            async for message in messages:
                await response.write(message.encode())
        return response

    async def _messages(self, request: web.Request, workspace: WorkspaceId) -> AsyncGenerator[str, None]:
        last: Place | None = None
        for _ in range(int(STREAM_LIFETIME / KEEP_ALIVE)):
            try:
                # The watch is begun anew after each silence: it starts with the present place, so nothing is missed.
                async with asyncio.timeout(KEEP_ALIVE):
                    async for place in self._context.workspaces.watch(workspace):
                        if place != last:
                            last = place
                            yield self._message(request, place)
                    break
            except TimeoutError:
                yield ": still here\n\n"
        yield self._message(request, last or Place(Phase.ASLEEP), over=True)

    def _message(self, request: web.Request, place: Place, *, over: bool = False) -> str:
        over = over or place.phase in (Phase.READY, Phase.FAILED, Phase.ASLEEP)
        return f"data: {json.dumps({'text': self._saying(request, place), 'over': over})}\n\n"

    def _saying(self, request: web.BaseRequest, place: Place) -> str:
        pages = self._context.pages
        text = pages.say(request, _SAYINGS[place.phase])
        if place.phase is Phase.QUEUED and place.position == 1:
            text = pages.say(request, _NEXT)
        elif place.phase is Phase.QUEUED and place.position > 1:
            text = pages.say_count(request, _BEFORE_ONE, _BEFORE_MANY, place.position - 1)
        if place.phase is Phase.QUEUED and place.reason in _HELD_BACK:
            text += " " + pages.say(request, _HELD_BACK[place.reason])
        return text

    async def close(self, _app: web.Application) -> None:
        """End the open streams, so that a stopping daemon waits for nobody; browsers come back by themselves."""
        for task in tuple(self._streams):
            task.cancel()
