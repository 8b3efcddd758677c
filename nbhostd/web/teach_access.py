"""Whose course it is: its staff, which its teachers name, and its groups, which the site's staff name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName
from nbhostd.core.people import CourseAccess, Group, GroupName, Power, User, checked_staff
from nbhostd.web.languages import N_
from nbhostd.web.operations import Call, Nothing, Operation
from nbhostd.web.teachshapes import AccessShape, StaffEntry

Line = Annotated[str, Meta(max_length=300)]


class Staff(msgspec.Struct, frozen=True):
    """The whole staff: names of accounts or of a platform's students, and `@group`; exact names, never patterns."""

    staff: Annotated[list[Line], Meta(max_length=500)] = []


class Groups(msgspec.Struct, frozen=True):
    """All groups whose members are the course's students; exact names of groups that exist."""

    groups: Annotated[list[Line], Meta(max_length=500)] = []


class People(Protocol):
    """What is asked of services/people.py."""

    async def access(self, course: CourseName) -> CourseAccess | None: ...
    async def set_access(
        self, course: CourseName, *, groups: Iterable[str] | None = None, staff: Iterable[str] | None = None
    ) -> CourseAccess: ...
    async def groups(self) -> list[Group]: ...
    async def users(self) -> list[User]: ...


class TeachAccess:
    """`course.access`, `.staff`, `.groups`."""

    def __init__(self, people: People) -> None:
        self._people = people

    def operations(self) -> list[Operation]:
        """What can be done about whose course it is."""
        one = "/courses/{course}"
        return [
            Operation(
                "course.access", "GET", f"{one}/access", "Whose course it is", Power.TEACH, self._access, AccessShape
            ),
            Operation(
                "course.staff", "PUT", f"{one}/staff", "Say who teaches a course", Power.TEACH, self._staff, Nothing,
                Staff, done=N_("The staff of this course is changed."),
            ),
            Operation(
                "course.groups", "PUT", f"{one}/groups", "Say whose students a course has", Power.MANAGE, self._groups,
                Nothing, Groups, done=N_("The groups of this course are changed."),
            ),
        ]  # fmt: skip

    async def of(self, course: CourseName) -> AccessShape:
        """Whose course it is. Raises Refused(404)."""
        access = await self._people.access(course)
        if access is None:
            raise Refused(f"There is no course “{course}”.", status=404, reason="no-such-course")
        known = {str(user.name) for user in await self._people.users()}
        known |= {f"@{group.name}" for group in await self._people.groups()}
        return AccessShape(
            sorted(access.groups), [StaffEntry(entry, entry in known) for entry in access.staff]
        )

    async def _access(self, call: Call) -> AccessShape:
        return await self.of(call.course)

    async def _staff(self, call: Call) -> Nothing:
        entries = _all_checked(call.body.staff, checked_staff, "bad-staff")
        await self._know(entry[1:] for entry in entries if entry.startswith("@"))
        await self._people.set_access(call.course, staff=entries)
        return Nothing()

    async def _groups(self, call: Call) -> Nothing:
        groups = _all_checked(call.body.groups, GroupName.parse, "bad-groups")
        await self._know(groups)
        await self._people.set_access(call.course, groups=groups)
        return Nothing()

    async def _know(self, wanted: Iterable[str]) -> None:
        """Every group that is named must exist: whoever made it later would be let in. Raises Refused(404)."""
        known = {str(group.name) for group in await self._people.groups()}
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise Refused(f"There is no group “{unknown[0]}”.", status=404, reason="no-such-group")


def _all_checked(lines: Iterable[str], check: Callable[[str], str], reason: str) -> list[str]:
    """The entries, each once. Raises Refused(400) with all that are none."""
    good: dict[str, None] = {}
    bad: list[str] = []
    for line in lines:
        try:
            good[str(check(line))] = None
        except Refused:
            bad.append(f"“{line[:60]}”")
    if bad:
        more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise Refused(f"These are no names: {', '.join(bad[:10])}{more}.", reason=reason)
    return list(good)
