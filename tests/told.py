"""The events in a statistics.db, as they were told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

Told = tuple[int, str, str, str, str]
"""(seconds since 1970, course, student, event, notebook without suffix)."""

_EVENTS = """
SELECT at, c.name, s.name, event, coalesce(n.name, '') FROM events e
JOIN courses c ON c.id = e.course JOIN students s ON s.id = e.student LEFT JOIN notebooks n ON n.id = e.notebook
ORDER BY number
"""


def told(path: Path) -> list[Told]:
    """All of them, in the order in which they came."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(_EVENTS).fetchall()
