"""The kit: every part is valid HTML in both languages, keeps strangers' words dead, and leaves no variable open."""

from __future__ import annotations

import re
from pathlib import Path

import html5lib
import pytest
from aiohttp.test_utils import make_mocked_request

from tests.web.gallery.serve import HERE, ROOMS, Gallery
from tests.web.trial import HTML, TEMPLATES

ICONS = set(re.findall(r'<symbol id="(\w+)"', (TEMPLATES / "assets/icons.svg").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery()


def _text(gallery: Gallery, room: str, language: str, *, anonymous: bool = False) -> str:
    request = make_mocked_request("GET", f"/{room}", headers=HTML | {"Accept-Language": language})
    return gallery.render(request, room, anonymous=anonymous).text or ""


@pytest.mark.parametrize("anonymous", [False, True], ids=["member", "stranger"])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_valid_and_has_nothing_inline(
    gallery: Gallery, room: str, language: str, anonymous: bool
) -> None:
    text = _text(gallery, room, language, anonymous=anonymous)
    html5lib.HTMLParser(strict=True).parse(text)
    assert f'<html lang="{language}">' in text
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=", text)
    assert set(re.findall(r"#(\w+)\"></use>", text)) <= ICONS
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert sorted(ids) == sorted(set(ids))


def test_a_post_form_has_the_token_and_a_get_form_has_none(gallery: Gallery) -> None:
    for room in ROOMS:
        for method, body in re.findall(
            r'<form[^>]*method="(\w+)"[^>]*>(.*?)</form>', _text(gallery, room, "en"), re.S
        ):
            assert ('name="csrf" value="a-token"' in body) is (method == "post"), body


def test_what_strangers_wrote_is_escaped(gallery: Gallery) -> None:
    text = "".join(_text(gallery, room, "en") for room in ROOMS)
    assert "Ada &lt;Lovelace&gt;" in text
    assert 'data-typed="python &lt;3"' in text
    for alive in ("<Lovelace", "<friends", "<course>", "<pip", "<3"):
        assert alive not in text


def test_every_part_is_in_the_gallery() -> None:
    macros = re.findall(r"{% macro ([a-z]\w*)", (TEMPLATES / "pages/kit.html").read_text(encoding="utf-8"))
    shown = "".join(path.read_text(encoding="utf-8") for path in [*HERE.glob("*.html"), *_layouts()])
    assert [name for name in macros if f"kit.{name}(" not in shown and name not in ("icon", "csrf")] == []


def _layouts() -> list[Path]:
    return [TEMPLATES / "pages/site.html", TEMPLATES / "pages/site_account.html"]


def test_french_is_french(gallery: Gallery) -> None:
    text = _text(gallery, "kit_shows", "fr")
    for said in (
        "Aller au contenu",
        "Se déconnecter",
        "2 sur 12",
        "3 Go",
        "1\N{NARROW NO-BREAK SPACE}234",
        "mars 2026",
    ):
        assert said.replace(" ", "\N{NO-BREAK SPACE}") in text or said in text, said
