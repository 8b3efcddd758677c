"""A mail server that keeps what it is given: the second implementation of core.ports_people.Mailer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.mailtext import Letter, LetterKind, MailText


@dataclass
class FakeMailer:
    there: bool = True
    sent: list[Letter] = field(default_factory=list)
    troubles: dict[str, NbhostdError] = field(default_factory=dict)
    """What is raised for a recipient."""
    batches: list[int] = field(default_factory=list)
    """Of each batch, how many letters."""
    _in_batch: bool = False

    def is_set_up(self) -> bool:
        return self.there

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        self.batches.append(0)
        self._in_batch = True
        yield
        self._in_batch = False

    async def send(self, letter: Letter) -> None:
        if not self.there:
            raise Refused("This site has no mail server.", status=409, reason="no-mail")
        if letter.to in self.troubles:
            raise self.troubles[letter.to]
        if "@" not in letter.to or not letter.to.isprintable():
            raise Refused("This is not an e-mail address.", reason="bad-email")
        self.sent.append(letter)
        if self._in_batch:
            self.batches[-1] += 1


class FakeMailTexts:
    async def read(self, kind: LetterKind, language: str) -> MailText:
        return MailText(f"{kind} {language}", "{username} {link} {expires}\n")
