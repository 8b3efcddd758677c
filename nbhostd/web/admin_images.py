"""`/admin/images`: the images of this computer, and those that courses wait for."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from aiohttp import web

from nbhostd.core.errors import NbhostdError
from nbhostd.core.people import Power
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.image_ops import ImageList
from nbhostd.web.site import SitePages


class Gallery(Protocol):
    """What is asked of web/image_ops.py."""

    async def look(self) -> ImageList: ...


class ImagePages:
    """The list."""

    def __init__(self, site: SitePages, gallery: Gallery) -> None:
        self._site = site
        self._gallery = gallery

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The route."""
        router.add_get("/admin/images", self.show)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Which there are, how large, who uses them; and buttons to build the bases and to remove what nobody uses."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        listed, trouble = ImageList([], 0, 0), ""
        try:
            listed = await self._gallery.look()
        except NbhostdError as error:
            trouble = self._site.pages.refusal(request, error)
        return await self._site.render(
            request, "admin_images.html", listed=listed, trouble=trouble, moment=_moment,
            **admin_tabs(request, self._site, visitor.actor, "images"),
        )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
