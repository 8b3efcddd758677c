"""nbhostd's proxy alone, as the daemon serves it: argv = TCP port, Unix socket of the server behind it, secret."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from nbhostd.core.errors import NbhostdError
from nbhostd.core.model import Phase, Place, Route, Run, Workspace
from nbhostd.core.names import WorkspaceId
from nbhostd.web.proxy import SERVER_OPTIONS, Proxy
from nbhostd.web.proxy_guard import ProxySettings


class OneWorkspace:
    """A gate with one workspace that is always ready."""

    def __init__(self, socket_path: str, secret: str) -> None:
        run = Run(1, secret, "token", "image", datetime.now(UTC))
        workspace = Workspace(1, WorkspaceId.parse("course/student"), 100000, "a" * 26)
        self._route = Route(workspace, run, socket_path, Place(Phase.READY, run=run))

    def route(self, secret: str) -> Route | None:
        """The route, for the one secret."""
        return self._route if secret == self._route.run.secret else None

    def touch(self, number: int) -> None:
        """Nobody counts."""


async def _on_visit(request: web.Request, route: Route) -> web.StreamResponse:
    return web.Response(text=f"{route.workspace.id} is {route.place.phase}")


def _on_error(request: web.Request, error: NbhostdError) -> web.StreamResponse:
    return web.Response(status=error.status, text=error.message)


async def serve(port: int, socket_path: str, secret: str) -> None:
    """Serve until killed."""
    app = web.Application()
    Proxy(OneWorkspace(socket_path, secret), ProxySettings(), _on_visit, _on_error).add_to(app.router)
    runner = web.AppRunner(app, access_log=None, **SERVER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("socket_path")
    parser.add_argument("secret", nargs="?", default="A" * 22)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.socket_path, arguments.secret))
