"""The doors: every way to a first session (links, letters, another site's login), introduced to each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbhostd.adapters.mail import SmtpMailer
from nbhostd.adapters.mailtexts import MailTextFiles
from nbhostd.services.letters import Letters
from nbhostd.services.links import Links
from nbhostd.services.tasks import Tasks
from nbhostd.web.app import Mountable
from nbhostd.web.control import Room
from nbhostd.web.control_audit import ControlAudit
from nbhostd.web.control_people import PeopleControl
from nbhostd.web.links import LinksRoom

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
        self.note = ControlAudit(dashboard.audit, house.clock)

    def open(self) -> None:
        """Introduce the rooms, once the dashboard has its own."""
        dashboard = self._dashboard
        login = dashboard.login
        login.by_mail = self.letters.are_possible
        self._room = LinksRoom(
            dashboard.site, login, self.links, dashboard.entrance, dashboard.audit, self._house.clock
        )
        dashboard.operations.add(self._room.operations())

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return [self._room]

    def control(self) -> list[Callable[[Tasks], Room]]:
        """What nbhostctl reaches."""
        people, entrance = self._dashboard.people, self._dashboard.entrance
        return [lambda _: PeopleControl(people, entrance, self.links, self.note)]

    def _public_url(self) -> str:
        return self._house.config().server.public_url
