"""A running Jupyter server, asked through its socket. It is the student's: whatever it says may be a lie.

Only /api/kernels is asked. The server's own `last_activity` (/api/status) is made new by every poll of an open
page, the file browser's for one, so it cannot tell a person from a forgotten tab; the kernels' can.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp

from nbhostd.core.errors import WorldError
from nbhostd.core.model import JupyterStatus, Run

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_LONGEST_ANSWER = 1 << 20
# Our question must not count as activity itself (jupyter_server's APIHandler.update_api_activity).
_QUESTION = "api/kernels?no_track_activity=1"


class SocketJupyter:
    """Asks as the proxy would, with the run's token; satisfies core.ports.Jupyter.

    Who asks a workspace that sleeps wakes it: `socket_path` is connected to.
    """

    def __init__(self, socket_path: Callable[[int], str]) -> None:
        self._socket_path = socket_path

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        """Kernels and connections. Raises WorldError when it does not answer, or not with what Jupyter says."""
        try:
            return read_kernels(await self._fetch(workspace, run))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            detail = f"workspace {workspace}: {error!r}"[:500]
            raise WorldError("The notebook server does not answer.", detail=detail) from error

    async def _fetch(self, workspace: int, run: Run) -> bytes:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._socket_path(workspace)),
                headers={"Authorization": f"token {run.token}", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_TIMEOUT,
                auto_decompress=False,
            ) as session,
            session.get(f"http://localhost{run.base_url}{_QUESTION}", allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"HTTP {answer.status}")
            data = b""
            async for chunk in answer.content.iter_any():
                data += chunk
                if len(data) > _LONGEST_ANSWER:
                    raise ValueError("the answer has no end")
            return data


def read_kernels(data: bytes) -> JupyterStatus:
    """The status that an answer to /api/kernels tells of. Raises ValueError."""
    kernels = json.loads(data)
    if not isinstance(kernels, list) or not all(isinstance(kernel, dict) for kernel in kernels):
        raise ValueError("not a list of kernels")
    moments = [_moment(kernel.get("last_activity")) for kernel in kernels]
    known = [moment for moment in moments if moment is not None]
    return JupyterStatus(
        kernels=len(kernels),
        # A kernel that is starting is not idle either.
        busy_kernels=sum(kernel.get("execution_state") in ("busy", "starting") for kernel in kernels),
        connections=sum(_count(kernel.get("connections")) for kernel in kernels),
        last_activity=max(known) if known and len(known) == len(moments) else None,
    )


def _count(value: Any) -> int:
    return min(value, 1000) if type(value) is int and value > 0 else 0


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
