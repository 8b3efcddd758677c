"""Shares in memory: the second implementations of core.ports_sharing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from nbhostd.core.model import Share
from nbhostd.core.names import NotebookPath
from nbhostd.core.ports import Store


@dataclass
class FakeShares:
    """Rows by token; a workspace that is deleted takes its rows with it, as in the database."""

    store: Store
    rows: dict[str, tuple[int, NotebookPath, datetime]] = field(default_factory=dict)

    async def share(self, workspace: int, notebook: NotebookPath, token: str, now: datetime) -> Share:
        known = [key for key, row in self.rows.items() if row[:2] == (workspace, notebook)]
        self.rows[(known or [token])[0]] = (workspace, notebook, now)
        found = await self.share_of(workspace, notebook)
        assert found is not None
        return found

    async def share_of(self, workspace: int, notebook: NotebookPath) -> Share | None:
        return next((s for s in await self.shares(workspace) if s.notebook == notebook), None)

    async def by_token(self, token: str) -> Share | None:
        return next((share for share in await self.shares() if share.token == token), None)

    async def shares(self, workspace: int | None = None) -> list[Share]:
        found = []
        for token, (number, notebook, at) in self.rows.items():
            known = await self.store.workspace_by_number(number)
            if known is not None and workspace in (None, number):
                found.append(Share(token, known.id, notebook, at))
        return sorted(found, key=lambda s: (s.workspace.course, s.workspace.student, s.notebook))

    async def unshare(self, token: str) -> None:
        self.rows.pop(token, None)


@dataclass
class FakePages:
    pages: dict[str, bytes] = field(default_factory=dict)

    def path(self, token: str) -> str:
        return f"/shares/{token}.html"

    async def write(self, token: str, content: bytes) -> None:
        self.pages[token] = content

    async def delete(self, token: str) -> None:
        self.pages.pop(token, None)

    async def sweep(self, keep: Collection[str]) -> int:
        gone = [token for token in self.pages if token not in keep]
        for token in gone:
            del self.pages[token]
        return len(gone)
