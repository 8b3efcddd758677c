"""As nbhostd's user, with the daemon stopped: makes COUNT students known, each with a workspace that once ran."""

from __future__ import annotations

import asyncio
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.adapters.store import SqliteStore
from nbhostd.core.model import Mode, Run
from nbhostd.core.names import WorkspaceId

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


async def main(database: Path, course: str, count: int) -> None:
    """Through the store, as the daemon writes."""
    store = await SqliteStore.open(database)
    now = datetime.now(UTC)
    for number in range(count):
        label = "".join(secrets.choice(LETTERS) for _ in range(26))
        id_ = WorkspaceId.parse(f"{course}/known-{number}")
        workspace = await store.ensure_workspace(id_, Mode.MOOC, label, now)
        await store.put_run(
            Run(
                workspace.number,
                secrets.token_urlsafe(16),
                secrets.token_urlsafe(32),
                "sha256:" + "0" * 64,
                now,
            )
        )
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
