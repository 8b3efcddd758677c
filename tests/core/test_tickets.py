"""Tickets: what was sealed comes back, nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.tickets import derive, seal, unseal

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
OLD_KEY, KEY, OTHER = (derive(secret, "test") for secret in (b"old", b"new", b"other"))


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=4))
def test_round_trip(payload: dict[str, str]) -> None:
    assert unseal([KEY, OTHER], "visit", seal(KEY, "visit", payload, LATER), NOW) == payload


def test_a_ticket_made_before_a_rotation_is_still_good() -> None:
    ticket = seal(OLD_KEY, "visit", {"a": "b"}, LATER)
    assert unseal([KEY, OLD_KEY], "visit", ticket, NOW) == {"a": "b"}


def _refusal(ticket: str, *, kind: str = "visit", now: datetime = NOW) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        unseal([KEY], kind, ticket, now)
    return caught.value.status, caught.value.reason


def test_too_late_is_gone() -> None:
    ticket = seal(KEY, "visit", {}, LATER)
    assert unseal([KEY], "visit", ticket, LATER - timedelta(seconds=1)) == {}
    assert _refusal(ticket, now=LATER) == (410, "expired-ticket")


def test_another_kind_or_key_does_not_fit() -> None:
    assert _refusal(seal(KEY, "enter", {}, LATER)) == (403, "bad-ticket")
    assert _refusal(seal(OTHER, "visit", {}, LATER)) == (403, "bad-ticket")
    assert derive(b"x", "a") != derive(b"x", "b")


@given(st.integers(0, 400), st.characters())
def test_one_changed_character_is_seen(position: int, character: str) -> None:
    ticket = seal(KEY, "visit", {"student": "alice"}, LATER)
    position %= len(ticket)
    if ticket[position] == character:
        return
    forged = ticket[:position] + character + ticket[position + 1 :]
    # The last character of base64 carries unused bits: the same bytes, hence the same ticket.
    if position == len(ticket) - 1 and character.isascii() and (character.isalnum() or character in "-_"):
        return
    assert _refusal(forged) == (403, "bad-ticket")


@pytest.mark.parametrize("ticket", ["", ".", "a.b", "é.é", "." * 9000, "YQ.YQ", "\udcff"])
def test_rubbish_is_refused(ticket: str) -> None:
    assert _refusal(ticket) == (403, "bad-ticket")
