"""nbhostd's front alone, with one workspace that is always ready: what stands between a browser and its server.

The application is the daemon's own, with every route and middleware; only who knows the workspaces is a stand-in.
Arguments: TCP port, Unix socket of the workspace's server, secret.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uvloop
from aiohttp import web

from nbhostd.core.access import Keyring, LaunchKey
from nbhostd.core.model import Phase, Place, Route, Run, Workspace
from nbhostd.core.names import WorkspaceId
from nbhostd.web.app import Context, Floor, WebSettings
from nbhostd.web.pages import Pages
from nbhostd.web.proxy import SERVER_OPTIONS, Proxy
from nbhostd.web.proxy_guard import ProxySettings

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


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


async def serve(port: int, socket_path: str, secret: str) -> None:
    """Serve until killed."""
    gate = OneWorkspace(socket_path, secret)
    settings = WebSettings(f"http://127.0.0.1:{port}", Keyring((LaunchKey("bench", b"0" * 32),)))
    nobody: Any = None  # these requests launch nothing
    context = Context(lambda: settings, cast("Any", gate), nobody, nobody, Pages(TEMPLATES, lambda: ()))
    floor = Floor(context)
    proxy = Proxy(gate, ProxySettings(public_scheme="http"), floor.on_visit, floor.on_error)
    runner = web.AppRunner(floor.application(proxy), access_log=None, **SERVER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", type=int)
    parser.add_argument("socket_path")
    parser.add_argument("secret")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.socket_path, arguments.secret))
