"""The audit log, as nbhostctl reads it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from nbhostd.core.ports_accounts import AuditLog
from nbhostd.web.api import fields
from nbhostd.web.audit_ops import AuditQuery, entry_shape
from nbhostd.web.operations import converted


class AuditControl:
    """Reads; nobody writes or takes away."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [web.get("/v1/audit", self.list_entries)]

    async def list_entries(self, request: web.Request) -> web.Response:
        query: AuditQuery = converted(fields(request.query, AuditQuery), AuditQuery, strict=False)
        entries = await self._audit.entries(limit=query.limit, before=query.before, **query.wanted())
        return web.json_response({"entries": [msgspec.to_builtins(entry_shape(entry)) for entry in entries]})
