"""How the control API speaks: JSON answers, and for what takes long a stream of JSON lines that ends in its result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.services.tasks import Tasks

Say = Callable[[str], None]
Shape = dict[str, Any]
OUTCOME = web.RequestKey("outcome", str)
"""Why a streamed answer ended as it did, for the audit log; absent when it is done."""


def error_shape(error: NbhostdError) -> Shape:
    """An error as the API tells it; the administrator sees the detail too."""
    shape: Shape = {"error": error.message, "status": error.status}
    if isinstance(error, Refused):
        shape["reason"] = error.reason
    if isinstance(error, NotNow):
        shape["retry_after"] = error.retry_after
    if error.detail:
        shape["detail"] = error.detail
    return shape


class Voice:
    """Tells whoever asked for something long what goes on: lines, and how far it is. A `Say` with one more word."""

    def __init__(self, put: Callable[[Shape], None]) -> None:
        self._put = put

    def __call__(self, line: str) -> None:
        """One line."""
        self._put({"line": line})

    def progress(self, done: int, total: int, what: str = "") -> None:
        """So many of so many are done, and what it is busy with; nbhostctl draws a bar of it on a terminal."""
        self._put({"progress": [done, total, what]})


@web.middleware
async def json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever goes wrong is told as JSON; a bug as a plain 500, with its traceback in the journal only."""
    try:
        return await handler(request)
    except NbhostdError as error:
        return web.json_response(error_shape(error), status=error.status)
    except web.HTTPException as error:
        shape = {"error": f"{request.method} {request.path}: {error.reason}", "status": error.status}
        return web.json_response(shape, status=error.status)


async def read_body(request: web.Request, known: Mapping[str, type]) -> Shape:
    """The JSON object of a request, with known keys of known types only. Raises Refused(400)."""
    try:
        text = await request.text()
        body = json.loads(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise Refused("The request's body is not JSON.", detail=str(error)) from error
    if not isinstance(body, dict):
        raise Refused("The request's body must be a JSON object.")
    for key, value in body.items():
        if key not in known:
            raise Refused(f"“{key}” is unknown here; known are: {', '.join(known) or 'none'}.")
        if value is not None and (
            not isinstance(value, known[key]) or isinstance(value, bool) != (known[key] is bool)
        ):
            raise Refused(f"“{key}” must be of type {known[key].__name__}.")
    return {key: value for key, value in body.items() if value is not None}


def required(body: Shape, key: str) -> Any:
    """A value that must be there. Raises Refused(400)."""
    if key not in body:
        raise Refused(f"“{key}” is missing.")
    return body[key]


async def stream(
    request: web.Request, tasks: Tasks, work: Callable[[Voice], Awaitable[Shape]]
) -> web.StreamResponse:
    """Answer with `{"line": …}` and `{"progress": [done, total, what]}` as it goes on, at last `{"result": …}` or
    `{"error": …, "status": …}`.

    The work is a task of its own, which goes on to its end when whoever asked goes away: a pull half-watched is
    a whole pull.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    shapes: asyncio.Queue[Shape | None] = asyncio.Queue()

    async def run() -> None:
        try:
            shapes.put_nowait({"result": await work(Voice(shapes.put_nowait))})
        except NbhostdError as error:
            request[OUTCOME] = getattr(error, "reason", "failed")
            shapes.put_nowait(error_shape(error))
        finally:
            shapes.put_nowait(None)

    tasks.spawn(f"{request.method} {request.path}", run())
    while (shape := await shapes.get()) is not None:
        await response.write(json.dumps(shape, ensure_ascii=False).encode() + b"\n")
    return response
