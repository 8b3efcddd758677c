"""What a teacher is told of students: their files, how much of the disk they take, when they were last here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from nbhostd.core.names import FilePath, StudentName

PREVIEWER = StudentName("student")
"""Whom a platform's studio shows previews as: of every course's staff, as long as it is nobody's account."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A plain file of a student's: its path in the workspace, its size in bytes, and when it was last changed."""

    path: FilePath
    size: int
    changed_at: datetime | None = None
    """None when the file says a moment that is none."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Files of a student's, by path; with `more` there are others, which were not listed."""

    files: tuple[OwnFile, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a workspace took on the disk, in bytes and files, when it was measured last."""

    size: int
    files: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Activity:
    """What statistics remember of a student in a course."""

    last_visit: datetime
    notebooks: int
    """How many different ones were opened."""


def is_cleared_by(name: str, actor: str, staff: Collection[str]) -> bool:
    """Whether a teacher may have the course's newest put in the place of this student's notebooks: own and staff's only."""
    return name == actor or name in staff
