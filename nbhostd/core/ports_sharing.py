"""What sharing asks of the outside world: which static versions there are, and the pages themselves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from nbhostd.core.model import Share
from nbhostd.core.names import NotebookPath


class Shares(Protocol):
    """Which static versions there are."""

    async def share(self, workspace: int, notebook: NotebookPath, token: str, now: datetime) -> Share:
        """The share of that notebook, with the token that it had before, or else `token`."""

    async def share_of(self, workspace: int, notebook: NotebookPath) -> Share | None: ...
    async def by_token(self, token: str) -> Share | None: ...
    async def shares(self, workspace: int | None = None) -> list[Share]: ...
    async def unshare(self, token: str) -> None: ...


class SharePages(Protocol):
    """The pages themselves."""

    def path(self, token: str) -> str:
        """Where a page is, whether or not it exists."""

    async def write(self, token: str, content: bytes) -> None:
        """Replace a page whole. Raises NotNow on a full disk, WorldError."""

    async def delete(self, token: str) -> None:
        """Remove a page; not being there is success."""

    async def sweep(self, keep: Collection[str]) -> int:
        """Remove every page but those of these tokens; how many there were. Raises WorldError."""
