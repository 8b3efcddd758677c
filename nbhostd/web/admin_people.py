"""`/admin/people`: the accounts, and one of them, with what an administrator does about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from nbhostd.core.errors import Refused
from nbhostd.core.model import Workspace
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import Actor, Group, Power, Role, User
from nbhostd.core.sessions import Session
from nbhostd.web.admintabs import admin_path, admin_tabs
from nbhostd.web.api import fields
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Operations, converted
from nbhostd.web.people_ops import LinkMade, LinkWish, UserWish
from nbhostd.web.people_search import KINDS, UserQuery, matching, page_of
from nbhostd.web.reception import CSRF_FIELD, Visitor
from nbhostd.web.site import Flash, SitePages

_EACH = 50
KIND_WORDS = {
    "": N_("all accounts"),
    "admin": N_("administrators"),
    "staff": N_("the site’s staff"),
    "shut": N_("shut ones"),
    "new": N_("who never came"),
}


class Accounts(Protocol):
    """What is asked of services/people.py."""

    async def users(self) -> list[User]: ...
    async def get(self, name: StudentName) -> User: ...
    async def groups(self) -> list[Group]: ...
    async def courses_of(self, actor: Actor) -> dict[CourseName, Role]: ...


class Sessions(Protocol):
    """What is asked of services/entrance.py."""

    async def sessions_of(self, user: User) -> list[Session]: ...


class Spaces(Protocol):
    """What is asked of the store."""

    async def workspaces(self) -> list[Workspace]: ...


class PeoplePages:
    """The list, and a person's page."""

    def __init__(
        self, site: SitePages, operations: Operations, people: Accounts, sessions: Sessions, store: Spaces,
        has_mail: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._site = site
        self._operations = operations
        self._people = people
        self._sessions = sessions
        self._store = store
        self._has_mail = has_mail

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/admin/people", self.show_all)
        router.add_post("/admin/people", self.create)
        router.add_get("/admin/people/{name}", self.show)
        router.add_post("/admin/people/{name}/link", self.make_link)

    async def show_all(self, request: web.Request) -> web.StreamResponse:
        """The accounts that one looks for, and a form for a new one."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        return await self._list(request, visitor)

    async def _list(
        self, request: web.Request, visitor: Visitor, *, status: int = 200, wrong: str = "",
        entered: Mapping[str, object] | None = None,
    ) -> web.StreamResponse:  # fmt: skip
        query = _query(request)
        groups = await self._people.groups()
        found = matching(await self._people.users(), groups, query)
        shown, page, last = page_of(found, query.page, _EACH)
        asked = {"q": query.q, "kind": query.kind, "group": query.group}
        base = urlencode({key: value for key, value in asked.items() if value})
        return await self._site.render(
            request, "admin_people.html", status=status, people=[(user, _groups_of(user, groups)) for user in shown],
            total=len(found), query=query, page=page, last=last, base=f"?{base}&page=" if base else "?page=",
            group_names=[str(group.name) for group in groups], wrong=wrong, entered=entered or {},
            kinds=[(kind, self._site.say(request, KIND_WORDS[kind])) for kind in KINDS],
            **admin_tabs(request, self._site, visitor.actor, "people"),
        )  # fmt: skip

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Make an account, and show the link with which its owner comes in: this once."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        given = fields(form, UserWish)
        try:
            given = msgspec.to_builtins(converted(given, UserWish, strict=False))
            made = await self._operations.call(self._operations.get("user.create"), Call(visitor, {}), given)
        except Refused as error:
            wrong = self._site.pages.refusal(request, error)
            return await self._list(request, visitor, status=error.status, wrong=wrong, entered=given)
        self._site.flashes.put(visitor, Flash("good", self._site.say(request, N_("The account is made."))))
        link = await self._link(visitor, made.name, {})
        return await self._person(request, visitor, StudentName.parse(made.name), link=link)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Who somebody is, and what can be done about it."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        return await self._person(request, visitor, StudentName.parse(request.match_info["name"]))

    async def make_link(self, request: web.Request) -> web.StreamResponse:
        """A link to hand over, shown this once."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        given = msgspec.to_builtins(converted(fields(form, LinkWish), LinkWish, strict=False))
        name = StudentName.parse(request.match_info["name"])
        return await self._person(request, visitor, name, link=await self._link(visitor, name, given))

    async def _link(self, visitor: Visitor, name: str, given: Mapping[str, Any]) -> LinkMade:
        made = await self._operations.call(
            self._operations.get("user.link"), Call(visitor, {"user": name}), given
        )
        assert isinstance(made, LinkMade)
        return made

    async def _person(
        self, request: web.Request, visitor: Visitor, name: StudentName, *, link: LinkMade | None = None
    ) -> web.StreamResponse:
        user = await self._people.get(name)
        groups = await self._people.groups()
        own = _groups_of(user, groups)
        actor = Actor(user, frozenset(own))
        spaces = [workspace for workspace in await self._store.workspaces() if workspace.id.student == name]
        response = await self._site.render(
            request, "admin_person.html", person=user, groups=own,
            others=[(group.name, group.name) for group in groups if str(group.name) not in own],
            courses=sorted((await self._people.courses_of(actor)).items()) if not actor.is_staff else [],
            spaces=spaces, sessions=await self._sessions.sessions_of(user), link=link,
            until=datetime.fromisoformat(link.expires_at) if link else None, has_mail=self._has_mail(),
            page_url=admin_path("people", name),
            **admin_tabs(
                request, self._site, visitor.actor, "people", (admin_path("people", name), str(name))
            ),
        )  # fmt: skip
        if link is not None:
            response.headers["Cache-Control"] = "no-store"
        return response


def _query(request: web.Request) -> UserQuery:
    """What one looks for; what makes no sense is not looked for."""
    try:
        query = converted(fields(request.query, UserQuery), UserQuery, strict=False)
    except Refused:
        return UserQuery()
    assert isinstance(query, UserQuery)
    return query


def _groups_of(user: User, groups: Sequence[Group]) -> list[str]:
    return [str(group.name) for group in groups if user.name in group.members]
