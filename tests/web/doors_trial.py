"""The doors of a site_trial: links, letters, another site's login, registration."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbhostd.adapters.joblogs import JobLogs
from nbhostd.adapters.people import SqlitePeople
from nbhostd.core.access import Keyring
from nbhostd.core.config import OpenId
from nbhostd.core.names import StudentName
from nbhostd.services.errands import Errands
from nbhostd.services.jobbook import JobBook
from nbhostd.services.letters import Letters
from nbhostd.services.links import Links
from nbhostd.services.openid import OtherLogin
from nbhostd.services.registration import Registration
from nbhostd.web.app import Mountable
from nbhostd.web.links import LinksRoom
from nbhostd.web.openid import OpenIdRoom
from nbhostd.web.operations import Operation
from nbhostd.web.register import RegisterRoom
from tests.fakes.mail import FakeMailer, FakeMailTexts
from tests.fakes.openid import FakeIdentityProvider
from tests.fakes.passwords import FakePasswords
from tests.web.site_trial import PUBLIC, SiteTrial
from tests.web.trial import KEY

ISSUER = "https://login.example.org"


@dataclass
class Doors:
    """Made for a trial by `rooms`; `operations` is asked first. `folder` is for jobs' logs."""

    folder: Path = Path("/nonexistent")

    mailer: FakeMailer = field(default_factory=FakeMailer)
    links: Links = field(init=False)
    letters: Letters = field(init=False)
    provider: FakeIdentityProvider = field(default_factory=lambda: FakeIdentityProvider(there=False))
    openid: OpenId = field(default_factory=lambda: OpenId(ISSUER, "notebooks", "The University"))
    files: set[str] = field(default_factory=set)
    """Students who have workspaces."""
    book: SqlitePeople = field(init=False)
    _links_room: LinksRoom = field(init=False)
    registration: Registration = field(init=False)
    logs: JobLogs = field(init=False)
    _openid_room: OpenIdRoom = field(init=False)
    _register_room: RegisterRoom = field(init=False)

    def operations(self, trial: SiteTrial) -> list[Operation]:
        self.letters = Letters(self.mailer, FakeMailTexts(), lambda: PUBLIC)
        self.links = Links(
            trial.entrance,
            trial.people,
            self.letters,
            FakePasswords(),
            trial.clock,
            trial.tasks,
            lambda: PUBLIC,
        )
        trial.login.by_mail = self.letters.are_possible
        self._links_room = LinksRoom(
            trial.site, trial.login, self.links, trial.entrance, trial.audit, trial.clock
        )
        self.book = SqlitePeople(trial.store.database)
        other = OtherLogin(
            self.provider, trial.people, self.book, lambda: self.openid, lambda: PUBLIC, secrets.token_bytes,
            self._has_files,
        )  # fmt: skip
        self._openid_room = OpenIdRoom(
            trial.site, trial.login, other, trial.entrance, trial.audit, trial.clock, lambda: Keyring((KEY,))
        )
        self.logs = JobLogs(self.folder)
        self.registration = Registration(
            trial.people, self.links, FakePasswords(), JobBook(trial.store, self.logs, trial.clock)
        )
        self._register_room = RegisterRoom(
            trial.site, trial.operations, self.registration, Errands(trial.tasks), trial.people.groups,
            self.letters.are_possible,
        )  # fmt: skip
        return [*self._links_room.operations(), *self._register_room.operations()]

    async def _has_files(self, name: StudentName) -> bool:
        return name in self.files

    def rooms(self, trial: SiteTrial) -> Sequence[Mountable]:
        return [self._links_room, self._openid_room, self._register_room]
