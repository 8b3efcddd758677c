"""The texts of our letters: a subject, a body, and variables in braces, checked before anything is sent.

    Subject: Your account at {server_name}

    Hello {first_name}, …

`{{` and `}}` are plain braces.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from nbhostd.core.errors import ConfigError

VARIABLES = (
    "username", "email", "first_name", "last_name", "full_name", "server_name", "web_address", "link", "expires",
)  # fmt: skip
"""What a text may name: the first seven as the predecessor's letters had them."""

LARGEST = 64 << 10
_SUBJECT = "Subject:"
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class LetterKind(enum.StrEnum):
    """What a letter is for."""

    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it is sent."""

    to: str
    subject: str
    body: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class MailText:
    """A text whose variables are known ones. `MailText.parse` is the way to one."""

    subject: str
    body: str

    @classmethod
    def parse(cls, text: str, name: str) -> MailText:
        """The text in a file of that name. Raises ConfigError with every fault, each with its line."""
        first, _, rest = text.removeprefix("\ufeff").replace("\r\n", "\n").partition("\n")
        faults = []
        if not first.startswith(_SUBJECT) or not first.removeprefix(_SUBJECT).strip():
            faults.append(f"{name}, line 1: must be “{_SUBJECT} …”")
        elif not rest.strip():
            faults.append(f"{name}, line 2: the letter is empty")
        faults += _faults(text, name)
        if faults:
            raise ConfigError(tuple(faults))
        return cls(first.removeprefix(_SUBJECT).strip(), rest.strip("\n") + "\n")

    def letter(self, to: str, values: Mapping[str, str], language: str) -> Letter:
        """The letter with each variable's value, of which every one is a single line."""
        plain = {name: _one_line(value) for name, value in values.items()}
        return Letter(to, _one_line(_fill(self.subject, plain)), _fill(self.body, plain), language)


def _faults(text: str, name: str) -> list[str]:
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        for piece in _PIECE.finditer(line):
            if piece[0] in ("{", "}"):
                faults.append(f"{name}, line {number}: “{piece[0]}” alone; a plain brace is written twice")
            elif piece[1] is not None and piece[1] not in VARIABLES:
                known = ", ".join(VARIABLES)
                faults.append(f"{name}, line {number}: “{piece[0][:40]}” is no variable; known are {known}")
    return faults


def _fill(text: str, values: Mapping[str, str]) -> str:
    def value(piece: re.Match[str]) -> str:
        return piece[0][0] if piece[1] is None else values.get(piece[1], "")

    return _PIECE.sub(value, text)


def _one_line(text: str) -> str:
    """The text without what could begin a line of its own, or hide or turn round what is read."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text
    ).strip()
