"""People: their accounts, their groups, and whose courses are whose."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nbhostd.core.errors import Refused
from nbhostd.core.figures import Excluded
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import (
    Actor,
    CourseAccess,
    Group,
    GroupName,
    Role,
    User,
    checked_email,
    checked_staff,
    is_in_staff,
    own_role,
    role,
)
from nbhostd.core.ports import Clock
from nbhostd.core.ports_accounts import People as Book
from nbhostd.core.ports_accounts import Sessions as SessionBook

log = logging.getLogger(__name__)

_LONGEST_NAME = 100
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What changes of an account; None leaves a thing as it is."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    admin: bool | None = None
    staff: bool | None = None
    active: bool | None = None
    language: str | None = None


class People:
    """All accounts and groups."""

    def __init__(self, book: Book, sessions: SessionBook, clock: Clock) -> None:
        self._book = book
        self._sessions = sessions
        self._clock = clock

    # accounts

    async def users(self) -> list[User]:
        """Every account, by name."""
        return await self._book.users()

    async def get(self, name: StudentName) -> User:
        """The account of that name. Raises Refused(404)."""
        user = await self._book.user(name)
        if user is None:
            raise Refused(f"There is no account “{name}”.", status=404, reason="no-such-account")
        return user

    async def find(self, name: StudentName) -> User | None:
        """The account of that name, or None."""
        return await self._book.user(name)

    async def by_email(self, email: str) -> list[User]:
        """The accounts with this address."""
        return await self._book.users_by_email(email)

    async def create(self, name: StudentName, changes: UserChanges, password: str = "") -> User:
        """A new account; `password` as adapters/passwords.py keeps it, or none yet. Raises Refused (400, 409)."""
        user = _changed(User(0, name, password=password), changes)
        made = await self._book.create_user(user, self._clock.now())
        log.info("account %s made%s", name, ", an administrator" if made.admin else "")
        return made

    async def change(self, name: StudentName, changes: UserChanges) -> User:
        """Change an account. Raises Refused: 404, 400, or 409 for the last administrator's right or account."""
        user = await self.get(name)
        changed = _changed(user, changes)
        if user.admin and user.active and not (changed.admin and changed.active):
            await self._keep_an_administrator(user)
        await self._book.update_user(changed)
        if not changed.active:
            await self._sessions.end_sessions_of(user.number)
        return changed

    async def set_password(self, user: User, kept: str, *, but_session: str = "") -> None:
        """Store a new password (as adapters/passwords.py keeps it) and end the account's other sessions."""
        await self._book.update_user(replace(user, password=kept))
        await self._sessions.end_sessions_of(user.number, but=but_session)

    async def delete(self, name: StudentName) -> None:
        """Delete an account; what it has in workspaces stays. Raises Refused (404; 409 for the last administrator)."""
        user = await self.get(name)
        if user.admin and user.active:
            await self._keep_an_administrator(user)
        await self._book.delete_user(user.number)
        log.info("account %s deleted", name)

    async def _keep_an_administrator(self, leaving: User) -> None:
        others = [u for u in await self._book.users() if u.admin and u.active and u.number != leaving.number]
        if not others:
            raise Refused(
                "This is the last administrator: make another one first.",
                status=409,
                reason="last-administrator",
            )

    # groups

    async def groups(self) -> list[Group]:
        """Every group, by name, with its members and courses."""
        return await self._book.groups()

    async def group(self, name: GroupName) -> Group:
        """The group of that name. Raises Refused(404)."""
        group = await self._book.group(name)
        if group is None:
            raise Refused(f"There is no group “{name}”.", status=404, reason="no-such-group")
        return group

    async def create_group(self, name: GroupName) -> Group:
        """The group, new or as it is."""
        return await self._book.create_group(name)

    async def rename_group(self, old: GroupName, new: GroupName) -> None:
        """Give a group another name. Raises Refused (404, 409)."""
        await self.group(old)
        await self._book.rename_group(old, new)

    async def delete_group(self, name: GroupName) -> None:
        """Forget a group. Raises Refused(404)."""
        await self.group(name)
        await self._book.delete_group(name)

    async def add_members(self, group: GroupName, names: Iterable[StudentName]) -> int:
        """Make accounts members of a group, which is made when missing; how many were not before.

        Raises Refused(404), naming those who have no account; then nobody is added.
        """
        wanted = list(names)
        strangers = [name for name in wanted if await self._book.user(name) is None]
        if strangers:
            some = ", ".join(f"“{name}”" for name in strangers[:_MOST_NAMED])
            more = "…" if len(strangers) > _MOST_NAMED else ""
            raise Refused(f"There is no account {some}{more}.", status=404, reason="no-such-account")
        return await self._book.add_members(group, wanted)

    async def remove_members(self, group: GroupName, names: Iterable[StudentName]) -> int:
        """Take accounts out of a group; how many were in it. Raises Refused(404)."""
        await self.group(group)
        return await self._book.remove_members(group, names)

    # courses

    async def access(self, course: CourseName) -> CourseAccess | None:
        """Whose course it is; None when there is no such course."""
        return await self._book.access(course)

    async def accesses(self) -> list[CourseAccess]:
        """Whose course each is, by name."""
        return await self._book.accesses()

    async def set_access(
        self, course: CourseName, *, groups: Iterable[str] | None = None, staff: Iterable[str] | None = None
    ) -> CourseAccess:
        """Say whose course it is; None leaves as it is. Raises Refused (404, or 400 for a bad name)."""
        if groups is not None:
            await self._book.set_groups(course, [GroupName.parse(group) for group in groups])
        if staff is not None:
            await self._book.set_staff(course, [checked_staff(entry) for entry in staff])
        access = await self._book.access(course)
        if access is None:
            raise Refused(f"There is no course “{course}”.", status=404, reason="no-such-course")
        return access

    async def courses_of(self, actor: Actor) -> dict[CourseName, Role]:
        """The courses that somebody may open, by name, and what they are in each."""
        roles = {access.course: role(actor, access) for access in await self._book.accesses()}
        return {course: here for course, here in roles.items() if here is not Role.NOBODY}

    async def own_courses(self, actor: Actor) -> dict[CourseName, Role]:
        """The courses that are somebody's own, by name: what one may open only by teaching or administering all is not."""
        roles = {access.course: own_role(actor, access) for access in await self._book.accesses()}
        return {course: here for course, here in roles.items() if here is not Role.NOBODY}

    async def members(self, course: CourseName) -> list[User]:
        """The accounts whose course it is through a group, by name."""
        access = await self._book.access(course)
        groups = await self._book.groups()
        wanted = {
            name for group in groups if access and group.name in access.groups for name in group.members
        }
        return [user for user in await self._book.users() if user.name in wanted]

    async def staff_of(self, course: CourseName) -> frozenset[str]:
        """The names of a course's staff, groups resolved; names without an account (of a platform) too."""
        access = await self._book.access(course)
        if access is None:
            return frozenset()
        named = {entry for entry in access.staff if not entry.startswith("@")}
        groups = [group for group in await self._book.groups() if f"@{group.name}" in access.staff]
        return frozenset(named | {str(name) for group in groups for name in group.members})

    async def excluded(self, course: CourseName) -> Excluded:
        """Whom a course's statistics leave out: all who teach it; and which names are accounts."""
        users = await self._book.users()
        teachers = {str(user.name) for user in users if user.admin or user.staff}
        return Excluded(await self.staff_of(course) | teachers, frozenset(str(user.name) for user in users))

    async def is_staff_of(self, name: StudentName, course: CourseName) -> bool:
        """Whether a student's name is among a course's staff."""
        access = await self._book.access(course)
        if access is None:
            return False
        user = await self._book.user(name)
        groups = await self._book.groups_of(user.number) if user else frozenset()
        return is_in_staff(name, groups, access)


def _changed(user: User, changes: UserChanges) -> User:
    fields: dict[str, object] = {}
    if changes.email is not None:
        fields["email"] = checked_email(changes.email)
    for key in ("first_name", "last_name"):
        value = getattr(changes, key)
        if value is not None:
            fields[key] = _name(value)
    if changes.language is not None:
        if changes.language not in ("", "en", "fr"):
            raise Refused("The language is en or fr.", reason="bad-language")
        fields["language"] = changes.language
    for key in ("admin", "staff", "active"):
        if getattr(changes, key) is not None:
            fields[key] = getattr(changes, key)
    return replace(user, **fields)  # type: ignore[arg-type]


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise Refused("This name is too long, or no plain text.", reason="bad-person-name")
    return name
