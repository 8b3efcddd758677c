"""People of a course, as services/roll.py asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import User


@dataclass
class FakePeople:
    """Accounts by name; who is a member of every course, and who its staff."""

    accounts: dict[str, User] = field(default_factory=dict)
    member_names: set[str] = field(default_factory=set)
    staff_names: set[str] = field(default_factory=set)

    def add(self, name: str, *, member: bool = True, active: bool = True, last_name: str = "") -> None:
        self.accounts[name] = User(
            len(self.accounts) + 1,
            StudentName(name),
            active=active,
            first_name=name.title(),
            last_name=last_name,
        )
        self.member_names |= {name} if member else set()

    async def users(self) -> list[User]:
        return sorted(self.accounts.values(), key=lambda user: user.name)

    async def find(self, name: StudentName) -> User | None:
        return self.accounts.get(name)

    async def members(self, course: CourseName) -> list[User]:
        return [user for user in await self.users() if user.name in self.member_names]

    async def staff_of(self, course: CourseName) -> frozenset[str]:
        return frozenset(self.staff_names)
