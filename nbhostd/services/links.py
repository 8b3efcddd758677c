"""Links with which somebody chooses a password: handed out by a teacher or by mail, looked at, used up once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.mailtext import LetterKind
from nbhostd.core.names import StudentName
from nbhostd.core.passwords import judge_password
from nbhostd.core.people import User
from nbhostd.core.ports import Clock
from nbhostd.core.ports_people import Passwords
from nbhostd.core.sessions import LINK_LIFETIME, Link, Purpose
from nbhostd.core.throttle import Throttle
from nbhostd.services.entrance import Entrance
from nbhostd.services.letters import Letters
from nbhostd.services.people import People
from nbhostd.services.tasks import Tasks

log = logging.getLogger(__name__)

_MOST_ACCOUNTS = 5
"""Accounts of one address that get a letter."""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A link, and whether a letter with it is on its way; if one was wanted and is not, `trouble` says why."""

    user: User
    purpose: Purpose
    url: str
    expires_at: datetime
    mailed: bool = False
    trouble: str = ""
    no_more_mail: bool = False
    """The mail server takes no letter of anybody's now."""


class Links:
    """Hands out and takes back."""

    def __init__(
        self, entrance: Entrance, people: People, letters: Letters, passwords: Passwords, clock: Clock, tasks: Tasks,
        public_url: Callable[[], str],
    ) -> None:  # fmt: skip
        self._entrance = entrance
        self._people = people
        self.letters = letters
        self._passwords = passwords
        self._clock = clock
        self._tasks = tasks
        self._public_url = public_url
        self._per_address = Throttle(burst=10, refill=60.0)
        self._per_account = Throttle(burst=3, refill=600.0)
        self._guesses = Throttle(burst=10, refill=60.0)

    async def hand_out(
        self, user: User, *, by: str, mail: bool = False, language: str = "en", purpose: Purpose | None = None
    ) -> HandedOut:
        """A link for somebody: an invitation until they have had a password, then for a new one. Earlier ones end.

        With `mail` it is also sent; what becomes of the letter is in the answer, never raised: the link is there.
        """
        if purpose is None:
            new = user.last_login is None and not user.password
            purpose = Purpose.INVITATION if new else Purpose.RESET
        secret = await self._entrance.make_link(user, purpose, by=by)
        url = f"{self._public_url()}/link/{secret}"
        handed = HandedOut(user, purpose, url, self._clock.now() + LINK_LIFETIME[purpose])
        return await self.send(handed, language) if mail else handed

    async def send(self, handed: HandedOut, language: str) -> HandedOut:
        """The same, and whether the letter with it is on its way."""
        user, purpose, url, expires = handed.user, handed.purpose, handed.url, handed.expires_at
        try:
            if not user.email:
                raise Refused("This account has no e-mail address.", reason="bad-email")
            await self.letters.send(user, LetterKind(purpose.value), url, expires, language)
        except NbhostdError as error:
            log.warning("no letter to %s: %s", user.name, error)
            return HandedOut(
                user, purpose, url, expires, trouble=error.message, no_more_mail=isinstance(error, NotNow)
            )
        log.info("a letter to %s (%s)", user.name, purpose)
        return HandedOut(user, purpose, url, expires, mailed=True)

    def forgotten(self, name: str, *, address: str, language: str) -> None:
        """Send whoever has this name or e-mail address a link, in the background: nobody sees whether there is anyone.

        Raises NotNow when that browser asked too often.
        """
        now = self._clock.monotonic()
        if (wait := self._per_address.wait(address, now)) > 0:
            raise NotNow("You have asked too often; please wait.", retry_after=int(wait) + 1)
        self._per_address.spend(address, now)
        self._tasks.spawn("forgotten password", self._send_to(name.strip()[:300], language))

    async def _send_to(self, name: str, language: str) -> None:
        for user in await self._meant(name):
            now = self._clock.monotonic()
            if self._per_account.wait(str(user.number), now) == 0:
                self._per_account.spend(str(user.number), now)
                await self.hand_out(user, by=str(user.name), mail=True, language=language)

    async def _meant(self, name: str) -> list[User]:
        if "@" in name:
            found = await self._people.by_email(name)
        else:
            try:
                user = await self._people.find(StudentName.parse(name))
            except Refused:
                user = None
            found = [user] if user else []
        return [user for user in found if user.active and user.email][:_MOST_ACCOUNTS]

    async def look(self, secret: str) -> tuple[Link, User]:
        """Whose link it is, and what for; it stays good. Raises Refused(410)."""
        return await self._entrance.look_at_link(secret)

    async def choose(self, secret: str, password: str) -> User:
        """Set the password that the link's bearer chose, and use the link up. Raises Refused (410, 400)."""
        _, user = await self._entrance.look_at_link(secret)
        judge_password(password, known_of(user)).demand()
        return await self._entrance.use_link(secret, password)

    async def change_own(self, user: User, session: str, old: str, new: str) -> None:
        """Change the own password, which ends the other sessions. Raises Refused: 403 for a wrong one, 400 for a bad one.

        Whoever has no password yet (and came in by another site's login) need not know one.
        """
        if user.password:
            key, now = str(user.number), self._clock.monotonic()
            if (wait := self._guesses.wait(key, now)) > 0:
                raise NotNow("You have asked too often; please wait.", retry_after=int(wait) + 1)
            self._guesses.spend(key, now)
            if not (await self._passwords.verify(old, user.password)).good:
                raise Refused("The present password is wrong.", status=403, reason="wrong-old-password")
            self._guesses.forgive(key)
        await self.set_password(user, new, but_session=session)

    async def set_password(self, user: User, new: str, *, but_session: str = "") -> None:
        """Set somebody's password, which ends their other sessions. Raises Refused(400)."""
        judge_password(new, known_of(user)).demand()
        await self._people.set_password(user, await self._passwords.hash(new), but_session=but_session)


def known_of(user: User) -> tuple[str, ...]:
    """What others know of somebody, and a password is not made from."""
    return (str(user.name), user.email, user.first_name, user.last_name)
