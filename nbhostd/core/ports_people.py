"""What services ask of the outside world about people: passwords kept safe, letters sent, other sites' logins."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from nbhostd.core.mailtext import Letter, LetterKind, MailText
from nbhostd.core.openid import Arrival, Departure, Identity
from nbhostd.core.passwords import Checked


class Passwords(Protocol):
    """Passwords, made into what may be kept of them. Raises NotNow when too many wait already."""

    async def hash(self, text: str) -> str:
        """What to keep of a password; never the same twice."""

    async def verify(self, text: str, stored: str) -> Checked:
        """Whether it is the password of which `stored` was kept.

        With '', '!' and whatever is not understood no password is right, and finding that out takes as long.
        """


class Mailer(Protocol):
    """The site's mail server."""

    def is_set_up(self) -> bool:
        """Whether the site has one at all."""

    def batch(self) -> AbstractAsyncContextManager[None]:
        """What this task sends inside goes over one connection, made at the first letter. Never raises."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter to the mail server.

        Raises Refused(409) when there is none and Refused(400) for what is no address; WorldError when this letter is not
        taken, NotNow when none is.
        """


class MailTexts(Protocol):
    """The texts that letters are made from."""

    async def read(self, kind: LetterKind, language: str) -> MailText:
        """The text of a kind of letter; in English where the language has none. Raises WorldError for a faulty one."""


class IdentityProvider(Protocol):
    """Another site where people log in. Raises WorldError when it cannot be asked, or what it says is not to be believed."""

    def is_set_up(self) -> bool:
        """Whether there is one at all."""

    async def departure_url(self, departure: Departure, redirect_uri: str) -> str:
        """Where the browser is sent to log in; it comes back to `redirect_uri`."""

    async def identity(self, departure: Departure, arrival: Arrival, redirect_uri: str) -> Identity:
        """Who came back from that departure."""
