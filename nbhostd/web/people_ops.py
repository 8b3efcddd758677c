"""Accounts, as administrators have to do with them: the operations that the pages below /admin and the API share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.names import StudentName
from nbhostd.core.people import Group, GroupName, Power, User
from nbhostd.services.links import HandedOut
from nbhostd.services.people import UserChanges
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Nothing, Operation
from nbhostd.web.people_search import UserQuery, matching

Text = Annotated[str, Meta(max_length=200)]


class UserShape(msgspec.Struct, frozen=True):
    """An account, without what nobody needs to see."""

    name: str
    full_name: str
    email: str
    first_name: str
    last_name: str
    language: str
    administrator: bool
    staff: bool
    active: bool
    has_password: bool
    groups: list[str]
    created_at: str | None
    last_login: str | None


class UserList(msgspec.Struct, frozen=True):
    """Accounts by name: one page of them, and how many there are in all."""

    users: list[UserShape]
    total: int


class UserWish(msgspec.Struct, frozen=True):
    """An account to make; its name is also the student's. It has no password until its owner chooses one (user.link)."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    language: Annotated[str, Meta(max_length=2)] = ""
    administrator: bool = False
    staff: bool = False
    groups: list[Annotated[str, Meta(min_length=1, max_length=128)]] = []


class UserEdit(msgspec.Struct, frozen=True):
    """What changes; what is left out stays. Who is not active cannot log in, and is logged out at once."""

    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    language: Annotated[str, Meta(max_length=2)] | None = None
    administrator: bool | None = None
    staff: bool | None = None
    active: bool | None = None


class LinkWish(msgspec.Struct, frozen=True):
    """Whether the link is also to be sent by e-mail."""

    mail: bool = False


class LinkMade(msgspec.Struct, frozen=True):
    """A link with which its bearer chooses a password, once: told this once. `trouble` says why no letter was sent."""

    url: str
    purpose: str
    expires_at: str
    mailed: bool
    trouble: str


class Ended(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


class Accounts(Protocol):
    """What is asked of services/people.py."""

    async def users(self) -> list[User]: ...
    async def get(self, name: StudentName) -> User: ...
    async def create(self, name: StudentName, changes: UserChanges, password: str = "") -> User: ...
    async def change(self, name: StudentName, changes: UserChanges) -> User: ...
    async def delete(self, name: StudentName) -> None: ...
    async def groups(self) -> list[Group]: ...
    async def group(self, name: GroupName) -> Group: ...
    async def add_members(self, group: GroupName, names: Sequence[StudentName]) -> int: ...


class Entrance(Protocol):
    """What is asked of services/entrance.py."""

    async def end_sessions(self, user: User, *, but: str = "") -> int: ...


class Links(Protocol):
    """What is asked of services/links.py."""

    async def hand_out(self, user: User, *, by: str, mail: bool = False) -> HandedOut: ...


class UserOperations:
    """`user.*`."""

    def __init__(self, people: Accounts, entrance: Entrance, links: Links) -> None:
        self._people = people
        self._entrance = entrance
        self._links = links

    def operations(self) -> list[Operation]:
        """What can be done with accounts."""
        admin, one = Power.ADMINISTER, "/users/{user}"
        return [
            Operation("user.list", "GET", "/users", "The accounts", admin, self._list, UserList, query=UserQuery),
            Operation(
                "user.create", "POST", "/users", "Make an account", admin, self._create, UserShape, UserWish,
                done=N_("The account is made."),
            ),
            Operation("user.show", "GET", one, "An account", admin, self._show, UserShape),
            Operation(
                "user.change", "PATCH", one, "Change an account", admin, self._change, UserShape, UserEdit,
                done=N_("The account is changed."),
            ),
            Operation(
                "user.delete", "DELETE", one, "Delete an account; its workspaces stay", admin, self._delete,
                done=N_("The account is deleted."),
            ),
            Operation(
                "user.link", "POST", f"{one}/link", "A link with which somebody chooses a password", admin, self._link,
                LinkMade, LinkWish,
            ),
            Operation(
                "user.logout", "DELETE", f"{one}/sessions", "Log somebody out everywhere", admin, self._log_out, Ended,
                done=N_("They are logged out everywhere."),
            ),
        ]  # fmt: skip

    async def _list(self, call: Call) -> UserList:
        query: UserQuery = call.query
        groups = await self._people.groups()
        found = matching(await self._people.users(), groups, query)
        start = (query.page - 1) * query.limit
        return UserList([user_shape(user, groups) for user in found[start : start + query.limit]], len(found))

    async def _create(self, call: Call) -> UserShape:
        wish: UserWish = call.body
        name = StudentName.parse(wish.name.strip())
        groups = [await self._people.group(GroupName.parse(group)) for group in wish.groups]
        changes = UserChanges(
            email=wish.email, first_name=wish.first_name, last_name=wish.last_name, language=wish.language,
            admin=wish.administrator, staff=wish.staff,
        )  # fmt: skip
        await self._people.create(name, changes)
        for group in groups:
            await self._people.add_members(group.name, [name])
        return await self._shape(name)

    async def _show(self, call: Call) -> UserShape:
        return await self._shape(_name(call))

    async def _shape(self, name: StudentName) -> UserShape:
        return user_shape(await self._people.get(name), await self._people.groups())

    async def _change(self, call: Call) -> UserShape:
        wish: UserEdit = call.body
        changes = UserChanges(
            email=wish.email, first_name=wish.first_name, last_name=wish.last_name, language=wish.language,
            admin=wish.administrator, staff=wish.staff, active=wish.active,
        )  # fmt: skip
        await self._people.change(_name(call), changes)
        return await self._shape(_name(call))

    async def _delete(self, call: Call) -> Nothing:
        await self._people.delete(_name(call))
        return Nothing()

    async def _link(self, call: Call) -> LinkMade:
        user = await self._people.get(_name(call))
        handed = await self._links.hand_out(user, by=call.who, mail=call.body.mail)
        return LinkMade(
            handed.url, handed.purpose.value, iso(handed.expires_at), handed.mailed,
            handed.trouble,
        )  # fmt: skip

    async def _log_out(self, call: Call) -> Ended:
        return Ended(await self._entrance.end_sessions(await self._people.get(_name(call))))


def _name(call: Call) -> StudentName:
    return StudentName.parse(call.names["user"])


def user_shape(user: User, groups: Sequence[Group]) -> UserShape:
    """An account, for the API."""
    return UserShape(
        user.name, user.full_name, user.email, user.first_name, user.last_name, user.language, user.admin, user.staff,
        user.active, bool(user.password), [group.name for group in groups if user.name in group.members],
        iso(user.created_at), iso(user.last_login),
    )  # fmt: skip
