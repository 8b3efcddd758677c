"""What a password may be, decided with its reasons; how it is kept is adapters/passwords.py.

The rules are those of NIST SP 800-63B §5.1.1.2: length, and not what everybody tries first; no classes of characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from nbhostd.core.errors import Refused

SHORTEST = 10
"""Code points."""
LONGEST = 1024
"""Bytes of UTF-8: more would only cost time."""

_FEWEST_DIFFERENT = 5
_SHORTEST_PERSONAL = 4
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
    "qwertzuiopasdfghjklyxcvbnm",
)  # fmt: skip
# A small list on purpose: what people try first in English and French, digits and signs around it left out. A
# password of ten characters that is in a list of millions passes; guessing it takes long enough at our login.
_WORDS = """
    admin administrateur administrator azerty azertyuiop bienvenue bonjour changeit changeme changemoi chocolat
    computer default doudou etudiant football iloveyou jetaime jupyter letmein loulou marseille mercredi motdepasse
    motdepass nbhosting nbhostd notebook ordinateur passe passphrase passw passwd password passwort princess princesse
    python pythonpython qwerty qwertyuiop qwertz secret secretsecret soleil student sunshine superman teacher
    testtest trustno universite university vacances welcome whatever
"""
_COMMON = frozenset(_WORDS.split())
_AROUND = "0123456789 \t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§€£°"
_LEET = str.maketrans("4@310$5!7", "aaeiossit")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of looking at a password: whether it is right, and whether it should be kept anew, in today's way."""

    good: bool
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a password may be chosen; if not, why, as stable words."""

    reasons: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def demand(self) -> None:
        """Return when it may be chosen. Raises Refused(400) with the first reason."""
        if self.reasons:
            raise Refused(MESSAGES[self.reasons[0]], reason=self.reasons[0])


MESSAGES = {
    "password-too-short": f"A password has at least {SHORTEST} characters.",
    "password-too-long": f"A password has at most {LONGEST} bytes.",
    "password-personal": "A password is not made from the person’s name or e-mail address.",
    "password-common": "This password is among the first that anybody would try.",
}
"""A sentence for each reason."""


def judge_password(text: str, personal: Collection[str] = ()) -> Choice:
    """May this be somebody's password? `personal` is what others know of them: account's name, e-mail, names."""
    reasons = []
    if len(text) < SHORTEST:
        reasons.append("password-too-short")
    if len(text.encode(errors="surrogatepass")) > LONGEST:
        return Choice((*reasons, "password-too-long"))
    bare = _bare(text)
    if _is_personal(bare, personal):
        reasons.append("password-personal")
    if _is_common(text, bare):
        reasons.append("password-common")
    return Choice(tuple(reasons))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _bare(text: str) -> frozenset[str]:
    """The word in a password, without the digits and signs around it; read as it is, and with `pa$$w0rd` as a word."""
    folded = _folded(text)
    word = folded.strip(_AROUND)
    readings = {folded, word, word.translate(_LEET)}
    return frozenset((readings | {"".join(c for c in reading if c.isalnum()) for reading in readings}) - {""})


def _is_personal(bare: frozenset[str], personal: Collection[str]) -> bool:
    known = set()
    for item in map(_folded, personal):
        known |= {item, item.partition("@")[0], *item.replace("@", " ").replace(".", " ").split()}
    known |= {"".join(c for c in item if c.isalnum()) for item in known}
    known = {item for item in known if len(item) >= _SHORTEST_PERSONAL}
    return any(word in (item, item * 2, item[::-1]) for word in bare for item in known)


def _is_common(text: str, bare: frozenset[str]) -> bool:
    if len(set(text)) < _FEWEST_DIFFERENT:
        return True
    return any(word in _COMMON or _repeats(word) or _is_row(word) for word in bare)


def _repeats(word: str) -> bool:
    """Whether it is one short piece again and again."""
    return len(word) >= SHORTEST and any(
        len(word) % size == 0 and word[:size] * (len(word) // size) == word for size in range(1, 5)
    )


def _is_row(word: str) -> bool:
    """Whether it is a walk along a row of keys, the alphabet or the digits, one way or the other."""
    return len(word) >= 6 and any(word in row or word[::-1] in row for row in _ROWS)
