"""Amounts, in English and French: what a person reads where a program counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.web import amounts


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (0, "0 B", "0 o"),
        (1023, "1,023 B", "1 023 o"),
        (1024, "1 KB", "1 Ko"),
        (1536 * 1024, "1.5 MB", "1,5 Mo"),
        (1024**2 - 1, "1 MB", "1 Mo"),
        (250 * 1024**2 + 300_000, "250 MB", "250 Mo"),
        (7 * 1024**3, "7 GB", "7 Go"),
        (1024**7, "1,048,576 PB", "1 048 576 Po"),
    ],
)
def test_sizes(count: int, english: str, french: str) -> None:
    assert (_plain(amounts.size(count, "en")), _plain(amounts.size(count, "fr"))) == (english, french)


@given(st.integers(0, 2**60))
def test_a_size_is_short(count: int) -> None:
    assert len(amounts.size(count, "fr")) <= len("1 023 Mo")


@pytest.mark.parametrize(
    ("length", "english", "french"),
    [
        (0, "0 s", "0 s"),
        (0.4, "0 s", "0 s"),
        (90, "1 min 30 s", "1 min 30 s"),
        (3600, "1 h", "1 h"),
        (timedelta(days=2, minutes=5), "2 d", "2 j"),
        (timedelta(days=2, hours=5, minutes=5), "2 d 5 h", "2 j 5 h"),
        (-3, "0 s", "0 s"),
    ],
)
def test_spans(length: timedelta | float, english: str, french: str) -> None:
    assert (_plain(amounts.span(length, "en")), _plain(amounts.span(length, "fr"))) == (english, french)


def test_a_moment_is_said_in_utc() -> None:
    paris = timezone(timedelta(hours=2))
    when = datetime(2026, 8, 4, 0, 6, tzinfo=paris)
    assert _plain(amounts.moment(when, "en")) == "3 Aug 2026, 22:06 UTC"
    assert _plain(amounts.moment(when, "fr")) == "3 août 2026 22:06 UTC"
    assert _plain(amounts.local(when, "en")) == "4 Aug 2026, 00:06"
    assert _plain(amounts.local(when, "fr")) == "4 août 2026 00:06"
    assert amounts.day(when.astimezone(UTC).date(), "fr") == "3 août 2026"


def test_filters_speak_one_language() -> None:
    french = amounts.filters("fr")
    assert sorted(french) == ["day", "local", "moment", "number", "percent", "size", "span"]
    assert _plain(french["percent"](0.125)) == "12 %"
    assert _plain(french["number"](12345.5)) == "12 345,5"
