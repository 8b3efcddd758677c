"""The languages of our pages: catalogues read at start, and the one that a browser asks for."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from nbhostd.core.said import N_ as N_
from nbhostd.core.said import Said

SOURCE = "en"
"""The language that messages are written in."""


def NN_(one: str, many: str) -> tuple[str, str]:  # noqa: N802
    """Both forms of a message that counts, as they are."""
    return one, many


def said(text: str, say: Callable[[str], str]) -> str:
    """A sentence of the core in the language of `say`; what has no parts stays as it is."""
    if not isinstance(text, Said):
        return text
    values = {
        name: said(value, say) if isinstance(value, Said) else value for name, value in text.values.items()
    }
    return say(text.template).format(**values) if values else say(text.template)


def read_catalogues(folder: Path) -> dict[str, NullTranslations]:
    """Translations by language, from the files `<language>/*.po`; the source language translates to itself."""
    catalogues: dict[str, NullTranslations] = {SOURCE: NullTranslations()}
    for language in sorted(path for path in folder.iterdir() if path.is_dir()):
        compiled = io.BytesIO()
        write_mo(compiled, read_language(language))
        compiled.seek(0)
        catalogues[language.name] = Translations(compiled)
    return catalogues


def read_language(folder: Path) -> Catalog:
    """One language: its files are parts of one catalogue, each for one area of the pages."""
    whole = Catalog(locale=folder.name)
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=folder.name):
                if message.id:
                    whole[message.id] = message
    return whole


def choose(accept_language: str, known: list[str]) -> str:
    """The known language that Accept-Language (RFC 9110 §12.5.4) likes best; the source language when none."""
    best, best_quality = SOURCE, 0.0
    for item in accept_language[:400].split(","):
        tag, _, parameter = item.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if language in known and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
