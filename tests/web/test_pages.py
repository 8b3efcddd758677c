"""Pages: two languages, complete; two forms, page and JSON; nothing of a visitor's input comes back alive."""

from __future__ import annotations

import re

import html5lib
import pytest
from aiohttp.test_utils import make_mocked_request

from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.web import faults
from nbhostd.web.faults import Fault, fault_of
from nbhostd.web.languages import choose
from nbhostd.web.pages import BADGES, Badges, Pages, shorten, wants_json
from tests.web.catalogues import ROOT, extracted, translated
from tests.web.trial import HTML, TEMPLATES

LANGUAGES = [path.name for path in (TEMPLATES / "locale").iterdir()]


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(TEMPLATES, lambda: ("https://lms.example.org",))


def test_french_is_there() -> None:
    assert LANGUAGES == ["fr"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    wanted = {message.id for message in extracted() if message.id}
    catalogue = {message.id: message for message in translated(language) if message.id}
    assert sorted(map(str, wanted - catalogue.keys())) == []
    assert sorted(map(str, catalogue.keys() - wanted)) == []
    assert [id for id, message in catalogue.items() if not all(_texts(message.string)) or message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_their_placeholders(language: str) -> None:
    for message in translated(language):
        for source, text in zip(_texts(message.id)[-1:], _texts(message.string)[-1:], strict=True):
            assert re.findall(r"\{\w+\}|%\(\w+\)\w", source) == re.findall(r"\{\w+\}|%\(\w+\)\w", text), (
                source
            )


def test_messages_from_below_are_still_said_there() -> None:
    below = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "nbhostd").rglob("*.py")
        if path.name != "faults.py"
    )
    assert [message for message in faults.SAID_BELOW if f'"{message}"' not in below] == []


def _texts(message: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [message] if isinstance(message, str) else list(message or ())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,fr;q=0.9", "en"),
        ("de,fr;q=0.5,en;q=0.3", "fr"),
        ("fr;q=0.2,en;q=0.9", "en"),
        ("fr;q=0", "en"),
        ("fr;q=x", "en"),
        ("de", "en"),
        ("*", "en"),
        ("fr" * 5000, "en"),
    ],
)
def test_the_browser_chooses_the_language(header: str, language: str) -> None:
    assert choose(header, ["en", "fr"]) == language


@pytest.mark.parametrize(
    ("accept", "fetch_dest", "json"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "iframe", False),
        ("application/json", "", True),
        ("application/json, text/javascript, */*; q=0.01", "empty", True),
        ("application/json, text/html", "", True),
        ("text/html, application/json", "", False),
        ("*/*", "empty", True),
        ("*/*", "", False),
        ("", "", False),
    ],
)
def test_programs_get_json(accept: str, fetch_dest: str, json: bool) -> None:
    assert wants_json(accept, fetch_dest) is json


def _text(pages: Pages, fault: Fault, badges: Badges | None = None, **headers: str) -> str:
    request = make_mocked_request(
        "GET", "/", headers=HTML | {key.replace("_", "-"): v for key, v in headers.items()}
    )
    if badges is not None:
        request[BADGES] = badges
    text = pages.error(request, fault).text
    assert text is not None
    return text


def test_an_error_says_what_happened_to_whom_and_what_to_do(pages: Pages) -> None:
    text = _text(pages, Fault(403, "used-launch", "internal words"), Badges("python", "alice", "w1/n"))
    for said in (
        "cannot be opened from here",
        "used already",
        "Reload the page",
        "python",
        "alice",
        "w1/n",
        "403",
    ):
        assert said in text
    assert "internal words" not in text
    french = _text(pages, Fault(403, "used-launch", ""), Accept_Language="fr")
    assert '<html lang="fr">' in french
    assert "Rechargez la page de votre cours" in french


def test_what_came_from_outside_is_escaped_and_shortened(pages: Pages) -> None:
    text = _text(
        pages,
        Fault(404, "strange", "<b>&</b>"),
        Badges("<script>alert(1)</script>", "\"' onload=x", "n" * 900),
    )
    assert "<script>alert" not in text
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in text
    assert "\"' onload" not in text
    assert f">{'n' * 29}…{'n' * 29}<" in text


def test_a_message_without_translation_is_marked_as_english(pages: Pages) -> None:
    fault = Fault(502, "world", "The disk is full.")
    assert '<p lang="en">The disk is full.</p>' in _text(pages, fault, Accept_Language="fr")
    assert "<p>The disk is full.</p>" in _text(pages, fault)


def test_json_has_the_same_in_short(pages: Pages) -> None:
    text = _text(pages, Fault(500, "bug", "", incident="abcd1234"), Accept="application/json")
    assert '"incident": "abcd1234"' in text
    assert '"reason": "bug"' in text


def test_every_reason_has_words_and_every_page_is_valid_html(pages: Pages) -> None:
    reasons = [*faults._WORDS, "unheard-of"]
    for language in ("en", "fr"):
        for reason in reasons:
            text = _text(pages, Fault(400, reason, "A message."), Badges("c", "s"), Accept_Language=language)
            html5lib.HTMLParser(strict=True).parse(text)
    request = make_mocked_request("GET", "/", headers=HTML)
    values: dict[str, dict[str, object]] = {
        "home.html": {},
        "waiting.html": {"place": "You are next.", "here": "/visit/x"},
        "behind.html": {
            "here": "/behind/x",
            "happened": "x",
            "advice": "y",
            "files": ("<n>.md",),
            "restore": False,
        },
        "failed.html": {"happened": "x", "advice": "y", "again": "/visit/x/again"},
    }
    for name in values:
        text = pages.render(request, name, status=200, **values[name]).text or ""
        html5lib.HTMLParser(strict=True).parse(text)
        assert "style=" not in text
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=", text)


def test_a_reason_that_is_put_into_words_twice_is_refused() -> None:
    assert faults.merged({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="said twice: a"):
        faults.merged({"a": 1, "b": 1}, {"c": 1}, {"a": 1})


def test_no_page_is_forgotten() -> None:
    layouts = {"site.html", "site_account.html", "kit.html", "new_password.html", "job_result.html"}
    layouts |= {"builds.html", "admin_workspaces_live.html", "fault.html"}
    alone = {
        path.name
        for path in (TEMPLATES / "pages").iterdir()
        if path.name not in layouts and '{% extends "site.html" %}' not in path.read_text(encoding="utf-8")
    }
    assert alone == {
        "base.html", "behind.html", "earlier.html", "error.html", "failed.html", "home.html", "waiting.html",
    }  # fmt: skip


def test_our_pages_load_nothing_but_our_files(pages: Pages) -> None:
    request = make_mocked_request("GET", "/", headers=HTML)
    answer = pages.render(request, "home.html")
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self' https://lms.example.org"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("error", "status", "reason", "retry"),
    [
        (Refused("x", status=404, reason="no-such-course"), 404, "no-such-course", None),
        (NotNow("x", retry_after=7), 503, "not-now", 7),
        (WorldError("x", detail="secret"), 502, "world", None),
    ],
)
def test_errors_become_faults_without_their_details(
    error: Refused | NotNow | WorldError, status: int, reason: str, retry: int | None
) -> None:
    assert fault_of(error) == Fault(status, reason, "x", retry)


def test_shortening_keeps_both_ends() -> None:
    assert shorten("a" * 60) == "a" * 60
    assert shorten("abcdefghij", 5) == "ab…ij"
