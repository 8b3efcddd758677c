"""What the notebook extension asks: `/w/<secret>/.nbhostd/api/status`, `keep` and `reset`."""

from __future__ import annotations

import json
from typing import Any, Protocol

from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Route
from nbhostd.core.names import NotebookPath
from nbhostd.services.inside import Glance
from nbhostd.web.inside_gate import PREFIX, InsideGate
from nbhostd.web.pages import BADGES, Badges, Pages


class Answering(Protocol):
    """Who knows how a workspace stands (services/inside.py)."""

    async def glance(self, route: Route) -> Glance: ...
    def keep(self, route: Route) -> None: ...
    async def reset(self, route: Route, notebook: NotebookPath) -> str | None: ...


class InsideRoom:
    """Speaks HTTP for the pages of a workspace."""

    def __init__(self, gate: InsideGate, inside: Answering, pages: Pages) -> None:
        self._gate = gate
        self._inside = inside
        self._pages = pages

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Take our addresses below a workspace's."""
        router.add_get(PREFIX + "status", self._status, allow_head=False)
        router.add_post(PREFIX + "keep", self._keep)
        router.add_post(PREFIX + "reset", self._reset)

    async def _status(self, request: web.Request) -> web.Response:
        """A poll: it neither wakes nor touches."""
        route = self._admit(request)
        glance = await self._inside.glance(route)
        return self._answer(
            {
                "course": route.workspace.id.course,
                "student": route.workspace.id.student,
                "mode": route.workspace.mode,
                "phase": glance.phase,
                "stops_in": None if glance.stops_in is None else round(glance.stops_in, 1),
                "stops_because": glance.stops_because,
                "memory_limit": glance.memory_limit,
                "memory_kills": glance.memory_kills,
                "ask_again": glance.ask_again,
            }
        )

    async def _keep(self, request: web.Request) -> web.Response:
        self._inside.keep(self._admit(request))
        return self._answer({"kept": True})

    async def _reset(self, request: web.Request) -> web.Response:
        route = self._admit(request)
        notebook = await notebook_of(request)
        return self._answer({"kept_as": await self._inside.reset(route, notebook)})

    def _admit(self, request: web.Request) -> Route:
        route = self._gate.admit(request)
        request[BADGES] = Badges.of(route.workspace.id)
        return route

    def _answer(self, document: dict[str, object]) -> web.Response:
        return self._pages.dress(web.json_response(document))


async def notebook_of(request: web.Request) -> NotebookPath:
    """The notebook that a request's JSON body names. Raises Refused(400)."""
    try:
        document: Any = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("This is not JSON.", reason="bad-json") from error
    notebook = document.get("notebook") if isinstance(document, dict) else None
    if not isinstance(notebook, str):
        raise Refused("“notebook” must be a path.", reason="bad-notebook-path")
    return NotebookPath.parse(notebook)
