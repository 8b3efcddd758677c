"""The Commits port on the courses' mirrors: when a commit was made, and what its author says of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pygit2

from nbhostd.core.names import CourseName
from nbhostd.core.ports_teaching import Commit

_LONGEST_TITLE = 200


class MirrorCommits:
    """Below `root`, one directory per course."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def commit(self, course: CourseName, commit: str) -> Commit | None:
        """That commit; None when it is not there."""
        return await asyncio.to_thread(_read, self._root / course / "git", commit)


def _read(mirror: Path, commit: str) -> Commit | None:
    try:
        found = pygit2.Repository(mirror)[commit].peel(pygit2.Commit)
        made_at = datetime.fromtimestamp(found.commit_time, UTC)
    except (pygit2.GitError, KeyError, ValueError, OverflowError, OSError):
        return None
    text = found.message.strip().partition("\n")[0]
    title = "".join(letter if letter.isprintable() else "�" for letter in text)
    return Commit(made_at, title[:_LONGEST_TITLE])
