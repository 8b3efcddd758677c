"""Amounts as people read them, in their language: sizes, spans of time, numbers, percentages, moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

_NO_BREAK = "\N{NO-BREAK SPACE}"
_SIZES = {"en": ("B", "KB", "MB", "GB", "TB", "PB"), "fr": ("o", "Ko", "Mo", "Go", "To", "Po")}
_SPANS = {"en": ("d", "h", "min", "s"), "fr": ("j", "h", "min", "s")}
_SECONDS = (86400, 3600, 60, 1)


def number(value: float, language: str) -> str:
    """A number with its thousands apart: `12,345.6`, `12 345,6`."""
    return format_decimal(value, locale=language)


def percent(value: float, language: str) -> str:
    """A share of one as a percentage: `12%`, `12 %`."""
    return format_percent(value, locale=language)


def size(count: float, language: str) -> str:
    """Bytes with three digits at most: `1.5 MB`, `1,5 Mo`. A step is 1024, as memory and limits are counted."""
    units = _SIZES.get(language, _SIZES["en"])
    step, value = 0, float(count)
    # What would be rounded to 1024 is one of the next unit.
    while abs(value) >= 1023.5 and step < len(units) - 1:
        step, value = step + 1, value / 1024
    digits = "#,##0.#" if step and abs(value) < 99.95 else "#,##0"
    return f"{format_decimal(value, digits, locale=language)}{_NO_BREAK}{units[step]}"


def span(length: timedelta | float, language: str) -> str:
    """A length of time, its two largest parts: `2 h 5 min`, `3 d`, `0 s`. A number is one of seconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    rest = max(0, round(seconds))
    parts: list[tuple[int, str]] = []
    for each, unit in zip(_SECONDS, _SPANS.get(language, _SPANS["en"]), strict=True):
        count, rest = divmod(rest, each)
        if count or parts:
            parts.append((count, unit))
    shown = [f"{count}{_NO_BREAK}{unit}" for count, unit in (parts or [(0, "s")])[:2] if count or not parts]
    return " ".join(shown)


def moment(when: datetime, language: str) -> str:
    """A moment in UTC, and that it is: `4 Mar 2026, 15:06 UTC`."""
    pattern = "d MMM y, HH:mm" if language == "en" else "d MMM y HH:mm"
    return f"{format_datetime(when.astimezone(UTC), pattern, locale=language)}{_NO_BREAK}UTC"


def local(when: datetime, language: str) -> str:
    """A moment by the clock of its own zone: `4 Mar 2026, 15:06`."""
    pattern = "d MMM y, HH:mm" if language == "en" else "d MMM y HH:mm"
    return format_datetime(when, pattern, when.tzinfo, locale=language)


def day(when: date, language: str) -> str:
    """A day: `4 Mar 2026`."""
    return format_date(when, "d MMM y", locale=language)


def filters(language: str) -> dict[str, Callable[..., str]]:
    """The same as filters of templates in one language."""

    def bound(words: Callable[..., str]) -> Callable[..., str]:
        return lambda value: words(value, language)

    return {each.__name__: bound(each) for each in (number, percent, size, span, moment, local, day)}
