"""Letters to people: the right text in the right language, filled in and handed to the mail server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from urllib.parse import urlsplit

from babel.dates import format_datetime

from nbhostd.core.mailtext import LetterKind
from nbhostd.core.people import User
from nbhostd.core.ports_people import Mailer, MailTexts

_EXPIRES = "d MMMM y, HH:mm 'UTC'"


class Letters:
    """Writes and sends."""

    def __init__(self, mailer: Mailer, texts: MailTexts, public_url: Callable[[], str]) -> None:
        self._mailer = mailer
        self._texts = texts
        self._public_url = public_url

    def are_possible(self) -> bool:
        """Whether the site has a mail server."""
        return self._mailer.is_set_up()

    def batch(self) -> AbstractAsyncContextManager[None]:
        """What this task sends inside is handed over together; each letter is still taken or refused by itself."""
        return self._mailer.batch()

    async def send(
        self, user: User, kind: LetterKind, link: str, expires: datetime, language: str = "en"
    ) -> None:
        """Send somebody a link, in their language, or else in the one given.

        Raises Refused (no mail server, no address), WorldError for this letter, NotNow when none is taken.
        """
        language = user.language or language
        text = await self._texts.read(kind, language)
        site = self._public_url()
        values = {
            "username": str(user.name),
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "full_name": user.full_name,
            "server_name": urlsplit(site).hostname or "",
            "web_address": site,
            "link": link,
            "expires": format_datetime(expires, _EXPIRES, locale="fr" if language == "fr" else "en"),
        }
        await self._mailer.send(text.letter(user.email, values, language))
