"""Every message of the pages, as extracted from templates and code."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir

from nbhostd.web.languages import read_language

ROOT = Path(__file__).parents[2]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "NN_": (1, 2), "Said": (1,)}
_SOURCES: tuple[tuple[str, list[tuple[str, str]], dict[str, dict[str, str]]], ...] = (
    ("templates", [("**.html", "jinja2")], {"**.html": {"trimmed": "true", "newstyle_gettext": "true"}}),
    ("nbhostd/web", [("**.py", "python")], {}),
    ("nbhostd/core", [("**.py", "python")], {}),
)


def extracted() -> Catalog:
    """The messages that pages may show."""
    catalogue = Catalog(fuzzy=False)
    for folder, methods, options in _SOURCES:
        found = extract_from_dir(ROOT / folder, methods, options, keywords=_KEYWORDS)
        for file, _line, message, _comments, _context in found:
            catalogue.add(message, locations=[(f"{folder}/{file}", 1)])
    return catalogue


def translated(language: str) -> Catalog:
    """A catalogue as it is in the repository, all its files."""
    return read_language(ROOT / "templates/locale" / language)
