"""A student's way in: from a launch URL, or from a page of a workspace that sleeps, to the notebook."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.access import wants_reset
from nbhostd.core.model import Mode, Phase, Route, Visit
from nbhostd.core.subject import subject
from nbhostd.core.urls import is_inner, parse_open, with_identity
from nbhostd.web.behind import KIND as BEHIND
from nbhostd.web.context import Context
from nbhostd.web.earlier import KIND as EARLIER
from nbhostd.web.guests import guest_address
from nbhostd.web.launch import Door
from nbhostd.web.pages import BADGES, Badges
from nbhostd.web.waiting import Waiter, Waiting


class Student:
    """Launches (`/ipythonExercice/COURSE/NOTEBOOK/STUDENT` and its sisters), and the waking of a workspace."""

    def __init__(self, context: Context, waiting: Waiting) -> None:
        self._context = context
        self._waiting = waiting
        self._door = Door(context)

    async def launch(self, request: web.Request) -> web.StreamResponse:
        """Open a notebook: admitted once, files prepared once, then straight there or by the waiting page."""
        context = self._context
        wanted = parse_open(request.rel_url.raw_path, request.rel_url.raw_query_string)
        request[BADGES] = Badges.of(wanted.workspace, wanted.notebook or "")
        with subject(wanted.workspace):
            asked = await self._door.admit(request, wanted)
            # A clone's notebook is brought back by git, not by a launch.
            forcecopy = asked and wanted.mode is Mode.MOOC and wants_reset(request.query)
            opening = await context.workspaces.open(
                Visit(wanted.workspace, wanted.notebook, wanted.mode, forcecopy, wanted.page)
            )
            if opening.prepared.earlier is not None:
                return context.pages.redirect(guest_address(context, EARLIER, opening))
            if opening.prepared.behind:
                return context.pages.redirect(guest_address(context, BEHIND, opening))
            target = with_identity(opening.notebook_url, wanted.workspace)
            waiter = Waiter(wanted.workspace, target, context.clock.now(), opening.notebook or "")
            place = await context.workspaces.wait(wanted.workspace, context.settings().patience)
        return self._waiting.lead_on(waiter, place)

    async def wake(self, request: web.Request, route: Route) -> web.StreamResponse:
        """A page of a sleeping workspace is loaded: start it, and lead to the same page under its new secret.

        The proxy calls this, having decided that this request may reach the workspace.
        """
        context, workspace = self._context, route.workspace.id
        target = request.raw_path.removeprefix(route.run.base_url)
        waiter = Waiter(workspace, target if is_inner(target) else "", context.clock.now())
        with subject(workspace):
            place = await context.workspaces.wake(workspace)
            if place.phase is not Phase.READY:
                place = await context.workspaces.wait(workspace, context.settings().patience)
        return self._waiting.lead_on(waiter, place)
