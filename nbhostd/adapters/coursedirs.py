"""What the service keeps on disk under a course's name: moved together when the name changes, removed when it goes.

The files in it have rooms of their own (git, published, sites, dropfiles, localfiles); here a directory is a whole.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nbhostd.adapters.published import disk_errors, sync
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import CourseDirectory
from nbhostd.core.names import CourseName

T = TypeVar("T")

KINDS = ("courses", "sites", "droparea", "local")
LOCAL = "local"
"""The administrator's: the service may move it, if it can, and never removes it."""
_NOTE = ".renaming"
_DOOMED = ".deleted-"


class CourseDirectories:
    """The directories <state>/<kind>/<course>; satisfies core.ports.CourseDirs."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._note = state / "courses" / _NOTE

    async def move(self, old: CourseName, new: CourseName) -> None:
        """Give all of them the new name, or none; what is being done is written down first, for `half_moved`.

        Raises Refused(409) when there is something of that name, WorldError.
        """
        await asyncio.to_thread(self._move, old, new)

    async def complete(self, old: CourseName, new: CourseName) -> None:
        """Move what has the old name still: for a move that was interrupted, and for undoing one. Raises as `move`."""
        await self._in_thread(lambda: [self._rename(kind, old, new) for kind in KINDS])

    async def settle(self) -> None:
        """The move is what was wanted: forget that it was being done."""
        await self._in_thread(lambda: self._note.unlink(missing_ok=True))

    async def half_moved(self) -> tuple[CourseName, CourseName] | None:
        """(old, new) of a move that was never settled."""
        return await self._in_thread(self._read_note)

    async def present(self, course: CourseName) -> list[CourseDirectory]:
        """Which of them there are."""
        return await self._in_thread(lambda: self._present(course))

    async def remove(self, course: CourseName) -> None:
        """Remove all of them but the administrator's; not being there is success. Raises WorldError."""
        await self._in_thread(lambda: self._remove(course))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def run() -> T:
            with disk_errors("course's content"):
                return work()

        return await asyncio.to_thread(run)

    def _move(self, old: CourseName, new: CourseName) -> None:
        self._refuse_strangers(old, new)
        moved: list[str] = []
        with disk_errors("course's content"):
            self._write_note(old, new)
            try:
                for kind in reversed(KINDS):
                    if self._rename(kind, old, new):
                        moved.append(kind)
            except BaseException:
                for kind in moved:
                    self._rename(kind, new, old)
                self._note.unlink()
                raise

    def _refuse_strangers(self, old: CourseName, new: CourseName) -> None:
        for kind in KINDS:
            here, there = (self._state / kind / name for name in (old, new))
            # The administrator may have moved what only the administrator can.
            if os.path.lexists(there) and (kind != LOCAL or os.path.lexists(here)):
                raise Refused(
                    f"There is a directory of that name already: {there}", status=409, reason="course-exists"
                )

    def _rename(self, kind: str, old: CourseName, new: CourseName) -> bool:
        top = self._state / kind
        try:
            os.rename(top / old, top / new)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            raise Refused(
                f"The service may not move {top / old}: move it to {top / new} first, then rename the course.",
                status=409, reason="not-ours", detail=str(error),
            ) from error  # fmt: skip
        sync(top)
        return True

    def _write_note(self, old: CourseName, new: CourseName) -> None:
        self._note.parent.mkdir(parents=True, exist_ok=True)
        with self._note.open("w", encoding="utf-8") as file:
            json.dump([old, new], file)
            file.flush()
            os.fsync(file.fileno())
        sync(self._note.parent)

    def _read_note(self) -> tuple[CourseName, CourseName] | None:
        try:
            old, new = json.loads(self._note.read_text(encoding="utf-8"))
            return CourseName.parse(old), CourseName.parse(new)
        except FileNotFoundError:
            return None
        except (ValueError, Refused) as error:
            # Written before anything was moved: half a note is no move.
            self._note.unlink()
            raise WorldError("A note of a course's renaming was damaged.", detail=str(error)) from error

    def _present(self, course: CourseName) -> list[CourseDirectory]:
        found = []
        for kind in KINDS:
            top = self._state / kind / course
            if top.is_dir():
                files = [
                    os.lstat(os.path.join(directory, name))
                    for directory, _, names in os.walk(top)
                    for name in names
                ]
                size = sum(file.st_blocks * 512 for file in files)
                found.append(CourseDirectory(kind, str(top), size, len(files), kept=kind == LOCAL))
        return found

    def _remove(self, course: CourseName) -> None:
        for kind in KINDS:
            top = self._state / kind
            if kind == LOCAL or not os.path.lexists(top / course):
                continue
            doomed = top / f"{_DOOMED}{course}"
            shutil.rmtree(doomed, ignore_errors=True)
            os.rename(top / course, doomed)  # out of sight at once
            shutil.rmtree(doomed)
