"""Passwords without work: the second implementation of Passwords, for tests that are not about them."""

from __future__ import annotations

from dataclasses import dataclass

from nbhostd.core.passwords import Checked


@dataclass
class FakePasswords:
    """Keeps them backwards, each with a number of its own."""

    made: int = 0

    async def hash(self, text: str) -> str:
        self.made += 1
        return f"$fake${self.made}${text[::-1]}"

    async def verify(self, text: str, stored: str) -> Checked:
        kind, _, kept = stored.removeprefix("$").partition("$")
        good = kind in ("fake", "old") and kept.partition("$")[2] == text[::-1]
        return Checked(good, good and kind == "old")
