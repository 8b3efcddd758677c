"""The way out of a backup, and the way in of a restore: parts of the site, each as a parcel (core/parcel.py).

A backup's answer is one stream: for each part a line of JSON, `{"part": name}` with its parcel after it or `{"absent":
name}`, and at the end `{"end": true}`; what goes wrong between two parts is a line `{"error": …, "status": …}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from aiohttp import web

from nbhostd.core.backup import Part
from nbhostd.core.errors import NbhostdError
from nbhostd.services.backup import Backup, Packed
from nbhostd.services.restore import Restore
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_dropareas import content_of
from nbhostd.web.control_wire import Shape, Voice, error_shape, read_body, required, stream


class BackupControl:
    """Gives the site away, part by part, and takes one."""

    def __init__(self, backup: Backup, restore: Restore, tasks: Tasks) -> None:
        self._backup = backup
        self._restore = restore
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.post("/v1/backup/survey", self.survey),
            web.get("/v1/backup", self.give, allow_head=False),
            web.get("/v1/restore", self.show),
            web.post("/v1/restore", self.begin),
            web.delete("/v1/restore", self.abandon),
            web.put("/v1/restore/parts/{part:.+}", self.take),
            web.post("/v1/restore/finish", self.finish),
        ]

    async def survey(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"students": bool})

        async def work(say: Voice) -> Shape:
            survey = await self._backup.survey(say.progress, students=body.get("students", False))
            return {**asdict(survey), "parts": [asdict(part) for part in survey.parts]}

        return await stream(request, self._tasks, work)

    async def give(self, request: web.Request) -> web.StreamResponse:
        students = request.query.get("students") == "1"
        async with self._backup.open(students=students) as parts:
            response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
            await response.prepare(request)
            try:
                async for packed in parts:
                    await _send(response, packed)
                await response.write(b'{"end": true}\n')
            except NbhostdError as error:
                # Inside of a parcel nobody takes it for an answer, and the backup has broken off all the same.
                await response.write(json.dumps(error_shape(error)).encode() + b"\n")
            return response

    async def show(self, _: web.Request) -> web.Response:
        return web.json_response(await self._restore.state())

    async def begin(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"id": str, "told": dict, "size": int, "replace": bool})
        parts = await self._restore.begin(
            required(body, "id"),
            body.get("told", {}),
            body.get("size", 0),
            replace=body.get("replace", False),
        )
        return web.json_response({"parts": sorted(parts)})

    async def take(self, request: web.Request) -> web.Response:
        part = Part.parse(request.match_info["part"])
        done = await self._restore.take(request.query.get("id", ""), part, content_of(request))
        return web.json_response(asdict(done))

    async def finish(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"id": str})

        async def work(say: Voice) -> Shape:
            await self._restore.finish(required(body, "id"), say)
            return {"ready": True}

        return await stream(request, self._tasks, work)

    async def abandon(self, _: web.Request) -> web.Response:
        await self._restore.abandon()
        return web.json_response({"abandoned": True})


async def _send(response: web.StreamResponse, packed: Packed) -> None:
    said = {"absent": packed.part.name} if packed.parcel is None else {"part": packed.part.name}
    await response.write(json.dumps(said).encode() + b"\n")
    if packed.parcel is not None:
        async for piece in packed.parcel:
            await response.write(piece)
