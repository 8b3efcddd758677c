"""`/admin`: how the site fares, at a glance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from aiohttp import web

from nbhostd.core import imagenames
from nbhostd.core.people import Power
from nbhostd.core.vitals import Alarm, Health, alarms
from nbhostd.web.admin_workspaces import PHASES
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.jobwords import KINDS
from nbhostd.web.languages import N_
from nbhostd.web.site import SitePages

ALARMS = {
    Alarm.PODMAN: (N_("Podman does not answer: no workspace starts."), "#limits"),
    Alarm.DISK: (N_("A disk is nearly full."), "#disks"),
    Alarm.MEMORY: (N_("Nearly all memory is used: starts wait in the queue."), "/admin/workspaces"),
    Alarm.IMAGES: (N_("Images are missing: nobody can open their courses."), "/admin/images"),
    Alarm.LIMITS: (N_("Something here does not work as it should."), "#limits"),
    Alarm.BACKUP: (N_("There was no backup for more than a week."), "#backup"),
}

LEVELS = {"ok": N_("good"), "warning": N_("works, but worse"), "fault": N_("does not work")}
LEVEL_TONES = {"ok": "good", "warning": "warn", "fault": "bad"}


class Looking(Protocol):
    """What is asked of services/vitals.py."""

    async def look(self) -> Health: ...


class OverviewPages:
    """The overview."""

    def __init__(self, site: SitePages, health: Looking, now: Callable[[], datetime]) -> None:
        self._site = site
        self._health = health
        self._now = now

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The route."""
        router.add_get("/admin", self.show)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What is wrong first, then the figures."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        health, say = await self._health.look(), self._site.say
        wrong = [ALARMS[alarm] for alarm in alarms(health, self._now())]
        return await self._site.render(
            request, "admin.html", health=health, alarms=[(say(request, text), href) for text, href in wrong],
            phases=[(say(request, PHASES[phase]), count) for phase, count in health.phases.items()],
            awake=sum(health.phases.values()), missing=[(course, imagenames.shown(image)) for course, image in health.missing],
            levels={level: say(request, text) for level, text in LEVELS.items()}, tones=LEVEL_TONES,
            kinds={key: say(request, text) for key, text in KINDS.items()},
            **admin_tabs(request, self._site, visitor.actor, ""),
        )  # fmt: skip
