"""Which of many names a person means: a plain word is one name, exactly; only `*` and `?` make it a pattern."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WILD = {"*": ".*", "?": "."}


@dataclass(frozen=True, slots=True)
class Selection:
    """The names that were meant, in the order of the names, and the words that mean none of them."""

    names: tuple[str, ...]
    strangers: tuple[str, ...] = ()


def is_pattern(word: str) -> bool:
    """Whether a word may mean several names."""
    return any(wild in word for wild in _WILD)


def means(word: str, name: str) -> bool:
    """Whether a word means a name: the same letters, `*` for any number of any, `?` for one of any."""
    wanted = unicodedata.normalize("NFC", word)
    if not is_pattern(wanted):
        return wanted == name
    pattern = "".join(_WILD.get(letter) or re.escape(letter) for letter in wanted)
    return re.fullmatch(pattern, name, re.DOTALL) is not None


def select(words: Sequence[str], names: Iterable[str]) -> Selection:
    """Every name that a word means, each once; a word that means none is told apart, never passed over."""
    known = tuple(names)
    chosen = tuple(name for name in known if any(means(word, name) for word in words))
    return Selection(chosen, tuple(word for word in words if not any(means(word, name) for name in known)))


def finds(pattern: str, text: str) -> bool:
    """Whether one of the words between `|` is in a text, whatever their case; `*` and `.*` stand for anything between.

    `^` and `$` tie a word to the text's beginning and end. It reads what a browser sends, so it is no regular expression.
    """
    words = [word for word in (part.strip() for part in pattern.split("|")) if word]
    return not words or any(_is_in(word.casefold(), text.casefold()) for word in words)


def _is_in(word: str, text: str) -> bool:
    first, last = word.startswith("^"), word.endswith("$")
    pieces = word.removeprefix("^").removesuffix("$").replace(".*", "*").split("*")
    if first and not text.startswith(pieces[0]):
        return False
    if last and not text.endswith(pieces[-1]):
        return False
    place = 0
    for piece in pieces:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True
