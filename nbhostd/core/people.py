"""People with an account: who they are, which courses are theirs, and what each may do, as verdicts with reasons.

An account's name is also the name of the person as a student: `alice` logs in, and works in `COURSE/alice`.
Membership is access control: whoever shares a group with a course may open it, and to all others it does not exist.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName

_GROUP = re.compile(r"\w[\w.\- ]*")
_MOST_GROUP_BYTES = 128
_EMAIL = re.compile(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,190}")


class GroupName(str):
    """A group's name: a word character, then word characters, '.', '_', '-' or blanks; at most 128 bytes of UTF-8."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> GroupName:
        """The name, in Unicode NFC, without blanks around it. Raises Refused(400)."""
        name = unicodedata.normalize("NFC", text.strip())
        if not _GROUP.fullmatch(name) or len(name.encode()) > _MOST_GROUP_BYTES:
            raise Refused(f"“{text[:60]}” is not a group name.", reason="bad-group-name")
        return cls(name)


def checked_email(text: str) -> str:
    """An e-mail address as it was written, or '' for none. Raises Refused(400) for what is none at all."""
    address = text.strip()
    if address and (not _EMAIL.fullmatch(address) or not address.isprintable()):
        raise Refused(f"“{address[:60]}” is not an e-mail address.", reason="bad-email")
    return address


def checked_staff(text: str) -> str:
    """One entry of a course's staff: an account's or student's name, or `@group`. Raises Refused(400)."""
    entry = text.strip()
    return f"@{GroupName.parse(entry[1:])}" if entry.startswith("@") else str(StudentName.parse(entry))


@dataclass(frozen=True, slots=True)
class User:
    """An account. `number` is never re-used."""

    number: int
    name: StudentName
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    password: str = field(default="", repr=False)
    """What adapters/passwords.py keeps of it; '' when no password opens this account."""
    admin: bool = False
    """May do everything."""
    staff: bool = False
    """Teaches every course, and makes new ones."""
    active: bool = True
    language: str = ""
    """'fr', 'en', or '' to follow the browser."""
    created_at: datetime | None = None
    last_login: datetime | None = None

    @property
    def full_name(self) -> str:
        """First and last name, or the account's name when neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or str(self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """A set of accounts, for instance a class; `number` is never re-used."""

    number: int
    name: GroupName
    members: tuple[StudentName, ...] = ()
    courses: tuple[CourseName, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseAccess:
    """Whose course it is: the groups of its students, and its staff as it was entered (names and `@group`)."""

    course: CourseName
    groups: frozenset[str] = frozenset()
    staff: tuple[str, ...] = ()


class Scope(enum.StrEnum):
    """What a token of the HTTP API may be used for; never more than its owner may do."""

    READ = "read"
    WORK = "work"
    """What one does with one's own account and workspaces."""
    TEACH = "teach"
    MANAGE = "manage"
    ADMINISTER = "administer"


class Power(enum.StrEnum):
    """What somebody wants to do; OPEN and TEACH are asked about a course."""

    ACCOUNT = "account"
    """Anything with the own account."""
    OPEN = "open"
    """Work in a course."""
    TEACH = "teach"
    """Everything that a course's teachers do."""
    MANAGE = "manage"
    """Make courses, rename and archive them, and say whose they are."""
    ADMINISTER = "administer"
    """People, host, images, all workspaces, the audit log, deletions."""

    @property
    def scope(self) -> Scope:
        """What a token needs for it, when it is more than reading."""
        return Scope.WORK if self in (Power.ACCOUNT, Power.OPEN) else Scope(self.value)


class Role(enum.StrEnum):
    """What somebody is in a course, the most first."""

    TEACHER = "teacher"
    STUDENT = "student"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks: an account with its groups, or nobody. `scopes` is None for a person, else a token's."""

    user: User | None = None
    groups: frozenset[str] = frozenset()
    scopes: frozenset[Scope] | None = None
    root: bool = False
    """It is nbhostctl, on the control socket that only administrators of the computer can open."""

    @property
    def name(self) -> str:
        """Who it is, for the audit log."""
        return str(self.user.name) if self.user else "root" if self.root else ""

    @property
    def is_admin(self) -> bool:
        """Whether nothing is refused to it."""
        return self.root or (self.user is not None and self.user.admin)

    @property
    def is_staff(self) -> bool:
        """Whether it teaches every course."""
        return self.is_admin or (self.user is not None and self.user.staff)


NOBODY = Actor()
ROOT = Actor(root=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is allowed; if not, why, as a stable word with the status and the sentence that fit."""

    allowed: bool
    reason: str = ""
    status: int = 200
    message: str = ""

    def demand(self) -> None:
        """Return when it is allowed. Raises Refused when not."""
        if not self.allowed:
            raise Refused(self.message, status=self.status, reason=self.reason)


_YES = Verdict(True)
_NOT_LOGGED_IN = Verdict(False, "not-logged-in", 401, "Log in first.")
_NO_SUCH_COURSE = Verdict(False, "not-your-course", 404, "You have no course of this name.")
_NOT_TEACHER = Verdict(False, "not-teacher", 403, "Only teachers of this course can do this.")
_NOT_STAFF = Verdict(False, "not-staff", 403, "Only the site's staff can do this.")
_NOT_ADMIN = Verdict(False, "not-administrator", 403, "Only administrators can do this.")
_NOT_IN_SCOPE = Verdict(False, "not-in-scope", 403, "This token is not for this.")


def role(actor: Actor, access: CourseAccess) -> Role:
    """What somebody is in a course."""
    if actor.is_staff or (actor.user is not None and is_in_staff(actor.user.name, actor.groups, access)):
        return Role.TEACHER
    if actor.user is not None and actor.groups & access.groups:
        return Role.STUDENT
    return Role.NOBODY


def own_role(actor: Actor, access: CourseAccess) -> Role:
    """What somebody is in a course by being named in it, or through a group: not by teaching or administering all."""
    if actor.user is None:
        return Role.NOBODY
    if is_in_staff(actor.user.name, actor.groups, access):
        return Role.TEACHER
    return Role.STUDENT if actor.groups & access.groups else Role.NOBODY


def is_in_staff(name: str, groups: Collection[str], access: CourseAccess) -> bool:
    """Whether somebody is named in a course's staff, or is in a group that is."""
    return any(entry == name or (entry[:1] == "@" and entry[1:] in groups) for entry in access.staff)


def judge(
    actor: Actor, power: Power, access: CourseAccess | None = None, *, reading: bool = False
) -> Verdict:
    """May this be done? `access` is of the course that it is about (None: no such course, or none is meant)."""
    if actor.user is not None and not actor.user.active:
        return _NOT_LOGGED_IN
    if actor.user is None and not actor.root:
        return _NOT_LOGGED_IN
    verdict = _judge_role(actor, power, access)
    if verdict.allowed and actor.scopes is not None:
        needed = Scope.READ if reading else power.scope
        return _YES if needed in actor.scopes else _NOT_IN_SCOPE
    return verdict


def _judge_role(actor: Actor, power: Power, access: CourseAccess | None) -> Verdict:
    match power:
        case Power.ACCOUNT:
            return _YES if actor.user is not None else _NOT_LOGGED_IN
        case Power.OPEN | Power.TEACH:
            here = role(actor, access) if access is not None else Role.NOBODY
            if here is Role.NOBODY:
                return _NO_SUCH_COURSE
            return _YES if power is Power.OPEN or here is Role.TEACHER else _NOT_TEACHER
        case Power.MANAGE:
            return _YES if actor.is_staff else _NOT_STAFF
        case Power.ADMINISTER:
            return _YES if actor.is_admin else _NOT_ADMIN
