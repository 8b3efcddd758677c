"""Style sheets and scripts, held in memory, under URLs that change with their content."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from nbhostd.core.errors import Refused

PREFIX = "/assets/"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its content, its type, and the URL that names this very content."""

    content: bytes
    content_type: str
    digest: str
    url: str


class Assets:
    """Every file of a folder."""

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, Asset] = {}
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self._by_name[path.name] = Asset(content, kind, digest, f"{PREFIX}{digest}/{path.name}")

    def url(self, name: str) -> str:
        """The URL of a file; KeyError for one that is not there is a bug of the template."""
        return self._by_name[name].url

    async def serve(self, request: web.Request) -> web.Response:
        """A file. An URL of another content (a page loaded before an upgrade) gets the present one, uncached."""
        asset = self._by_name.get(request.match_info["name"])
        if asset is None:
            raise Refused("There is no such file.", status=404, reason="not-found")
        fresh = request.match_info["digest"] == asset.digest
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if fresh else "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "Server": "nbhostd",
        }
        text = asset.content_type.startswith(("text/", "image/svg")) or "javascript" in asset.content_type
        return web.Response(
            body=asset.content,
            content_type=asset.content_type,
            charset="utf-8" if text else None,
            headers=headers,
        )
