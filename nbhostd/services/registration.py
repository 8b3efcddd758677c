"""Registering many people at once: looked at first, then done; done twice, it is as if it were done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nbhostd.core.errors import Refused
from nbhostd.core.people import GroupName, User
from nbhostd.core.ports_people import Passwords
from nbhostd.core.registration import Conflict, Entry, Plan, Table, plan, read_table
from nbhostd.services.jobbook import Cancelled, JobBook, Say
from nbhostd.services.links import HandedOut, Links
from nbhostd.services.people import People, UserChanges

KIND, SUBJECT = "letters", "people"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What registering a table would do. With faults, or with nobody to register, nothing."""

    table: Table
    plan: Plan

    @property
    def is_possible(self) -> bool:
        """Whether it can be done."""
        return not self.table.faults


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering a table did; `links` are for those who have no password yet."""

    prospect: Prospect
    created: tuple[User, ...]
    joined: int
    """New memberships in groups."""
    links: tuple[HandedOut, ...]


class Registration:
    """Reads tables, makes accounts, and hands out links."""

    def __init__(self, people: People, links: Links, passwords: Passwords, book: JobBook) -> None:
        self._people = people
        self._links = links
        self._passwords = passwords
        self._book = book

    async def look(self, data: bytes, group: GroupName | None = None) -> Prospect:
        """What registering this table would do; everybody in it, known or new, joins `group` too."""
        table = read_table(data)
        if group is not None:
            entries = (_in_group(entry, group) for entry in table.entries)
            table = replace(table, entries=tuple(entries))
        return Prospect(table, plan(table.entries if not table.faults else (), await self._people.users()))

    async def register(
        self, data: bytes, group: GroupName | None = None, *, by: str, language: str = "", remind: bool = False,
        progress: Progress = lambda done, total, what: None,
    ) -> Registered:  # fmt: skip
        """Do it: accounts for who is new, groups for all. Raises Refused(400) with the first fault of the table.

        `remind` makes a new link also for those who have an account, and never had a password or a session.
        """
        prospect = await self.look(data, group)
        if not prospect.is_possible:
            raise Refused(f"The table has a fault: {prospect.table.faults[0]}.", reason="bad-table")
        created, conflicts, links = [], list(prospect.plan.conflicts), []
        for done, entry in enumerate(prospect.plan.new):
            progress(done, len(prospect.plan.new), entry.name)
            try:
                user = await self._create(entry, language)
            except Refused as error:  # made by another in this very moment
                conflicts.append(Conflict(entry, error.reason, entry.name))
                continue
            created.append(user)
            if not user.password:
                links.append(await self._links.hand_out(user, by=by))
        if remind:
            links += [
                await self._links.hand_out(user, by=by) for _, user in prospect.plan.known if _is_new(user)
            ]
        joined = await self._join(created, prospect.plan)
        prospect = replace(prospect, plan=replace(prospect.plan, conflicts=tuple(conflicts)))
        return Registered(prospect, tuple(created), joined, tuple(links))

    async def _create(self, entry: Entry, language: str) -> User:
        kept = await self._passwords.hash(entry.password) if entry.password else ""
        changes = UserChanges(
            email=entry.email, first_name=entry.first_name, last_name=entry.last_name, language=language
        )
        return await self._people.create(entry.name, changes, kept)

    async def _join(self, created: Sequence[User], what: Plan) -> int:
        by_name = {user.name: user for user in created}
        pairs = [(entry, by_name[entry.name]) for entry in what.new if entry.name in by_name]
        members: dict[GroupName, list[User]] = {}
        for entry, user in (*pairs, *what.known):
            for group in entry.groups:
                members.setdefault(group, []).append(user)
        joined = 0
        for group, users in members.items():
            joined += await self._people.add_members(group, [user.name for user in users])
        return joined

    async def send(
        self, links: Sequence[HandedOut], language: str, say: Say, progress: Progress = lambda *_: None
    ) -> list[HandedOut]:
        """Send each link in a letter; a job, whose log has who got none and why, and never a link.

        Once the mail server takes nothing, the rest are not tried.
        """
        sent: list[HandedOut] = []
        async with self._book.job(KIND, SUBJECT, say, cancellable=True) as job, self._links.letters.batch():
            for done, handed in enumerate(links):
                progress(done, len(links), handed.user.name)
                if job.cancelled:
                    raise Cancelled("The letters were stopped.")
                after = await self._links.send(handed, language)
                sent.append(after)
                job.say(f"{handed.user.name}: {'sent' if after.mailed else f'error: {after.trouble}'}")
                if after.no_more_mail:
                    job.say("error: the mail server takes no letters now, and the rest were not tried")
                    break
            mailed = sum(one.mailed for one in sent)
            job.message = f"{mailed} of {len(links)} letters sent"
        return sent + [replace(rest, trouble="not tried") for rest in links[len(sent) :]]


def _in_group(entry: Entry, group: GroupName) -> Entry:
    return replace(entry, groups=tuple(dict.fromkeys((*entry.groups, group))))


def _is_new(user: User) -> bool:
    """Whether nobody has ever been in this account; whoever may do more than others is asked to make their own link."""
    return user.active and not user.password and user.last_login is None and not (user.admin or user.staff)
