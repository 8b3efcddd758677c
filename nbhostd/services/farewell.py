"""The end of a course as a job that is followed: a class of five hundred takes a while to delete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nbhostd.core.names import CourseName
from nbhostd.services.jobbook import JobBook, Say
from nbhostd.services.upkeep import Belongings, Upkeep

KIND = "delete"


class Farewell:
    """Deletes courses, and tells."""

    def __init__(self, upkeep: Upkeep, book: JobBook) -> None:
        self._upkeep = upkeep
        self._book = book

    async def delete(self, name: CourseName, say: Say, *, with_workspaces: bool, with_files: bool) -> int:
        """Delete a course as a job, which begins once nothing is in the way; how many workspaces went with it.

        Raises as Upkeep.delete.
        """
        belongings = await self._upkeep.belongings(name)

        @asynccontextmanager
        async def job() -> AsyncIterator[None]:
            async with self._book.job(KIND, name, say) as running:
                for line in _inventory(belongings):
                    running.say(line)
                yield
                running.message = f"deleted, with {belongings.workspaces} workspaces"

        return await self._upkeep.delete(
            name, with_workspaces=with_workspaces, with_files=with_files, around=job
        )


def _inventory(belongings: Belongings) -> list[str]:
    return [
        f"{belongings.workspaces} workspaces, {len(belongings.awake)} of them awake",
        *(f"{one.path}: {one.files} files{', kept' if one.kept else ''}" for one in belongings.directories),
        *([f"the image {belongings.image}"] if belongings.image else []),
    ]
