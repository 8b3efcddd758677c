"""Passwords without work: the second implementation of Passwords, for tests that are not about them."""

from __future__ import annotations

from nbhostd.core.passwords import Checked


class FakePasswords:
    """Keeps them backwards."""

    async def hash(self, text: str) -> str:
        return f"$fake${text[::-1]}"

    async def verify(self, text: str, stored: str) -> Checked:
        return Checked(stored == f"$fake${text[::-1]}", False)
