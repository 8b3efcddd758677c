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


async def admit_launch(context: Context, request: web.Request, wanted: OpenRequest) -> None:
    """Return when this request may open what it wants, having used up its nonce; raise Refused(403) when not."""
    settings = context.settings()
    now = context.clock.now()
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
        if await context.nonces.use_nonce(verdict.nonce, verdict.expires, now):
            return
        reason = "used-launch"
    elif verdict.allowed:
        return
    log.info("launch of %s refused: %s", wanted.notebook, reason)
    raise Refused(_REFUSAL, status=403, reason=reason)
