"""The control API: what nbhostctl asks of the daemon, on a socket that only administrators can open.

Everything under /v1 is JSON. A POST that takes long answers with JSON lines (see `control_wire.stream`). Each noun has
a room of its own, `control_<noun>.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from nbhostd.services.tasks import Tasks
from nbhostd.web.control_audit import ControlAudit
from nbhostd.web.control_context import ControlContext
from nbhostd.web.control_courses import CoursesControl
from nbhostd.web.control_images import ImagesControl
from nbhostd.web.control_jobs import JobsControl
from nbhostd.web.control_wire import json_errors
from nbhostd.web.control_workspaces import WorkspacesControl

__all__ = ["ControlContext", "create_control_app"]


class Room(Protocol):
    """Whoever answers for one noun."""

    def routes(self) -> list[web.RouteDef]: ...


def create_control_app(
    context: ControlContext, more: Sequence[Callable[[Tasks], Room]] = (), audit: ControlAudit | None = None
) -> web.Application:
    """The application to serve on the control socket, and nowhere else.

    `more`: makers of further rooms, each given the tasks that end with the application. `audit` writes down what it does.
    """
    tasks = Tasks()
    rooms: list[Room] = [
        CoursesControl(context, tasks),
        ImagesControl(context, tasks),
        WorkspacesControl(context),
        JobsControl(context, tasks),
        *(make(tasks) for make in more),
    ]
    noted = [audit.middleware()] if audit is not None else []
    app = web.Application(middlewares=[json_errors, *noted], client_max_size=1 << 20)
    for room in rooms:
        app.add_routes(room.routes())

    async def close(_: web.Application) -> None:
        await tasks.close()

    app.on_cleanup.append(close)
    return app
