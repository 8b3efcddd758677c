"""Groups of accounts, as administrators have to do with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.names import StudentName
from nbhostd.core.people import Group, GroupName, Power
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Nothing, Operation

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class GroupShape(msgspec.Struct, frozen=True):
    """A group: who is in it, and whose courses its members may open."""

    name: str
    members: list[str]
    courses: list[str]


class GroupList(msgspec.Struct, frozen=True):
    """All groups, by name."""

    groups: list[GroupShape]


class GroupWish(msgspec.Struct, frozen=True):
    """A group's name: letters, digits, blanks, '.', '_' and '-'."""

    name: Name


class MemberNames(msgspec.Struct, frozen=True):
    """Names of accounts; in a text of several lines, also several on a line."""

    names: Annotated[list[str], Meta(min_length=1, max_length=10_000)]


class MembersChanged(msgspec.Struct, frozen=True):
    """How many members came, or went; and how many there are now."""

    changed: int
    members: int


class Groups(Protocol):
    """What is asked of services/people.py."""

    async def groups(self) -> list[Group]: ...
    async def group(self, name: GroupName) -> Group: ...
    async def create_group(self, name: GroupName) -> Group: ...
    async def rename_group(self, old: GroupName, new: GroupName) -> None: ...
    async def delete_group(self, name: GroupName) -> None: ...
    async def add_members(self, group: GroupName, names: Sequence[StudentName]) -> int: ...
    async def remove_members(self, group: GroupName, names: Sequence[StudentName]) -> int: ...


class GroupOperations:
    """`group.*`."""

    def __init__(self, people: Groups) -> None:
        self._people = people

    def operations(self) -> list[Operation]:
        """What can be done with groups."""
        admin, one = Power.ADMINISTER, "/groups/{group}"
        return [
            Operation("group.list", "GET", "/groups", "The groups", admin, self._list, GroupList),
            Operation(
                "group.create", "POST", "/groups", "Make a group; one that is there is left as it is", admin, self._create,
                GroupShape, GroupWish, done=N_("The group is there."),
            ),
            Operation("group.show", "GET", one, "A group", admin, self._show, GroupShape),
            Operation(
                "group.rename", "PATCH", one, "Give a group another name", admin, self._rename, GroupShape, GroupWish,
                done=N_("The group has another name now."),
            ),
            Operation(
                "group.delete", "DELETE", one, "Delete a group; its members and courses stay", admin, self._delete,
                done=N_("The group is deleted."),
            ),
            Operation(
                "group.add", "POST", f"{one}/members", "Add members", admin, self._add, MembersChanged, MemberNames,
                done=N_("They are in the group."),
            ),
            Operation(
                "group.remove", "POST", f"{one}/members/remove", "Take members out", admin, self._remove, MembersChanged,
                MemberNames, done=N_("They are out of the group."),
            ),
        ]  # fmt: skip

    async def _list(self, call: Call) -> GroupList:
        return GroupList([group_shape(group) for group in await self._people.groups()])

    async def _create(self, call: Call) -> GroupShape:
        return group_shape(await self._people.create_group(GroupName.parse(call.body.name)))

    async def _show(self, call: Call) -> GroupShape:
        return group_shape(await self._people.group(_name(call)))

    async def _rename(self, call: Call) -> GroupShape:
        new = GroupName.parse(call.body.name)
        await self._people.rename_group(_name(call), new)
        return group_shape(await self._people.group(new))

    async def _delete(self, call: Call) -> Nothing:
        await self._people.delete_group(_name(call))
        return Nothing()

    async def _add(self, call: Call) -> MembersChanged:
        group = await self._people.group(_name(call))
        changed = await self._people.add_members(group.name, _members(call))
        return await self._changed(group.name, changed)

    async def _remove(self, call: Call) -> MembersChanged:
        changed = await self._people.remove_members(_name(call), _members(call))
        return await self._changed(_name(call), changed)

    async def _changed(self, name: GroupName, changed: int) -> MembersChanged:
        return MembersChanged(changed, len((await self._people.group(name)).members))


def _name(call: Call) -> GroupName:
    return GroupName.parse(call.names["group"])


def _members(call: Call) -> list[StudentName]:
    return [StudentName.parse(word) for word in names_in(call.body.names)]


def names_in(lines: Sequence[str]) -> list[str]:
    """The names in what somebody pastes, each once: one a line, or with commas, semicolons or blanks between them."""
    words = [word for line in lines for word in line.replace(",", " ").replace(";", " ").split()]
    return list(dict.fromkeys(words))


def group_shape(group: Group) -> GroupShape:
    """A group, for the API."""
    return GroupShape(group.name, list(group.members), list(group.courses))
