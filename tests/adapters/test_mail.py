"""Letters, to a real SMTP server: what arrives, by which way, and what becomes of every no."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from nbhostd.adapters.mail import SmtpMailer
from nbhostd.core.config import Config, Mail, Server
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.mailtext import Letter
from nbhostd.core.ports_people import Mailer
from tests.adapters.certificates import a_certificate, of_a_server, who_trusts
from tests.fakes.host import FakeClock
from tests.fakes.mail import FakeMailer

LETTER = Letter(
    "zoe@example.org", "Votre compte, Zoé", "Bonjour Zoé,\n\n" + "x" * 200 + "\n.\nFrom me\n", "fr"
)


@dataclass
class Postbox:
    """What the server was given; `no` is what it answers to a recipient's command."""

    letters: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    no: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    most: int = 1000
    """Letters after which the server ends a connection."""
    tired: bool = False
    """Whether it says 421 to a second letter on the same connection."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's names
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.no:
            return self.no[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.tired and len(self.letters) == self.connections:
            return "421 that is enough"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.letters.append(envelope)
        if len(self.letters) % self.most == 0:
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 OK"

    def authenticate(
        self, server: Any, session: Any, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == b"s3cret", handled=False)

    def only(self) -> tuple[Envelope, EmailMessage]:
        (envelope,) = self.letters
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        return envelope, message


@asynccontextmanager
async def serving(
    box: Postbox, *, ssl_context: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[Mail]:
    """A mail server; the settings that lead to it."""
    loop = asyncio.get_running_loop()

    def answer() -> SMTP:
        box.connections += 1
        return SMTP(box, hostname="mail.example.org", loop=loop, **options)

    server = await loop.create_server(answer, "127.0.0.1", 0, ssl=ssl_context)
    async with server:
        yield Mail(host="localhost", security="none", port=server.sockets[0].getsockname()[1])


def mailer(settings: Mail, password: str = "", tls: Callable[[], ssl.SSLContext] | None = None) -> SmtpMailer:
    config = Config(server=Server(public_url="https://notebooks.example.org"), mail=settings)
    return SmtpMailer(lambda: config, password, FakeClock(), tls or ssl.create_default_context)


class MailerContract:
    async def test_a_letter_is_taken(self, there: Mailer) -> None:
        assert there.is_set_up()
        await there.send(LETTER)

    @pytest.mark.parametrize("to", ["nobody", "a@b.org\r\nBcc: c@d.org", ""])
    async def test_what_is_no_address_is_refused(self, there: Mailer, to: str) -> None:
        with pytest.raises(Refused) as caught:
            await there.send(replace(LETTER, to=to))
        assert caught.value.reason == "bad-email"

    async def test_in_a_batch_each_letter_is_taken_or_refused_by_itself(self, there: Mailer) -> None:
        async with there.batch():
            await there.send(LETTER)
            with pytest.raises(Refused):
                await there.send(replace(LETTER, to="nobody"))
            await there.send(LETTER)

    async def test_a_site_without_a_mail_server_says_so(self, absent: Mailer) -> None:
        assert not absent.is_set_up()
        with pytest.raises(Refused) as caught:
            await absent.send(LETTER)
        assert caught.value.reason == "no-mail"


class TestFakeMailer(MailerContract):
    @pytest.fixture
    def there(self) -> Mailer:
        return FakeMailer()

    @pytest.fixture
    def absent(self) -> Mailer:
        return FakeMailer(there=False)


class TestSmtpMailer(MailerContract):
    @pytest.fixture
    async def there(self) -> AsyncIterator[Mailer]:
        async with serving(Postbox()) as settings:
            yield mailer(settings)

    @pytest.fixture
    def absent(self) -> Mailer:
        return mailer(Mail())


async def test_what_arrives_is_the_letter_with_its_headers() -> None:
    box = Postbox()
    async with serving(box) as settings:
        await mailer(settings).send(LETTER)
    envelope, message = box.only()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@notebooks.example.org", ["zoe@example.org"])
    assert message.get_content().replace("\r\n", "\n") == LETTER.body
    assert message.get_content_type() == "text/plain"
    assert message["Subject"] == LETTER.subject
    assert message["To"] == "zoe@example.org"
    assert message["Date"].datetime == FakeClock().now()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert message["Message-ID"].endswith("@notebooks.example.org>")
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    assert max(map(len, envelope.content.splitlines())) <= 78


async def test_two_letters_have_two_numbers() -> None:
    box = Postbox()
    async with serving(box) as settings:
        for _ in range(2):
            await mailer(settings).send(LETTER)
    assert len({message_from_bytes(one.content)["Message-ID"] for one in box.letters}) == 2  # type: ignore[arg-type]


async def test_the_sender_is_the_one_that_was_set() -> None:
    box = Postbox()
    async with serving(box) as settings:
        await mailer(replace(settings, sender="L’équipe des notebooks <nb@example.org>")).send(LETTER)
    envelope, message = box.only()
    assert envelope.mail_from == "nb@example.org"
    assert message["From"].addresses[0].display_name == "L’équipe des notebooks"


async def test_a_domain_of_any_script_is_written_for_the_wire() -> None:
    box = Postbox()
    async with serving(box) as settings:
        await mailer(settings).send(replace(LETTER, to="zoe@école.example.org"))
    assert box.only()[0].rcpt_tos == ["zoe@xn--cole-9oa.example.org"]


@pytest.mark.parametrize("field_", ["to", "subject", "language"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85"])
async def test_no_field_becomes_a_header(field_: str, end: str) -> None:
    box = Postbox()
    hostile = replace(LETTER, **{field_: f"x@y.org{end}Bcc: victim@example.org{end}{end}body"})
    async with serving(box) as settings:
        try:
            await mailer(settings).send(hostile)
        except (Refused, NotNow):
            assert not box.letters
            return
    envelope, message = box.only()
    assert envelope.rcpt_tos == ["zoe@example.org"]
    assert message["Bcc"] is None
    assert message.get_content().replace("\r\n", "\n") == LETTER.body


async def test_a_password_goes_through_starttls_only_and_is_taken(tmp_path: Path) -> None:
    box, file = Postbox(), a_certificate(tmp_path)
    options: dict[str, Any] = {
        "authenticator": box.authenticate, "auth_required": True, "require_starttls": True,
        "tls_context": of_a_server(file),
    }  # fmt: skip
    async with serving(box, **options) as settings:
        safe = replace(settings, security="starttls", username="nb")
        await mailer(safe, "s3cret", lambda: who_trusts(file)).send(LETTER)
        assert box.logins == [(b"nb", b"s3cret")]
        with pytest.raises(NotNow) as caught:
            await mailer(safe, "wrong", lambda: who_trusts(file)).send(LETTER)
    assert len(box.letters) == 1
    assert "wrong" not in str(caught.value)


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    box, file = Postbox(), a_certificate(tmp_path)
    async with serving(box, ssl_context=of_a_server(file)) as settings:
        await mailer(replace(settings, security="tls"), tls=lambda: who_trusts(file)).send(LETTER)
    assert len(box.letters) == 1


async def test_a_server_that_lost_its_tls_gets_neither_letter_nor_password() -> None:
    box = Postbox()
    async with serving(box, authenticator=box.authenticate, auth_require_tls=False) as settings:
        with pytest.raises(NotNow):
            await mailer(replace(settings, security="starttls", username="nb"), "s3cret").send(LETTER)
    assert (box.letters, box.logins) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_with_somebody_elses_certificate_gets_nothing(tmp_path: Path, security: str) -> None:
    box, other = Postbox(), a_certificate(tmp_path, "mail.example.net")
    options: dict[str, Any] = {"ssl_context" if security == "tls" else "tls_context": of_a_server(other)}
    async with serving(box, **options) as settings:
        for trust in (lambda: who_trusts(other), ssl.create_default_context):
            with pytest.raises(NotNow):
                await mailer(replace(settings, security=security), tls=trust).send(LETTER)
    assert box.letters == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("550 no such user", WorldError), ("450 greylisted", WorldError), ("421 going down", NotNow)],
)
async def test_one_refused_address_is_told_from_a_server_that_takes_nothing(
    answer: str, kind: type[NbhostdError]
) -> None:
    box = Postbox(no={"zoe@example.org": answer})
    async with serving(box) as settings:
        with pytest.raises((WorldError, NotNow)) as caught:
            await mailer(settings).send(LETTER)
    assert isinstance(caught.value, WorldError if kind is WorldError else (WorldError, NotNow))
    assert "greylisted" not in caught.value.message


async def test_a_server_that_is_not_there_is_not_there_now() -> None:
    async with serving(Postbox()) as settings:
        pass
    with pytest.raises(NotNow):
        await mailer(settings).send(LETTER)


async def test_a_batch_is_one_connection_and_a_refused_address_does_not_end_it() -> None:
    box = Postbox(no={"gone@example.org": "550 no such user"})
    async with serving(box) as settings:
        post = mailer(settings)
        async with post.batch():
            for to in ("a@example.org", "gone@example.org", "b@example.org"):
                try:
                    await post.send(replace(LETTER, to=to))
                except WorldError:
                    assert to == "gone@example.org"
        assert box.connections == 1
        await post.send(LETTER)
    assert (len(box.letters), box.connections) == (3, 2)


async def test_a_batch_goes_on_when_the_server_wants_no_more_on_this_connection() -> None:
    box = Postbox(tired=True)
    async with serving(box) as settings:
        post = mailer(settings)
        async with post.batch():
            for _ in range(3):
                await post.send(LETTER)
    assert (len(box.letters), box.connections) == (3, 3)


async def test_a_batch_goes_on_when_the_server_ends_the_connection() -> None:
    box = Postbox(most=2)
    async with serving(box) as settings:
        post = mailer(settings)
        async with post.batch():
            for number in range(5):
                await post.send(replace(LETTER, to=f"{number}@example.org"))
    assert [box.letters[n].rcpt_tos for n in range(5)] == [[f"{n}@example.org"] for n in range(5)]
    assert (len(box.letters), box.connections) == (5, 3)


async def test_letters_of_others_do_not_go_into_a_batch() -> None:
    box = Postbox()
    async with serving(box) as settings:
        post = mailer(settings)
        others = asyncio.Event()

        async def another() -> None:
            await others.wait()
            await post.send(LETTER)

        task = asyncio.gather(another())
        async with post.batch():
            await post.send(LETTER)
            others.set()
            await task
    assert box.connections == 2


async def test_a_batch_without_a_letter_connects_to_nobody() -> None:
    box = Postbox()
    async with serving(box) as settings, mailer(settings).batch():
        pass
    assert box.connections == 0
