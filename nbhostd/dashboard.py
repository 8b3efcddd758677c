"""The dashboard: people, the site's own pages and the HTTP API, introduced to each other. Decides nothing."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from nbhostd.adapters.audit import SqliteAuditLog
from nbhostd.adapters.passwords import Argon2Passwords
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.sessions import SqliteSessions
from nbhostd.administration import Administration
from nbhostd.classrooms import Classrooms
from nbhostd.core.people import User
from nbhostd.doors import Doors
from nbhostd.services.cancelling import Cancelling
from nbhostd.services.entrance import Entrance
from nbhostd.services.errands import Errands
from nbhostd.services.people import People, UserChanges
from nbhostd.staffroom import Staffroom
from nbhostd.teaching import Teaching
from nbhostd.web.account import Account
from nbhostd.web.api import Api
from nbhostd.web.app import Mountable
from nbhostd.web.jobs import Jobs
from nbhostd.web.jobsroom import JobsRoom
from nbhostd.web.login import LoginRoom
from nbhostd.web.members import Members
from nbhostd.web.operations import Operations
from nbhostd.web.reception import Reception
from nbhostd.web.site import SitePages
from nbhostd.web.statistics import Tables
from nbhostd.web.statisticspages import StatisticsPages

if TYPE_CHECKING:
    from nbhostd.house import House


class Dashboard:
    """Who keeps people, and each room of the site's own pages."""

    def __init__(self, house: House) -> None:
        self._house = house
        book = house.store.database
        self.passwords = Argon2Passwords()
        house.closing.push_async_callback(self.passwords.close)
        people, sessions = SqlitePeople(book), SqliteSessions(book)
        self.entrance = Entrance(people, sessions, self.passwords, house.clock, secrets.token_bytes)
        self.people = People(people, sessions, house.clock)
        self.audit = SqliteAuditLog(book)
        self.reception = Reception(self.entrance, self.people, lambda: house.config().server.public_url)
        self.members = Members(self.reception)
        self.errands = Errands(house.tasks)
        self.doors = Doors(house, self)
        self.administration = Administration(house, self)

    def open(self) -> None:
        """Introduce the rooms, once the house has its pages and services."""
        house = self._house
        self.site = SitePages(house.pages, self.reception)
        self.login = LoginRoom(self.site, self.entrance, self.stop_workspaces, self._set_language)
        self.jobs = Jobs(
            house.store, house.jobs.logs, house.book, Cancelling(house.book, house.jobs), self.people
        )
        self.jobs_room = JobsRoom(self.site, self.jobs)
        self.operations = Operations(self.people, self.audit, house.clock)
        self.operations.add(self.jobs.operations())
        self.account = Account(self.site, self.operations, self.entrance, self.people)
        self.operations.add(self.account.operations())
        self.doors.open()
        self.administration.open()
        self.classrooms = Classrooms(house)
        self.staffroom = Staffroom(house, self)
        self.teaching = Teaching(house, self)
        tables = Tables(house.figures, house.counts, house.clock)
        self.operations.add(tables.operations())
        self.statistics = StatisticsPages(self.site, tables)

    def rooms(self) -> list[Mountable]:
        """What browsers and programs reach."""
        doors = self.doors.rooms()
        return [
            *self.classrooms.rooms(),
            self.login,
            *doors,
            *self.administration.rooms(),
            self.account,
            self.jobs_room,
            *self.staffroom.rooms(),
            *self.teaching.rooms(),
            self.statistics,
            Api(self.operations, self.site),
        ]

    async def stop_workspaces(self, user: User) -> int:
        """Stop all workspaces of somebody that run; how many there were."""
        house = self._house
        awake = [row.id for row in await house.status.rows() if row.id.student == user.name]
        stopped = await asyncio.gather(*(house.workspaces.stop(id, "logged out") for id in awake))
        return sum(stopped)

    async def _set_language(self, user: User, language: str) -> None:
        await self.people.change(user.name, UserChanges(language=language))
