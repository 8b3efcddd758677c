"""Letters, handed to the site's mail server by SMTP (RFC 5321): plain text, UTF-8, one recipient each."""

from __future__ import annotations

import re
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr

import aiosmtplib

from nbhostd.core.config import Config, Mail
from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.mailtext import Letter
from nbhostd.core.ports import Clock

_TIMEOUT = 20.0
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_GOING_DOWN = 421
_ADDRESS = re.compile(r"([^\s@<>,;:\"()\[\]\\]{1,64})@([^\s@<>,;:\"()\[\]\\]{1,190})")


@dataclass(slots=True)
class _Line:
    """The connection of a batch: servers end one when they like, for instance after a hundred letters."""

    client: aiosmtplib.SMTP | None = None

    async def take(self, message: EmailMessage) -> bool:
        """Whether the connection that there is took the letter; it did not when it has ended."""
        if self.client is None or not self.client.is_connected:
            return False
        try:
            await self.client.send_message(message)
        except aiosmtplib.SMTPServerDisconnected:
            return False
        except aiosmtplib.SMTPResponseException as error:
            if error.code != _GOING_DOWN:
                raise
            await self.hang_up()
            return False
        return True

    async def hang_up(self) -> None:
        """End the connection, if there is one."""
        client, self.client = self.client, None
        if client is not None and client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            client.close()


_LINE: ContextVar[_Line | None] = ContextVar("line", default=None)


class SmtpMailer:
    """Satisfies core.ports_people.Mailer; a connection for each letter or batch, settings as they are at that moment."""

    def __init__(
        self, config: Callable[[], Config], password: str, clock: Clock,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:  # fmt: skip
        self._config = config
        self._password = password
        self._clock = clock
        self._tls = tls

    def is_set_up(self) -> bool:
        """Whether the site has a mail server at all."""
        return bool(self._config().mail.host)

    async def send(self, letter: Letter) -> None:
        """Hand the letter to the mail server."""
        settings = self._config().mail
        if not settings.host:
            raise Refused("This site has no mail server.", status=409, reason="no-mail")
        message = self._message(letter)
        try:
            await self._hand_over(message, settings)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPRecipientRefused) as error:
            detail = repr(error)[:500]
            raise WorldError(
                "The mail server does not take letters for this address.", detail=detail
            ) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            detail = repr(error)[:500]
            raise NotNow("The mail server takes no letters now.", retry_after=300, detail=detail) from error

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """What this task sends inside goes over one connection, made at the first letter. Never raises."""
        line = _Line()
        before = _LINE.set(line)
        try:
            yield
        finally:
            _LINE.reset(before)
            await line.hang_up()

    async def _hand_over(self, message: EmailMessage, settings: Mail) -> None:
        line = _LINE.get()
        if line is None:
            async with self._client(settings) as client:
                await client.send_message(message)
        elif not await line.take(message):
            line.client = self._client(settings)
            await line.client.connect()
            await line.client.send_message(message)

    def _client(self, settings: Mail) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port or _PORTS[settings.security],
            username=settings.username or None,
            password=self._password if settings.username else None,
            # Else it would ask the resolver for our own name, and block while it waits.
            local_hostname=self._sender().domain,
            timeout=_TIMEOUT,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=None if settings.security == "none" else self._tls(),
        )

    def _sender(self) -> Address:
        settings = self._config()
        name, address = parseaddr(settings.mail.sender)
        return _address(address or f"no-reply@{settings.server.host}", name)

    def _message(self, letter: Letter) -> EmailMessage:
        """The letter with its headers (RFC 5322). Raises Refused(400) for what cannot be an address."""
        sender = self._sender()
        message = EmailMessage(policy=WIRE)
        message["From"] = sender
        message["To"] = _address(letter.to)
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(letter.body, charset="utf-8", cte="quoted-printable")
        message["Content-Language"] = " ".join(
            letter.language.split()
        )  # set_content() begins these headers anew
        return message


def _address(text: str, name: str = "") -> Address:
    found = _ADDRESS.fullmatch(text)
    try:
        if found is None or not text.isprintable():
            raise ValueError(text)
        return Address(name, found[1], found[2].encode("idna").decode())
    except (ValueError, UnicodeError) as error:
        raise Refused("This is not an e-mail address.", reason="bad-email") from error
