"""The door of a launch: who may open, and each signed launch once."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from nbhostd.core.access import judge_launch
from nbhostd.core.errors import Refused
from nbhostd.core.urls import OpenRequest
from nbhostd.web.context import Context

log = logging.getLogger(__name__)

_REFUSAL = "This notebook cannot be opened with this link."
_LINES_A_MINUTE = 60


class Door:
    """Lets launches in; the log hears of those refused, but anybody can send thousands: not of each in a flood."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._minute = float("-inf")
        self._refused = 0

    async def admit(self, request: web.Request, wanted: OpenRequest) -> bool:
        """Return when this request may open what it wants, having used up its nonce; raise Refused(403) when not.

        True when somebody signed or at least linked it; False when it is the visitor's own, by being logged in: then
        it may be another site's link, and nothing but opening was asked for.
        """
        settings, members = self._context.settings(), self._context.members
        if members is not None and "signature" not in request.query and await members.admits(request, wanted):
            return False
        now = self._context.clock.now()
        verdict = judge_launch(
            settings.launch_keys,
            settings.legacy_referers,
            wanted,
            request.query,
            request.headers.get(hdrs.REFERER),
            now,
        )
        reason = verdict.reason
        if verdict.allowed and verdict.expires is not None:
            if await self._context.nonces.use_nonce(verdict.nonce, verdict.expires, now):
                return True
            reason = "used-launch"
        elif verdict.allowed:
            return True
        self._mention(wanted, reason)
        raise Refused(_REFUSAL, status=403, reason=reason)

    def _mention(self, wanted: OpenRequest, reason: str) -> None:
        now = self._context.clock.monotonic()
        if now - self._minute >= 60:
            if self._refused > _LINES_A_MINUTE:
                log.info("%d more launches were refused", self._refused - _LINES_A_MINUTE)
            self._minute, self._refused = now, 0
        self._refused += 1
        if self._refused <= _LINES_A_MINUTE:
            log.info("launch of %s refused: %s", wanted.wanted, reason)
