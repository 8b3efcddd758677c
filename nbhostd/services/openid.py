"""Logging in at another site: which account an identity of its provider belongs to, and whether it may have one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from nbhostd.core.config import OpenId
from nbhostd.core.errors import Refused
from nbhostd.core.names import StudentName, folded_name
from nbhostd.core.openid import Arrival, Departure, Identity
from nbhostd.core.people import User
from nbhostd.core.ports_accounts import People as Book
from nbhostd.core.ports_people import IdentityProvider
from nbhostd.core.sessions import secret_text
from nbhostd.services.people import People, UserChanges

log = logging.getLogger(__name__)

CALLBACK = "/login/openid/callback"


class OtherLogin:
    """Sends people to the provider, and knows them when they come back."""

    def __init__(
        self, provider: IdentityProvider, people: People, book: Book, settings: Callable[[], OpenId],
        public_url: Callable[[], str], random: Callable[[int], bytes], has_files: Callable[[StudentName], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._provider = provider
        self._people = people
        self._book = book
        self._settings = settings
        self._public_url = public_url
        self._random = random
        self._has_files = has_files

    def is_offered(self) -> bool:
        """Whether there is another site to log in at."""
        return self._provider.is_set_up()

    @property
    def label(self) -> str:
        """What the other site is called."""
        settings = self._settings()
        return settings.label or urlsplit(settings.issuer).hostname or ""

    async def depart(self, next: str, *, join: str = "") -> tuple[Departure, str]:
        """What the browser leaves with, and where to. Raises Refused(404), WorldError."""
        state, nonce, verifier = (secret_text(self._random(32)) for _ in range(3))
        departure = Departure(state, nonce, verifier, next, join)
        return departure, await self._provider.departure_url(departure, self._redirect_uri)

    async def arrive(self, departure: Departure, query: Mapping[str, str]) -> User:
        """Whose account it is that comes back. Raises Refused (400, 403, 409), WorldError."""
        arrival = Arrival.parse(query, departure)
        identity = await self._provider.identity(departure, arrival, self._redirect_uri)
        self._demand_domain(identity)
        known = await self._book.user_of_identity(identity.issuer, identity.subject)
        if departure.join:
            return await self._join(identity, StudentName.parse(departure.join), known)
        return known or await self._by_address(identity) or await self._new(identity)

    @property
    def _redirect_uri(self) -> str:
        return self._public_url() + CALLBACK

    def _demand_domain(self, identity: Identity) -> None:
        wanted = self._settings().email_domains
        if wanted and not (identity.email_verified and _domain(identity.email) in wanted):
            log.info("OpenID: %s is not in a domain that may log in", identity.subject)
            raise Refused("This login is not for people of your address.", status=403, reason="openid-domain")

    async def _by_address(self, identity: Identity) -> User | None:
        """The account with that verified address, in a domain that is believed; joined from now on.

        One that this provider knows already is somebody else's: addresses are given out again, subjects are not.
        """
        if not self._settings().email_domains or not identity.email_verified:
            return None
        found = await self._people.by_email(identity.email)
        if not found:
            return None
        if len(found) > 1 or await self._is_joined(found[0], identity.issuer):
            raise _name_taken()
        await self._add(identity, found[0])
        return found[0]

    async def _new(self, identity: Identity) -> User:
        if not self._settings().create_accounts:
            log.info("OpenID: %s has no account here", identity.subject)
            raise Refused("You have no account here.", status=403, reason="openid-stranger")
        name = folded_name(identity.username.partition("@")[0])
        if not name or await self._is_taken(StudentName(name)):
            raise _name_taken()
        # An address that nobody has looked at could be anybody's: letters and logins go by addresses here.
        email = identity.email if identity.email_verified else ""
        changes = UserChanges(email=email, first_name=identity.first_name, last_name=identity.last_name)
        user = await self._people.create(StudentName(name), changes)
        await self._add(identity, user)
        return user

    async def _is_taken(self, name: StudentName) -> bool:
        """Whether this name is somebody's already: an account's, or a student's who came from a platform and has files."""
        taken = {user.name.casefold() for user in await self._people.users()}
        return name.casefold() in taken or await self._has_files(name)

    async def _join(self, identity: Identity, name: StudentName, known: User | None) -> User:
        user = await self._people.get(name)
        if known is not None and known.number != user.number:
            raise Refused("This login belongs to another account.", status=409, reason="openid-joined")
        await self._add(identity, user)
        return user

    async def _is_joined(self, user: User, issuer: str) -> bool:
        return any(known == issuer for known, _ in await self._book.identities_of(user.number))

    async def _add(self, identity: Identity, user: User) -> None:
        await self._book.add_identity(user.number, identity.issuer, identity.subject)
        log.info("OpenID: %s logs in as %s from now on", identity.subject, user.name)


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


def _name_taken() -> Refused:
    return Refused("There is already another account with your name.", status=409, reason="openid-name-taken")
