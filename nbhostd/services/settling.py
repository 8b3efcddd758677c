"""People of a predecessor's site become accounts here: with their groups and rights, and the password that they know.

Nothing that is here is changed: an account that exists keeps everything, a course that has groups or staff keeps them.
So it can be done again, and does then what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nbhostd.core.errors import Refused
from nbhostd.core.oldaccounts import OldAccount, OldPeople, read_people
from nbhostd.services.people import People, UserChanges

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Who has an account now, and what of whom did not come along."""

    created: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    """Those of the new ones who may do everything."""
    here_already: int = 0
    groups: int = 0
    courses: tuple[str, ...] = ()
    """Whose groups and staff were taken over."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Settling:
    """Makes accounts of what an import kept."""

    def __init__(self, people: People, kept: Callable[[], Awaitable[bytes | None]]) -> None:
        self._people = people
        self._kept = kept

    async def settle(self) -> Settled:
        """Make the accounts, groups and rights that are missing. Raises Refused for a file that is none, WorldError."""
        data = await self._kept()
        if data is None:
            return Settled()
        old = read_people(data)
        known = {group.name for group in await self._people.groups()}
        created = [account for account in old.accounts if await self._make(account)]
        for group in old.groups:
            await self._people.create_group(group)
        courses = await self._settle_courses(old)
        if created:
            log.info("%d accounts taken over from another site", len(created))
        return Settled(
            created=tuple(account.name for account in created),
            administrators=tuple(account.name for account in created if account.admin),
            here_already=len(old.accounts) - len(created),
            groups=len(set(old.groups) - known),
            courses=courses, problems=old.problems, notes=old.notes,
        )  # fmt: skip

    async def _make(self, account: OldAccount) -> bool:
        """Whether the account is new."""
        if await self._people.find(account.name) is not None:
            return False
        changes = UserChanges(
            email=account.email, first_name=account.first_name, last_name=account.last_name, admin=account.admin,
            staff=account.staff, active=account.active,
        )  # fmt: skip
        try:
            await self._people.create(account.name, changes, account.password)
        except Refused:
            return False  # made by somebody in this very moment
        for group in account.groups:
            await self._people.add_members(group, [account.name])
        return True

    async def _settle_courses(self, old: OldPeople) -> tuple[str, ...]:
        taken = []
        for access in old.courses:
            here = await self._people.access(access.course)
            if here is not None and not here.groups and not here.staff and (access.groups or access.staff):
                await self._people.set_access(access.course, groups=access.groups, staff=access.staff)
                taken.append(str(access.course))
        return tuple(taken)
