"""How far somebody is in a course: what each notebook's mark is, and what must be asked of the outside world for it.

A notebook is changed when what is written in it is in no version of it that the course ever had: so neither a clone
that is behind the course nor a copy that was made long ago looks like work, nor a file that Jupyter saved by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId


class Mark(enum.StrEnum):
    """What somebody has done with a notebook."""

    UNTOUCHED = "untouched"
    OPENED = "opened"
    CHANGED = "changed"
    """What is written in the own file is in none that the course ever had."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What can be said of a file without showing it."""

    stamp: str
    """Differs whenever the file does."""
    blob: str = ""
    """git's name of its content (hex); '' when it was not read: its stamp is the known one, or it is too large."""
    gist: str | None = None
    """What is written in it, as core/gist.py has it; '' when that cannot be told, None when nobody has looked."""


History = Mapping[NotebookPath, Collection[str]]
"""For each notebook, git's names of all contents that it ever had in the course, the latest first."""


class Fingerprints(Protocol):
    """Looks at a student's files, as the student (the desk)."""

    async def fingerprints(
        self, workspace: int, uid: int, known: Sequence[tuple[NotebookPath, str]]
    ) -> list[Fingerprint | None]:
        """Of each of these files (and the stamp that is known of it, or ''); None for what is no regular file."""

    async def gists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[str]:
        """The gist of each of these files; '' for what has none (core/gist.py)."""


class Histories(Protocol):
    """Knows every content that a course's notebooks ever had (its mirror)."""

    async def history(self, course: CourseName, commit: str) -> History:
        """Of all branches, as they are when `commit` is the published one; read once per commit. Raises WorldError."""

    async def gists(self, course: CourseName, commit: str, path: NotebookPath) -> frozenset[str]:
        """Those of the notebook's contents in that history, of the latest if they are many. Raises WorldError."""


class Openings(Protocol):
    """What was opened (statistics)."""

    async def opened(self, workspace: WorkspaceId) -> frozenset[str]:
        """The notebooks that this student has opened in this course, by whatever suffix or none."""


def marks(
    notebooks: Iterable[NotebookPath],
    opened: Iterable[str],
    blobs: Mapping[NotebookPath, str],
    history: History,
    saved: Collection[NotebookPath] = (),
) -> dict[NotebookPath, Mark]:
    """The mark of each notebook; `blobs` are the contents of the student's own files, where there are some.

    `saved` are those whose file is another one but has a gist of the course's: somebody opened it, and Jupyter wrote.
    An opening counts whatever suffix the notebook had: it may have become a text since.
    """
    stems = {_stem(name) for name in opened} | {path.stem_path for path in saved}
    others = set(differing(blobs, history)).difference(saved)
    return {path: Mark.CHANGED if path in others else _mark(path, stems) for path in notebooks}


def differing(blobs: Mapping[NotebookPath, str], history: History) -> list[NotebookPath]:
    """The notebooks of the course whose own file is another one than any that the course ever had."""
    return [path for path, blob in blobs.items() if blob and path in history and blob not in history[path]]


def _mark(path: NotebookPath, stems: set[str]) -> Mark:
    return Mark.OPENED if path.stem_path in stems else Mark.UNTOUCHED


def _stem(name: str) -> str:
    return NotebookPath(name).stem_path
