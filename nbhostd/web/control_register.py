"""Registering a table of people, as nbhostctl asks for it."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.people import GroupName
from nbhostd.core.registration import REASONS, Conflict
from nbhostd.services.links import HandedOut
from nbhostd.services.registration import Prospect, Registration
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_people import handed_shape
from nbhostd.web.control_wire import Shape, Voice, read_body, required, stream

_BY = "root"


class RegisterControl:
    """Looks at tables, and registers who is in them."""

    def __init__(self, registration: Registration, tasks: Tasks) -> None:
        self._registration = registration
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [web.post("/v1/register", self.register)]

    async def register(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(
            request,
            {"table": str, "group": str, "dry_run": bool, "mail": bool, "remind": bool, "language": str},
        )
        # Bytes as they were in the file, one character each: what encoding they are in is looked at here.
        data = required(body, "table").encode("latin-1", errors="replace")
        group = GroupName.parse(body["group"]) if "group" in body else None

        async def work(say: Voice) -> Shape:
            if body.get("dry_run", False):
                return prospect_shape(await self._registration.look(data, group))
            return await self._register(data, group, body, say)

        return await stream(request, self._tasks, work)

    async def _register(self, data: bytes, group: GroupName | None, body: Shape, say: Voice) -> Shape:
        language = body.get("language", "")
        prospect = await self._registration.look(data, group)
        if not prospect.is_possible:
            return prospect_shape(prospect)
        done = await self._registration.register(
            data, group, by=_BY, language=language, remind=body.get("remind", False), progress=say.progress
        )
        links: list[HandedOut] = list(done.links)
        if body.get("mail", False) and links:
            links = await self._registration.send(links, language or "en", _silent, say.progress)
        shape = prospect_shape(done.prospect)
        return {**shape, "created": [user.name for user in done.created], "joined": done.joined,
                "links": [handed_shape(one) for one in links]}  # fmt: skip


def prospect_shape(prospect: Prospect) -> Shape:
    """What registering a table would do."""
    return {
        "faults": list(prospect.table.faults),
        "warnings": list(prospect.table.warnings),
        "new": [
            {
                "line": entry.line, "name": entry.name, "email": entry.email, "first_name": entry.first_name,
                "last_name": entry.last_name, "groups": list(entry.groups), "has_password": bool(entry.password),
            }
            for entry in prospect.plan.new
        ],
        "known": [
            {"line": entry.line, "name": user.name, "email": entry.email, "groups": list(entry.groups)}
            for entry, user in prospect.plan.known
        ],
        "conflicts": [
            {
                "line": conflict.entry.line, "name": conflict.entry.name, "email": conflict.entry.email,
                "reason": conflict.reason, "why": why(conflict),
            }
            for conflict in prospect.plan.conflicts
        ],
    }  # fmt: skip


def why(conflict: Conflict) -> str:
    """The sentence for somebody who is left out."""
    return REASONS.get(conflict.reason, conflict.reason).format(account=conflict.account)


def _silent(_line: str) -> None:
    """The answer has what became of each letter."""
