"""The doors of a site_trial: links, letters, another site's login, registration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nbhostd.services.letters import Letters
from nbhostd.services.links import Links
from nbhostd.web.app import Mountable
from nbhostd.web.links import LinksRoom
from nbhostd.web.operations import Operation
from tests.fakes.mail import FakeMailer, FakeMailTexts
from tests.fakes.passwords import FakePasswords
from tests.web.site_trial import PUBLIC, SiteTrial


@dataclass
class Doors:
    """Made for a trial by `rooms`; `operations` is asked first."""

    mailer: FakeMailer = field(default_factory=FakeMailer)
    links: Links = field(init=False)
    letters: Letters = field(init=False)
    _links_room: LinksRoom = field(init=False)

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
        return self._links_room.operations()

    def rooms(self, trial: SiteTrial) -> Sequence[Mountable]:
        return [self._links_room]
