"""The doors: every way to a first session (links, letters, another site's login), introduced to each other."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbhostd.adapters.mail import SmtpMailer
from nbhostd.adapters.mailtexts import MailTextFiles
from nbhostd.adapters.oidc import OidcProvider
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.peoplefile import PeopleFile
from nbhostd.core.names import StudentName
from nbhostd.services.letters import Letters
from nbhostd.services.links import Links
from nbhostd.services.openid import OtherLogin
from nbhostd.services.registration import Registration
from nbhostd.services.settling import Settling
from nbhostd.services.tasks import Tasks
from nbhostd.web.app import Mountable
from nbhostd.web.control import Room
from nbhostd.web.control_people import PeopleControl
from nbhostd.web.control_register import RegisterControl
from nbhostd.web.control_settling import SettlingControl
from nbhostd.web.links import LinksRoom
from nbhostd.web.openid import OpenIdRoom
from nbhostd.web.register import RegisterRoom

if TYPE_CHECKING:
    from nbhostd.dashboard import Dashboard
    from nbhostd.house import House

_MAIL_TEXTS = Path("/etc/nbhostd/mail")


class Doors:
    """Who makes accounts and lets people choose passwords."""

    def __init__(self, house: House, dashboard: Dashboard) -> None:
        self._house = house
        self._dashboard = dashboard
        shipped = Path(house.config().paths.share) / "templates/mail"
        mailer = SmtpMailer(house.config, house.credential("mail-password"), house.clock)
        self.letters = Letters(mailer, MailTextFiles(shipped, _MAIL_TEXTS), self._public_url)
        self.links = Links(
            dashboard.entrance, dashboard.people, self.letters, dashboard.passwords, house.clock, house.tasks,
            self._public_url,
        )  # fmt: skip
        provider = OidcProvider(house.config, house.credential("openid-secret"), house.clock)
        self.other_login = OtherLogin(
            provider, dashboard.people, SqlitePeople(house.store.database), lambda: house.config().openid,
            self._public_url, secrets.token_bytes, self._has_files,
        )  # fmt: skip

    def open(self) -> None:
        """Introduce the rooms, once the dashboard has its own."""
        dashboard = self._dashboard
        login = dashboard.login
        login.by_mail = self.letters.are_possible
        self._room = LinksRoom(
            dashboard.site, login, self.links, dashboard.entrance, dashboard.audit, self._house.clock
        )
        self._openid = OpenIdRoom(
            dashboard.site, login, self.other_login, dashboard.entrance, dashboard.audit, self._house.clock,
            self._house.keyring,
        )  # fmt: skip
        people, errands = dashboard.people, dashboard.errands
        self.registration = Registration(people, self.links, dashboard.passwords, self._house.book)
        self._register = RegisterRoom(
            dashboard.site, dashboard.operations, self.registration, errands, people.groups,
            self.letters.are_possible,
        )  # fmt: skip
        dashboard.operations.add(self._register.operations())
        other = self.other_login
        dashboard.account.other_login = lambda: other.label if other.is_offered() else ""
        dashboard.operations.add(self._room.operations())

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return [self._room, self._openid, self._register]

    def control(self) -> list[Callable[[Tasks], Room]]:
        """What nbhostctl reaches."""
        people, entrance = self._dashboard.people, self._dashboard.entrance
        kept = PeopleFile(Path(self._house.config().paths.state) / "import/people.json")
        return [
            lambda _: PeopleControl(people, entrance, self.links),
            lambda tasks: RegisterControl(self.registration, tasks),
            lambda tasks: SettlingControl(Settling(people, kept.read), tasks),
        ]

    async def _has_files(self, name: StudentName) -> bool:
        return any(workspace.id.student == name for workspace in await self._house.store.workspaces())

    def _public_url(self) -> str:
        return self._house.config().server.public_url
