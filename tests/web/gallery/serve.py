"""The gallery's application. By hand: `build/venv/bin/python -m tests.web.gallery.serve`, then http://localhost:8399/."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import web
from jinja2 import ChoiceLoader, FileSystemLoader

from nbhostd.web.assets import PREFIX
from nbhostd.web.pages import Pages
from tests.web.gallery import samples

HERE = Path(__file__).parent
PAGES = ("classroom", "login")
"""Pages of ours, with the values that samples.py has for them; the other rooms are templates beside this file."""
ROOMS = (*PAGES, *sorted(path.stem for path in HERE.glob("*.html")))
LOG = ("STEP 3/3: COPY . .", "COMMIT nbhosting/python")


class Gallery:
    """Our pages, and those that show their parts."""

    def __init__(self) -> None:
        self.pages = Pages(HERE.parents[2] / "templates", lambda: ())
        self.posted: list[dict[str, str]] = []
        for environment in self.pages._environments.values():
            assert environment.loader is not None
            environment.loader = ChoiceLoader([environment.loader, FileSystemLoader(HERE)])

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get(PREFIX + "{digest}/{name}", self.pages.assets.serve)
        app.router.add_get("/job/events", self._events)
        app.router.add_post("/post", self._post)
        app.router.add_get("/notebook/{name}", self._notebook)
        app.router.add_get("/notebooks/progress", self._progress)
        app.router.add_get("/{room}", self._room)
        return app

    def render(self, request: web.BaseRequest, room: str, *, anonymous: bool = False) -> web.Response:
        """One room of the gallery."""
        values = samples.values(f"/{room}", anonymous=anonymous)
        if room in PAGES:
            values |= samples.page(room, request.query.get("notebook", "n0"))
        response = self.pages.allow_forms(self.pages.render(request, f"{room}.html", **values))  # type: ignore[arg-type]
        response.headers["Content-Security-Policy"] += "; frame-src 'self'"
        return response

    async def _index(self, _request: web.Request) -> web.Response:
        links = "".join(f'<li><a href="/{room}">{room}</a></li>' for room in ROOMS)
        return web.Response(
            text=f"<!DOCTYPE html><title>Gallery</title><ul>{links}</ul>", content_type="text/html"
        )

    async def _room(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        if room not in ROOMS:
            raise web.HTTPNotFound
        return self.render(request, room, anonymous="anonymous" in request.query)

    async def _notebook(self, request: web.Request) -> web.Response:
        text = f"<!DOCTYPE html><html lang=en><title>Notebook</title><h1>{request.match_info['name']}</h1><input aria-label=Cell>"
        return web.Response(text=text, content_type="text/html")

    async def _progress(self, _request: web.Request) -> web.Response:
        return web.json_response({"notebooks": [{"notebook": "w1/n6", "mark": "changed"}]})

    async def _post(self, request: web.Request) -> web.Response:
        self.posted.append({key: str(value) for key, value in (await request.post()).items()})
        return self.pages.redirect("/kit_forms")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await answer.prepare(request)
        for number, line in enumerate(LOG):
            await answer.write(f"id: {number}\ndata: {json.dumps({'line': line})}\n\n".encode())
        await answer.write(b'event: end\ndata: {"text": "done", "tone": "good", "message": "In 3 s."}\n\n')
        return answer


if __name__ == "__main__":
    web.run_app(Gallery().application(), host="127.0.0.1", port=8399)
