"""Images, as nbhostctl asks for them."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from nbhostd.core import imagenames
from nbhostd.core.errors import Refused
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_context import ControlContext
from nbhostd.web.control_wire import Say, Shape, read_body, required, stream


class ImagesControl:
    """List, look into, build and prune."""

    def __init__(self, context: ControlContext, tasks: Tasks) -> None:
        self._c = context
        self._tasks = tasks

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/images", self.list_images),
            web.get("/v1/images/details", self.show_details),
            web.post("/v1/images/build", self.build_image),
            web.post("/v1/images/prune", self.prune_images),
        ]

    async def list_images(self, request: web.Request) -> web.Response:
        courses = await self._c.courses.list()
        images = [
            {
                "name": imagenames.shown(name),
                "full_name": name,
                "digest": digest,
                "size": size,
                "courses": [
                    course.name for course in courses if course.image == name.removesuffix(":latest")
                ],
            }
            for name, digest, size in await self._c.images.named()
        ]
        return web.json_response({"images": images})

    async def show_details(self, request: web.Request) -> web.Response:
        target = request.query.get("image", "")
        if not target:
            raise Refused("Say which image.")
        return web.json_response(asdict(await self._c.builder.details(target)))

    async def build_image(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, {"target": str, "fresh": bool})
        target = required(body, "target")

        async def work(say: Say) -> Shape:
            return asdict(await self._c.builder.build(target, say, fresh=body.get("fresh", False)))

        return await stream(request, self._tasks, work)

    async def prune_images(self, request: web.Request) -> web.StreamResponse:
        async def work(say: Say) -> Shape:
            await self._c.builder.prune(say)
            return {}

        return await stream(request, self._tasks, work)
