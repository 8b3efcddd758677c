"""Sentences with their parts."""

from __future__ import annotations

from nbhostd.core.remarks import Remark
from nbhostd.core.said import Said
from nbhostd.web.languages import said

FRENCH = {
    "{what} must be a list, “- …”": "{what} doit être une liste",
    "a track": "un parcours",
    "the file is empty": "le fichier est vide",
    "line {line}: {what}": "ligne {line} : {what}",
}


def french(message: str) -> str:
    return FRENCH.get(message, message)


def test_it_is_english_and_its_parts_are_translated() -> None:
    text = Said("{what} must be a list, “- …”", what=Said("a track"))
    assert text == "a track must be a list, “- …”"
    assert said(text, french) == "un parcours doit être une liste"


def test_what_somebody_wrote_is_no_template_and_not_translated() -> None:
    text = Said("{what} must be a list, “- …”", what="a track {line.__class__}")
    assert text == "a track {line.__class__} must be a list, “- …”"
    assert said(text, french) == "a track {line.__class__} doit être une liste"
    assert said("the file is empty", french) == "the file is empty"


def test_a_remark_says_its_line() -> None:
    assert said(Remark("empty"), french) == "le fichier est vide"
    assert said(Remark("empty", 3), french) == "ligne 3 : le fichier est vide"
    assert Remark("empty", 3) == "line 3: the file is empty"
