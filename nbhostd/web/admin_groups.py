"""`/admin/groups`: the groups, and one of them."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from nbhostd.core.names import StudentName
from nbhostd.core.people import Group, GroupName, Power, User
from nbhostd.web.admintabs import admin_path, admin_tabs
from nbhostd.web.group_ops import names_in
from nbhostd.web.people_search import page_of
from nbhostd.web.site import SitePages

_EACH = 100


class People(Protocol):
    """What is asked of services/people.py."""

    async def users(self) -> list[User]: ...
    async def groups(self) -> list[Group]: ...
    async def group(self, name: GroupName) -> Group: ...


class GroupPages:
    """The list, and a group's page."""

    def __init__(self, site: SitePages, people: People) -> None:
        self._site = site
        self._people = people

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/admin/groups", self.show_all)
        router.add_get("/admin/groups/{group}", self.show)

    async def show_all(self, request: web.Request) -> web.StreamResponse:
        """Every group, how large it is, and which courses are its."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        return await self._site.render(
            request, "admin_groups.html", groups=await self._people.groups(), path=admin_path,
            **admin_tabs(request, self._site, visitor.actor, "groups"),
        )  # fmt: skip

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Its members, with buttons to bring some in and to take some out."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        group = await self._people.group(GroupName.parse(request.match_info["group"]))
        text = request.query.get("page", "1")
        number = int(text) if text.isdecimal() and len(text) < 7 else 1
        names, page, last = page_of(group.members, number, _EACH)
        users = {user.name: user for user in await self._people.users()}
        here = admin_path("groups", group.name)

        def strangers(lines: list[str]) -> list[str]:
            """Which names of a list that was refused have no account."""
            return [name for name in names_in(lines) if name not in users]

        return await self._site.render(
            request, "admin_group.html", group=group, members=[users[StudentName(name)] for name in names if name in users],
            page=page, last=last, page_url=here, strangers=strangers,
            **admin_tabs(request, self._site, visitor.actor, "groups", (here, str(group.name))),
        )  # fmt: skip
