"""The entrance: who logs in, with which browser or token, for how long, and who is shown out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.names import StudentName
from nbhostd.core.people import Actor, Scope, User
from nbhostd.core.ports import Clock
from nbhostd.core.ports_accounts import People, Sessions
from nbhostd.core.ports_people import Passwords
from nbhostd.core.sessions import (
    IDLE,
    LINK_LIFETIME,
    SEEN_EVERY,
    TOKEN_PREFIX,
    Link,
    Purpose,
    Session,
    Token,
    digest,
    secret_text,
)
from nbhostd.core.throttle import Throttle

log = logging.getLogger(__name__)

_WRONG = "The name or the password is wrong."
_AGENT = 200


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who has just logged in; `secret` is for the browser's cookie, and kept nowhere."""

    secret: str
    session: Session
    user: User


class Entrance:
    """Makes and reads sessions, links and tokens."""

    def __init__(
        self,
        people: People,
        sessions: Sessions,
        passwords: Passwords,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self._people = people
        self._sessions = sessions
        self._passwords = passwords
        self._clock = clock
        self._random = random
        # Guessing one account's password from one place, from many, and many accounts' from one place. The second is
        # wide: nobody is to be shut out for long by others who guess.
        self._per_pair = Throttle(burst=10, refill=60.0)
        self._per_account = Throttle(burst=60, refill=10.0)
        self._per_address = Throttle(burst=100, refill=3.0)

    # log in and out

    async def log_in(self, name: str, password: str, *, address: str, agent: str) -> Newcomer:
        """Let somebody in by name (or e-mail address) and password.

        Raises Refused(403) with one sentence for every reason, NotNow when there were too many attempts.
        """
        account = name.strip().lower()[:200]
        keys = (
            (self._per_pair, f"{account} {address}"),
            (self._per_account, account),
            (self._per_address, address),
        )
        now = self._clock.monotonic()
        wait = max(throttle.wait(key, now) for throttle, key in keys)
        if wait > 0:
            raise NotNow("Too many attempts to log in; please wait.", retry_after=int(wait) + 1)
        for throttle, key in keys:
            throttle.spend(key, now)
        user = await self._named(name)
        # Somebody who has no account takes as long as a wrong password.
        checked = await self._passwords.verify(password, user.password if user else "")
        if user is None or not user.active or not checked.good:
            log.info("a login from %s was refused", address)
            raise Refused(_WRONG, status=403, reason="wrong-password")
        for throttle, key in keys:
            throttle.forgive(key)
        if checked.outdated:
            await self._people.update_user(replace(user, password=await self._passwords.hash(password)))
        return await self.admit(user, address=address, agent=agent, how="password")

    async def _named(self, name: str) -> User | None:
        """The account that this name or address means; an address of several means none."""
        if "@" in name:
            found = await self._people.users_by_email(name.strip())
            return found[0] if len(found) == 1 else None
        try:
            return await self._people.user(StudentName.parse(name.strip()))
        except Refused:
            return None

    async def admit(self, user: User, *, address: str, agent: str, how: str) -> Newcomer:
        """Let somebody in whose identity is proven. Raises Refused(403) for an account that is shut."""
        if not user.active:
            raise Refused("This account is shut.", status=403, reason="account-shut")
        secret, now = secret_text(self._random(24)), self._clock.now()
        session = Session(digest(secret), user.number, now, now, address[:100], agent[:_AGENT], how)
        await self._sessions.put_session(session)
        await self._people.note_login(user.number, now)
        log.info("%s logged in from %s (%s)", user.name, address, how)
        return Newcomer(secret, session, user)

    async def recognize(self, secret: str) -> tuple[Session, Actor] | None:
        """Whose session a cookie is, or None when it is nobody's (any more)."""
        found = await self._sessions.find(digest(secret)) if secret else None
        if found is None:
            return None
        session, actor = found
        now = self._clock.now()
        if session.is_over(now) or actor.user is None or not actor.user.active:
            return None
        if now - session.seen_at > SEEN_EVERY:
            await self._sessions.seen(session.id, now)
        return session, actor

    async def log_out(self, session: Session) -> None:
        """End a session."""
        await self._sessions.end_session(session.id)

    async def sessions_of(self, user: User) -> list[Session]:
        """Where somebody is logged in."""
        now = self._clock.now()
        return [
            session for session in await self._sessions.sessions_of(user.number) if not session.is_over(now)
        ]

    async def end_sessions(self, user: User, *, but: str = "") -> int:
        """Log somebody out everywhere, but in one session; how many there were."""
        return await self._sessions.end_sessions_of(user.number, but=but)

    # one-time links

    async def make_link(self, user: User, purpose: Purpose, *, by: str) -> str:
        """The secret part of a link with which its bearer chooses a password, once."""
        secret, now = secret_text(self._random(24)), self._clock.now()
        link = Link(digest(secret), user.number, purpose, now, now + LINK_LIFETIME[purpose], by)
        await self._sessions.put_link(link)
        return secret

    async def look_at_link(self, secret: str) -> tuple[Link, User]:
        """Whose link it is; it stays good. Raises Refused(410)."""
        link = await self._sessions.link(digest(secret))
        user = await self._people.user_by_number(link.user) if link else None
        if link is None or user is None or not user.active or self._clock.now() >= link.expires_at:
            raise _link_gone()
        return link, user

    async def use_link(self, secret: str, password: str) -> User:
        """Set the password that its bearer chose; the link is used up. Raises Refused(410)."""
        kept = await self._passwords.hash(password)
        link = await self._sessions.use_link(digest(secret), self._clock.now())
        user = await self._people.user_by_number(link.user) if link else None
        if user is None or not user.active:
            raise _link_gone()
        await self._people.update_user(replace(user, password=kept))
        await self._sessions.end_sessions_of(user.number)
        return user

    # tokens

    async def make_token(
        self, user: User, label: str, scopes: frozenset[Scope], lifetime: timedelta | None
    ) -> tuple[str, Token]:
        """A token of the HTTP API and what is kept of it. Raises Refused(400)."""
        label = " ".join(label.split())
        if not 0 < len(label) <= 100 or not label.isprintable():
            raise Refused("A token needs a name of at most 100 characters.", reason="bad-token-name")
        if not scopes:
            raise Refused("A token needs at least one scope.", reason="no-scope")
        secret, now = TOKEN_PREFIX + secret_text(self._random(24)), self._clock.now()
        expires = now + lifetime if lifetime is not None else None
        token = await self._sessions.create_token(user.number, digest(secret), label, scopes, expires, now)
        return secret, token

    async def recognize_token(self, secret: str) -> Actor | None:
        """Whom a token stands for, or None when it is nobody's (any more)."""
        found = await self._sessions.find_token(digest(secret))
        now = self._clock.now()
        if found is None or found[0].is_over(now) or found[1].user is None or not found[1].user.active:
            return None
        token, actor = found
        if token.last_used is None or now - token.last_used > SEEN_EVERY:
            await self._sessions.token_used(token.number, now)
        return actor

    async def tokens_of(self, user: User) -> list[Token]:
        """Somebody's tokens, the latest first."""
        return await self._sessions.tokens_of(user.number)

    async def revoke_token(self, user: User, number: int) -> None:
        """Forget a token. Raises Refused(404)."""
        if not await self._sessions.revoke_token(user.number, number):
            raise Refused("There is no such token.", status=404, reason="no-such-token")

    async def sweep(self) -> None:
        """Forget what opens nothing any more."""
        now = self._clock.now()
        await self._sessions.sweep(now - IDLE, now)


def _link_gone() -> Refused:
    return Refused("This link was used already, or is too old.", status=410, reason="link-gone")
