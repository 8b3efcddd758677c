"""The AuditLog port on SQLite: entries are added, and never changed or taken away."""

from __future__ import annotations

from datetime import UTC, datetime

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.core.sessions import AuditEntry


class SqliteAuditLog:
    """AuditLog of `core/ports_accounts.py`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """Write an entry down."""

        def put(db: Connection) -> None:
            db.execute(
                "INSERT INTO audit (at, who, action, subject, address, outcome, detail, via)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _text(entry.at), entry.who, entry.action, entry.subject,
                    entry.address, entry.outcome, entry.detail, entry.via,
                ),
            )  # fmt: skip

        await self._database.write(put)

    async def entries(
        self,
        *,
        limit: int = 100,
        before: int | None = None,
        who: str = "",
        subject: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        refused: bool = False,
    ) -> list[AuditEntry]:
        """The latest first; `before` a number; `who` and `subject` exactly, `action` by its beginning.

        `since` is in it, `until` is not; `refused`: only what was not done.
        """
        wanted: dict[str, object] = {
            "number < ?": before,
            "who = ?": who or None,
            "subject = ?": subject or None,
            "at >= ?": _text(since) if since else None,
            "at < ?": _text(until) if until else None,
            "outcome != ?": "done" if refused else None,
        }
        given = {condition: value for condition, value in wanted.items() if value is not None}
        conditions, values = list(given), list(given.values())
        if action:
            conditions.append("substr(action, 1, ?) = ?")
            values += [len(action), action]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return await self._database.read(
            lambda db: [
                _entry(row)
                for row in db.execute(
                    f"SELECT * FROM audit {where} ORDER BY number DESC LIMIT ?", (*values, limit)
                )
            ]
        )

    async def size(self) -> int:
        """How many entries there are."""
        return await self._database.read(
            lambda db: int(db.execute("SELECT count(*) FROM audit").fetchone()[0])
        )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        number=row["number"],
        at=datetime.fromisoformat(row["at"]),
        who=row["who"],
        action=row["action"],
        subject=row["subject"],
        address=row["address"],
        outcome=row["outcome"],
        detail=row["detail"],
        via=row["via"],
    )
