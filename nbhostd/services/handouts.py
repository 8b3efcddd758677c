"""Handouts: of which drop areas a student has got something."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from nbhostd.core.errors import NbhostdError
from nbhostd.core.handouts import DropFile
from nbhostd.core.model import Workspace
from nbhostd.core.names import AreaName, CourseName, NotebookPath, WorkspaceId
from nbhostd.services.dropareas import FOLDER

log = logging.getLogger(__name__)

_LOOKED_AT = 20
"""Files of each area that are looked for: who has none of these has not been handed out to."""


class Areas(Protocol):
    """What is asked of services/dropareas.py."""

    async def areas(self, course: CourseName) -> dict[AreaName, list[DropFile]]: ...


class Spaces(Protocol):
    """What is asked of the store."""

    async def workspace(self, id: WorkspaceId) -> Workspace | None: ...


class Files(Protocol):
    """What is asked of the desk."""

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]: ...


class Handouts:
    """Drop areas, from the student's side."""

    def __init__(self, areas: Areas, store: Spaces, desk: Files) -> None:
        self._areas = areas
        self._store = store
        self._desk = desk

    async def areas(self, course: CourseName) -> list[AreaName]:
        """The course's areas that hold a file."""
        return list(await self._areas.areas(course))

    async def received(self, student: WorkspaceId) -> list[AreaName]:
        """Those of which this student has something; all of them where that cannot be told."""
        areas = await self._areas.areas(student.course)
        workspace = await self._store.workspace(student) if areas else None
        if workspace is None:
            return []
        asked = [
            (area, NotebookPath(f"{FOLDER}/{area}/{file.path}"))
            for area, files in areas.items()
            for file in files[:_LOOKED_AT]
        ]
        try:
            there = await self._desk.exists(workspace.number, workspace.uid, [path for _, path in asked])
        except NbhostdError as error:
            log.warning("what %s has of the drop areas could not be told: %s", student, error)
            return list(areas)
        have = {area for (area, _), is_there in zip(asked, there, strict=True) if is_there}
        return [area for area in areas if area in have]
