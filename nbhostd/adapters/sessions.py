"""The Sessions port on SQLite: of each secret only its digest is kept, so a copy of the file opens nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.adapters.people import groups_of, user_of
from nbhostd.core.people import Actor, Scope
from nbhostd.core.sessions import Link, Purpose, Session, Token


class SqliteSessions:
    """Sessions of `core/ports_accounts.py`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_session(self, session: Session) -> None:
        """Remember a session."""
        await self._execute(
            "INSERT INTO sessions (id, user, created_at, seen_at, address, agent, how) VALUES (?, ?, ?, ?, ?, ?, ?)",
            session.id, session.user, _text(session.created_at), _text(session.seen_at), session.address,
            session.agent, session.how,
        )  # fmt: skip

    async def find(self, id: str) -> tuple[Session, Actor] | None:
        """A session and who it stands for."""

        def look(db: Connection) -> tuple[Session, Actor] | None:
            row = db.execute("SELECT * FROM sessions WHERE id = ?", (id,)).fetchone()
            return (_session(row), _actor(db, row["user"])) if row else None

        return await self._database.read(look)

    async def seen(self, id: str, now: datetime) -> None:
        """Remember that a session is in use."""
        await self._execute("UPDATE sessions SET seen_at = ? WHERE id = ?", _text(now), id)

    async def sessions_of(self, user: int) -> list[Session]:
        """The sessions of an account, the one that was used last first."""
        return await self._database.read(
            lambda db: [
                _session(row)
                for row in db.execute("SELECT * FROM sessions WHERE user = ? ORDER BY seen_at DESC", (user,))
            ]
        )

    async def end_session(self, id: str) -> None:
        """Forget a session; not being there is success."""
        await self._execute("DELETE FROM sessions WHERE id = ?", id)

    async def end_sessions_of(self, user: int, *, but: str = "") -> int:
        """End all sessions of an account, but one; how many."""
        return await self._database.write(
            lambda db: db.execute("DELETE FROM sessions WHERE user = ? AND id <> ?", (user, but)).rowcount
        )

    async def put_link(self, link: Link) -> None:
        """Remember a one-time link; an earlier one of the same purpose leads nowhere from now on."""

        def put(db: Connection) -> None:
            db.execute("DELETE FROM links WHERE user = ? AND purpose = ?", (link.user, link.purpose.value))
            db.execute(
                "INSERT INTO links (id, user, purpose, created_at, expires_at, created_by) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    link.id, link.user, link.purpose.value, _text(link.created_at), _text(link.expires_at),
                    link.created_by,
                ),
            )  # fmt: skip

        await self._database.write(put)

    async def link(self, id: str) -> Link | None:
        """A link that is there, however old."""

        def look(db: Connection) -> Link | None:
            row = db.execute("SELECT * FROM links WHERE id = ?", (id,)).fetchone()
            return _link(row) if row else None

        return await self._database.read(look)

    async def use_link(self, id: str, now: datetime) -> Link | None:
        """Take a link away, with the account's others; None when it is gone or too old."""

        def use(db: Connection) -> Link | None:
            row = db.execute("SELECT * FROM links WHERE id = ?", (id,)).fetchone()
            if row is None or now >= datetime.fromisoformat(row["expires_at"]):
                return None
            db.execute("DELETE FROM links WHERE user = ?", (row["user"],))
            return _link(row)

        return await self._database.write(use)

    async def create_token(
        self,
        user: int,
        id: str,
        label: str,
        scopes: frozenset[Scope],
        expires: datetime | None,
        now: datetime,
    ) -> Token:
        """A token of the HTTP API."""

        def create(db: Connection) -> Token:
            return _token(
                db.execute(
                    "INSERT INTO tokens (id, user, label, scopes, created_at, expires_at)"
                    " VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                    (
                        id, user, label, " ".join(sorted(scopes)), _text(now), _text(expires) if expires else None,
                    ),
                ).fetchone()
            )  # fmt: skip

        return await self._database.write(create)

    async def find_token(self, id: str) -> tuple[Token, Actor] | None:
        """A token and who it stands for, with its scopes."""

        def look(db: Connection) -> tuple[Token, Actor] | None:
            row = db.execute("SELECT * FROM tokens WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            token = _token(row)
            return token, _actor(db, token.user, token.scopes)

        return await self._database.read(look)

    async def tokens_of(self, user: int) -> list[Token]:
        """The tokens of an account, the latest first."""
        return await self._database.read(
            lambda db: [
                _token(row)
                for row in db.execute("SELECT * FROM tokens WHERE user = ? ORDER BY number DESC", (user,))
            ]
        )

    async def revoke_token(self, user: int, number: int) -> bool:
        """Forget a token of an account; whether it was there."""
        return await self._database.write(
            lambda db: (
                db.execute("DELETE FROM tokens WHERE user = ? AND number = ?", (user, number)).rowcount == 1
            )
        )

    async def token_used(self, number: int, now: datetime) -> None:
        """Remember that a token is in use."""
        await self._execute("UPDATE tokens SET last_used = ? WHERE number = ?", _text(now), number)

    async def sweep(self, seen_before: datetime, now: datetime) -> None:
        """Forget sessions that were last seen before that, and links and tokens that have expired."""

        def sweep(db: Connection) -> None:
            db.execute("DELETE FROM sessions WHERE seen_at < ?", (_text(seen_before),))
            db.execute("DELETE FROM links WHERE expires_at <= ?", (_text(now),))
            db.execute("DELETE FROM tokens WHERE expires_at <= ?", (_text(now),))

        await self._database.write(sweep)

    async def _execute(self, statement: str, *values: object) -> None:
        def run(db: Connection) -> None:
            db.execute(statement, values)

        await self._database.write(run)


def _actor(db: Connection, user: int, scopes: frozenset[Scope] | None = None) -> Actor:
    row = db.execute("SELECT * FROM users WHERE number = ?", (user,)).fetchone()
    return Actor(user_of(row), groups_of(db, user), scopes)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        user=row["user"],
        created_at=datetime.fromisoformat(row["created_at"]),
        seen_at=datetime.fromisoformat(row["seen_at"]),
        address=row["address"],
        agent=row["agent"],
        how=row["how"],
    )


def _link(row: Row) -> Link:
    return Link(
        id=row["id"],
        user=row["user"],
        purpose=Purpose(row["purpose"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        created_by=row["created_by"],
    )


def _token(row: Row) -> Token:
    return Token(
        number=row["number"],
        id=row["id"],
        user=row["user"],
        label=row["label"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None,
        last_used=datetime.fromisoformat(row["last_used"]) if row["last_used"] else None,
    )
