"""People and their groups, as nbhostctl asks for them."""

from __future__ import annotations

from aiohttp import web

from nbhostd.core.names import StudentName
from nbhostd.core.people import CourseAccess, Group, GroupName, User, checked_staff
from nbhostd.services.entrance import Entrance
from nbhostd.services.links import HandedOut, Links
from nbhostd.services.people import People, UserChanges
from nbhostd.web.control_context import course_name
from nbhostd.web.control_wire import Shape, read_body, required
from nbhostd.web.moments import iso

_CHANGES = {
    "email": str, "first_name": str, "last_name": str, "language": str, "admin": bool, "staff": bool, "active": bool,
}  # fmt: skip
_BY = "root"


class PeopleControl:
    """Accounts made, changed, let in and deleted; groups; whose course is whose."""

    def __init__(self, people: People, entrance: Entrance, links: Links) -> None:
        self._people = people
        self._entrance = entrance
        self._links = links

    def routes(self) -> list[web.RouteDef]:
        """What is answered here."""
        return [
            web.get("/v1/users", self.list_users),
            web.post("/v1/users", self.create_user),
            web.get("/v1/users/{user}", self.show_user),
            web.patch("/v1/users/{user}", self.change_user),
            web.delete("/v1/users/{user}", self.delete_user),
            web.post("/v1/users/{user}/link", self.make_link),
            web.post("/v1/users/{user}/password", self.set_password),
            web.post("/v1/users/{user}/logout", self.log_out),
            web.get("/v1/groups", self.list_groups),
            web.post("/v1/groups", self.create_group),
            web.patch("/v1/groups/{group}", self.change_group),
            web.delete("/v1/groups/{group}", self.delete_group),
            web.get("/v1/access", self.list_access),
            web.get("/v1/courses/{course}/people", self.show_access),
            web.patch("/v1/courses/{course}/people", self.change_access),
        ]

    # accounts

    async def list_users(self, request: web.Request) -> web.Response:
        groups = await self._people.groups()
        return web.json_response({"users": [user_shape(user, groups) for user in await self._people.users()]})

    async def show_user(self, request: web.Request) -> web.Response:
        return web.json_response(await self._shape(await self._people.get(_user_name(request))))

    async def create_user(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"name": str, "groups": list, "link": bool, "mail": bool} | _CHANGES)
        name = StudentName.parse(required(body, "name"))
        groups = [GroupName.parse(str(group)) for group in body.get("groups", [])]
        user = await self._people.create(name, _changes(body))
        for group in groups:
            await self._people.add_members(group, [name])
        shape = await self._shape(user)
        if body.get("link", False):
            handed = await self._links.hand_out(user, by=_BY, mail=body.get("mail", False))
            shape["link"] = handed_shape(handed)
        return web.json_response(shape)

    async def change_user(self, request: web.Request) -> web.Response:
        body = await read_body(request, _CHANGES)
        user = await self._people.change(_user_name(request), _changes(body))
        return web.json_response(await self._shape(user))

    async def delete_user(self, request: web.Request) -> web.Response:
        name = _user_name(request)
        await self._people.delete(name)
        return web.json_response({})

    async def make_link(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"mail": bool})
        user = await self._people.get(_user_name(request))
        handed = await self._links.hand_out(user, by=_BY, mail=body.get("mail", False))
        return web.json_response(handed_shape(handed))

    async def set_password(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"password": str})
        user = await self._people.get(_user_name(request))
        await self._links.set_password(user, required(body, "password"))
        return web.json_response({})

    async def log_out(self, request: web.Request) -> web.Response:
        user = await self._people.get(_user_name(request))
        ended = await self._entrance.end_sessions(user)
        return web.json_response({"ended": ended})

    async def _shape(self, user: User) -> Shape:
        return user_shape(user, await self._people.groups())

    # groups

    async def list_groups(self, request: web.Request) -> web.Response:
        return web.json_response({"groups": [_group_shape(group) for group in await self._people.groups()]})

    async def create_group(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"name": str})
        group = await self._people.create_group(GroupName.parse(required(body, "name")))
        return web.json_response(_group_shape(group))

    async def change_group(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"name": str, "add": list, "remove": list})
        group = _group_name(request)
        changed = 0
        if "name" in body:
            new = GroupName.parse(body["name"])
            await self._people.rename_group(group, new)
            group = new
        if "add" in body:
            changed += await self._people.add_members(group, _names(body["add"]))
        if "remove" in body:
            changed += await self._people.remove_members(group, _names(body["remove"]))
        return web.json_response({**_group_shape(await self._people.group(group)), "changed": changed})

    async def delete_group(self, request: web.Request) -> web.Response:
        await self._people.delete_group(_group_name(request))
        return web.json_response({})

    # courses

    async def list_access(self, request: web.Request) -> web.Response:
        """Whose course each is."""
        accesses = [_access_shape(access) for access in await self._people.accesses()]
        return web.json_response({"access": accesses})

    async def show_access(self, request: web.Request) -> web.Response:
        return web.json_response(_access_shape(await self._people.set_access(course_name(request))))

    async def change_access(self, request: web.Request) -> web.Response:
        keys = ("add_groups", "remove_groups", "add_staff", "remove_staff")
        body = await read_body(request, dict.fromkeys(keys, list))
        course = course_name(request)
        before = await self._people.set_access(course)
        groups = {GroupName.parse(str(group)) for group in body.get("add_groups", [])}
        for group in groups:
            await self._people.group(group)  # a slip must not make a group
        staff = [checked_staff(str(entry)) for entry in body.get("add_staff", [])]
        after = await self._people.set_access(
            course,
            groups=sorted((before.groups | groups) - set(map(str, body.get("remove_groups", [])))),
            staff=[e for e in (*before.staff, *staff) if e not in body.get("remove_staff", [])],
        )
        return web.json_response(_access_shape(after))


def _user_name(request: web.Request) -> StudentName:
    return StudentName.parse(request.match_info["user"])


def _group_name(request: web.Request) -> GroupName:
    return GroupName.parse(request.match_info["group"])


def _names(items: list[object]) -> list[StudentName]:
    return [StudentName.parse(str(item)) for item in items]


def _changes(body: Shape) -> UserChanges:
    return UserChanges(**{key: body[key] for key in _CHANGES if key in body})


def user_shape(user: User, groups: list[Group]) -> Shape:
    """An account, without what nobody needs to see."""
    return {
        "name": user.name, "email": user.email, "first_name": user.first_name, "last_name": user.last_name,
        "admin": user.admin, "staff": user.staff, "active": user.active, "language": user.language,
        "groups": [group.name for group in groups if user.name in group.members],
        "has_password": bool(user.password),
        "created_at": iso(user.created_at),
        "last_login": iso(user.last_login),
    }  # fmt: skip


def handed_shape(handed: HandedOut) -> Shape:
    """A link, and what became of the letter with it."""
    return {
        "name": handed.user.name, "email": handed.user.email, "purpose": handed.purpose.value, "url": handed.url,
        "expires_at": iso(handed.expires_at), "mailed": handed.mailed, "trouble": handed.trouble,
    }  # fmt: skip


def _group_shape(group: Group) -> Shape:
    return {"name": group.name, "members": list(group.members), "courses": list(group.courses)}


def _access_shape(access: CourseAccess) -> Shape:
    return {"course": access.course, "groups": sorted(access.groups), "staff": list(access.staff)}
