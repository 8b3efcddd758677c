"""The Catalogs port on SQLite: what each course's notebooks said of themselves at one commit, as JSON."""

from __future__ import annotations

import json
from dataclasses import astuple

from nbhostd.adapters.database import Connection, Database
from nbhostd.core.catalog import Facts
from nbhostd.core.names import NotebookPath
from nbhostd.core.notebookmeta import NotebookFacts

_EDITION = 1
"""Of the way in which notebooks are read: what an earlier one read is read again."""


class SqliteCatalogs:
    """A catalogue goes with its course: its row is deleted with the course's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, course: int, commit: str) -> Facts | None:
        """What was saved for that course (its number) at that commit, or None."""

        def find(db: Connection) -> Facts | None:
            row = db.execute(
                "SELECT content FROM catalogs WHERE course = ? AND commit_id = ?", (course, commit)
            ).fetchone()
            return _parse(row["content"]) if row else None

        return await self._database.read(find)

    async def save(self, course: int, commit: str, facts: Facts) -> None:
        """Keep this instead of what was there; a course that is gone is left alone."""

        def put(db: Connection) -> None:
            content = {"edition": _EDITION, "notebooks": {path: astuple(one) for path, one in facts.items()}}
            db.execute(
                "INSERT INTO catalogs (course, commit_id, content)"
                " SELECT number, ?, ? FROM courses WHERE number = ?"
                " ON CONFLICT (course) DO UPDATE SET commit_id = excluded.commit_id, content = excluded.content",
                (commit, json.dumps(content, ensure_ascii=False), course),
            )

        await self._database.write(put)


def _parse(text: str) -> Facts | None:
    content = json.loads(text)
    if content["edition"] != _EDITION:
        return None
    return {NotebookPath(path): NotebookFacts(*one) for path, one in content["notebooks"].items()}
