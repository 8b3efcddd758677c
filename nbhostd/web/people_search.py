"""Which accounts a list shows: by words, by what they may do, by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from nbhostd.core.people import Group, User

T = TypeVar("T")
Kind = Literal["", "admin", "staff", "shut", "new"]
KINDS: dict[str, Callable[[User], bool]] = {
    "": lambda _: True,
    "admin": lambda user: user.admin,
    "staff": lambda user: user.staff or user.admin,
    "shut": lambda user: not user.active,
    "new": lambda user: user.last_login is None,
}


class UserQuery(msgspec.Struct, frozen=True):
    """Which accounts: words of their name or address; 'admin', 'staff', 'shut' or 'new' (never came); members of a group."""

    q: Annotated[str, Meta(max_length=200)] = ""
    kind: Kind = ""
    group: Annotated[str, Meta(max_length=128)] = ""
    page: Annotated[int, Meta(ge=1, le=100_000)] = 1
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


def matching(users: Iterable[User], groups: Iterable[Group], query: UserQuery) -> list[User]:
    """Those whom the query means, in their order."""
    words = query.q.casefold().split()
    members = None
    if query.group:
        members = {name for group in groups if group.name == query.group for name in group.members}
    fits = KINDS[query.kind]
    return [
        user
        for user in users
        if fits(user)
        and (members is None or user.name in members)
        and all(word in _text(user) for word in words)
    ]


def _text(user: User) -> str:
    return f"{user.name} {user.first_name} {user.last_name} {user.email}".casefold()


def page_of(found: Sequence[T], page: int, each: int) -> tuple[Sequence[T], int, int]:
    """(what is on that page, the page's number, the last one's); a page beyond the end is the last."""
    last = max(1, -(-len(found) // each))
    current = min(max(page, 1), last)
    return found[(current - 1) * each : current * each], current, last
