"""What services ask of the outside world about people: passwords kept safe, letters sent, other sites' logins."""

from __future__ import annotations

from typing import Protocol

from nbhostd.core.passwords import Checked


class Passwords(Protocol):
    """Passwords, made into what may be kept of them. Raises NotNow when too many wait already."""

    async def hash(self, text: str) -> str:
        """What to keep of a password; never the same twice."""

    async def verify(self, text: str, stored: str) -> Checked:
        """Whether it is the password of which `stored` was kept.

        With '', '!' and whatever is not understood no password is right, and finding that out takes as long.
        """
