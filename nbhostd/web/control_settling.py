"""People of an import become accounts, when nbhostctl says so."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from nbhostd.services.settling import Settling
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_wire import Shape, Voice, stream


class SettlingControl:
    """Settles."""

    def __init__(self, settling: Settling, tasks: Tasks) -> None:
        self._settling = settling
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [web.post("/v1/import/accounts", self.settle)]

    async def settle(self, request: web.Request) -> web.StreamResponse:
        async def work(say: Voice) -> Shape:
            return asdict(await self._settling.settle())

        return await stream(request, self._tasks, work)
