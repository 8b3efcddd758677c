"""The accounts, groups and teachers of a predecessor's site, as an import kept them, in our words. Reads nothing itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import GroupName, checked_email, checked_staff

_KEPT = ("pbkdf2_sha256$", "argon2$")
"""What adapters/passwords.py understands of Django's ways to keep a password."""
_LONGEST_NAME = 100

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class OldAccount:
    """Somebody who had an account there."""

    name: StudentName
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    password: str = field(default="", repr=False)
    admin: bool = False
    staff: bool = False
    active: bool = True
    groups: tuple[GroupName, ...] = ()


@dataclass(frozen=True, slots=True)
class OldAccess:
    """Whose course it was."""

    course: CourseName
    groups: tuple[GroupName, ...] = ()
    staff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OldPeople:
    """All of it; `problems` is what does not come along, `notes` what comes along changed."""

    accounts: tuple[OldAccount, ...] = ()
    groups: tuple[GroupName, ...] = ()
    courses: tuple[OldAccess, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_people(data: bytes) -> OldPeople:
    """What an import keeps in people.json. Raises Refused(400) for anything else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused("people.json is no JSON.", detail=str(error)) from error
    if not isinstance(document, dict):
        raise Refused("people.json holds no people.")
    reader = _Reader()
    groups = reader.parsed(GroupName.parse, "group", _texts(document.get("groups")))
    accounts: dict[str, OldAccount] = {}
    for row in _rows(document.get("users")):
        account = reader.account(row)
        if account is not None and accounts.setdefault(account.name, account) is not account:
            reader.problems.append(f"user {account.name}: is there more than once; the first counts")
    courses = [access for row in _rows(document.get("courses")) if (access := reader.access(row)) is not None]
    return OldPeople(
        tuple(accounts.values()), tuple(dict.fromkeys(groups)), tuple(courses), tuple(reader.problems),
        tuple(reader.notes),
    )  # fmt: skip


class _Reader:
    """Reads rows, and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []

    def account(self, row: Mapping[str, Any]) -> OldAccount | None:
        """Somebody, or None when their name is none here."""
        name = self._one(StudentName.parse, "user", _text(row, "username"))
        if name is None:
            return None
        email = self._one(checked_email, f"user {name}: e-mail", _text(row, "email"))
        return OldAccount(
            name, email or "", _plain(_text(row, "first_name")), _plain(_text(row, "last_name")),
            self._password(name, _text(row, "password")), admin=_truth(row, "is_superuser"), staff=_truth(row, "is_staff"),
            active=_truth(row, "is_active", True),
            groups=tuple(self.parsed(GroupName.parse, f"user {name}: group", _texts(row.get("groups")))),
        )  # fmt: skip

    def _password(self, name: str, kept: str) -> str:
        if kept.startswith(_KEPT):
            return kept
        if kept and not kept.startswith("!"):
            self.notes.append(
                f"user {name}: the password cannot be taken over; a link lets them choose another"
            )
        return ""

    def access(self, row: Mapping[str, Any]) -> OldAccess | None:
        """Whose course it was, or None when its name is none here."""
        course = self._one(CourseName.parse, "course", _text(row, "name"))
        if course is None:
            return None
        groups = self.parsed(GroupName.parse, f"course {course}: group", _texts(row.get("groups")))
        staff = self.parsed(checked_staff, f"course {course}: staff", _texts(row.get("staff")))
        return OldAccess(course, tuple(groups), tuple(staff))

    def parsed(self, parse: Callable[[str], _T], what: str, texts: Iterator[str]) -> list[_T]:
        """Those that are what they should be."""
        return [found for text in texts if (found := self._one(parse, what, text)) is not None]

    def _one(self, parse: Callable[[str], _T], what: str, text: str) -> _T | None:
        try:
            return parse(text)
        except Refused as error:
            self.problems.append(f"{what} {text[:60]!r}: left out: {error.message}")
            return None


def _rows(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (row for row in value if isinstance(row, dict)) if isinstance(value, list) else ()


def _texts(value: object) -> Iterator[str]:
    yield from (text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _truth(row: Mapping[str, Any], key: str, otherwise: bool = False) -> bool:
    value = row.get(key, otherwise)
    return value in (True, 1, "1", "True", "t")


def _plain(name: str) -> str:
    return "".join(c for c in " ".join(name.split()) if c.isprintable())[:_LONGEST_NAME]
