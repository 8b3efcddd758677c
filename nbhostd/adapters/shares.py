"""The Shares port on SQLite: which static versions there are, and under which address."""

from __future__ import annotations

from datetime import UTC, datetime

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.core.model import Share
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId

_SHARES = """
    SELECT h.*, c.name AS course_name, s.name AS student_name
    FROM shares h JOIN workspaces w ON w.number = h.workspace
    JOIN courses c ON c.number = w.course JOIN students s ON s.uid = w.uid
"""


class SqliteShares:
    """Shares go with their workspace: a row is deleted with the workspace's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def share(self, workspace: int, notebook: NotebookPath, token: str, now: datetime) -> Share:
        """The share of that notebook, with the token that it had before, or else `token`."""

        def put(db: Connection) -> Share:
            db.execute(
                "INSERT INTO shares (token, workspace, notebook, shared_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (workspace, notebook) DO UPDATE SET shared_at = excluded.shared_at",
                (token, workspace, notebook, now.astimezone(UTC).isoformat()),
            )
            return _share(
                db.execute(
                    _SHARES + "WHERE h.workspace = ? AND h.notebook = ?", (workspace, notebook)
                ).fetchone()
            )

        return await self._database.write(put)

    async def share_of(self, workspace: int, notebook: NotebookPath) -> Share | None:
        """The share of that notebook, or None."""
        found = await self._find("WHERE h.workspace = ? AND h.notebook = ?", workspace, notebook)
        return found[0] if found else None

    async def by_token(self, token: str) -> Share | None:
        """The share at that address, or None."""
        found = await self._find("WHERE h.token = ?", token)
        return found[0] if found else None

    async def shares(self, workspace: int | None = None) -> list[Share]:
        """Every share (of one workspace), by course, student and notebook."""
        order = " ORDER BY course_name, student_name, h.notebook"
        if workspace is None:
            return await self._find(order)
        return await self._find("WHERE h.workspace = ?" + order, workspace)

    async def unshare(self, token: str) -> None:
        """Forget a share; not being there is success."""

        def forget(db: Connection) -> None:
            db.execute("DELETE FROM shares WHERE token = ?", (token,))

        await self._database.write(forget)

    async def _find(self, where: str, *values: object) -> list[Share]:
        return await self._database.read(
            lambda db: [_share(row) for row in db.execute(_SHARES + where, values)]
        )


def _share(row: Row) -> Share:
    return Share(
        token=row["token"],
        workspace=WorkspaceId(CourseName(row["course_name"]), StudentName(row["student_name"])),
        notebook=NotebookPath(row["notebook"]),
        shared_at=datetime.fromisoformat(row["shared_at"]),
    )
