"""What services ask of whoever keeps accounts, sessions and the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import Actor, CourseAccess, Group, GroupName, Scope, User
from nbhostd.core.sessions import AuditEntry, Link, Session, Token


class People(Protocol):
    """Accounts, groups, and whose courses are whose."""

    async def users(self) -> list[User]:
        """Every account, by name."""

    async def user(self, name: StudentName) -> User | None: ...
    async def user_by_number(self, number: int) -> User | None: ...
    async def users_by_email(self, email: str) -> list[User]:
        """The accounts with this address, whatever its case."""

    async def create_user(self, user: User, now: datetime) -> User:
        """A new account (its number is given out here). Raises Refused(409) when the name is taken."""

    async def update_user(self, user: User) -> None:
        """Store everything of the account but its number, name and creation."""

    async def note_login(self, number: int, now: datetime) -> None: ...
    async def delete_user(self, number: int) -> None:
        """Forget an account with its sessions, links, tokens and memberships; its workspaces stay. Not being there is success."""

    async def groups(self) -> list[Group]:
        """Every group, by name."""

    async def group(self, name: GroupName) -> Group | None: ...
    async def create_group(self, name: GroupName) -> Group:
        """The group, new or as it is."""

    async def rename_group(self, old: GroupName, new: GroupName) -> None:
        """Give a group another name, in courses' staff too. Raises Refused(409) when it is taken."""

    async def delete_group(self, name: GroupName) -> None: ...
    async def add_members(self, group: GroupName, users: Iterable[StudentName]) -> int:
        """Make accounts members; how many were not before. Names without an account are left out."""

    async def remove_members(self, group: GroupName, users: Iterable[StudentName]) -> int: ...
    async def groups_of(self, user: int) -> frozenset[str]: ...

    async def access(self, course: CourseName) -> CourseAccess | None:
        """Whose course it is; None when there is no such course."""

    async def accesses(self) -> list[CourseAccess]:
        """Of every course, by name."""

    async def set_groups(self, course: CourseName, groups: Iterable[GroupName]) -> None:
        """The groups whose course it is from now on; unknown ones are made."""

    async def set_staff(self, course: CourseName, staff: Iterable[str]) -> None: ...

    async def user_of_identity(self, issuer: str, subject: str) -> User | None: ...
    async def identities_of(self, user: int) -> list[tuple[str, str]]:
        """Issuer and subject of each identity that logs in as this account."""

    async def add_identity(self, user: int, issuer: str, subject: str) -> None: ...


class Sessions(Protocol):
    """Sessions, one-time links and tokens, each known by the digest of its secret."""

    async def put_session(self, session: Session) -> None: ...
    async def find(self, id: str) -> tuple[Session, Actor] | None:
        """A session and who it stands for, groups included; in one look."""

    async def seen(self, id: str, now: datetime) -> None: ...
    async def sessions_of(self, user: int) -> list[Session]: ...
    async def end_session(self, id: str) -> None: ...
    async def end_sessions_of(self, user: int, *, but: str = "") -> int:
        """End all sessions of an account, but one; how many."""

    async def put_link(self, link: Link) -> None: ...
    async def link(self, id: str) -> Link | None: ...
    async def use_link(self, id: str, now: datetime) -> Link | None:
        """Take a link away, with the account's others; None when it is gone or too old."""

    async def create_token(
        self,
        user: int,
        id: str,
        label: str,
        scopes: frozenset[Scope],
        expires: datetime | None,
        now: datetime,
    ) -> Token: ...
    async def find_token(self, id: str) -> tuple[Token, Actor] | None: ...
    async def tokens_of(self, user: int) -> list[Token]: ...
    async def revoke_token(self, user: int, number: int) -> bool: ...
    async def token_used(self, number: int, now: datetime) -> None: ...
    async def sweep(self, seen_before: datetime, now: datetime) -> None:
        """Forget sessions that were last seen before that, and links and tokens that have expired."""


class AuditLog(Protocol):
    """Who did what; only ever added to."""

    async def add(self, entry: AuditEntry) -> None:
        """Write an entry down; its number is given out here."""

    async def entries(
        self,
        *,
        limit: int = 100,
        before: int | None = None,
        who: str = "",
        subject: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        refused: bool = False,
    ) -> list[AuditEntry]:
        """The latest first; `before` a number; `who` and `subject` exactly, `action` by its beginning.

        `since` is in it, `until` is not; `refused`: only what was not done.
        """

    async def size(self) -> int:
        """How many entries there are."""
