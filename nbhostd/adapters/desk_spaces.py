"""Whose directory is whose: a workspace is opened by the service user (0 in this namespace), and worked in by its student.

Standard library only: the desk's processes stay small.
"""

from __future__ import annotations

import ctypes
import os
from typing import Protocol

from nbhostd.adapters.desk_paths import DIRECTORY, closing, student_errors
from nbhostd.core.errors import WorldError

SHIFT = 1
"""A container's user N is N + SHIFT here."""
GROUP = 100
STAGE = "restore"
"""Where a restore puts everything, until it is whole."""
_NO_NEW_PRIVS = 38  # prctl(2)


class Asked(Protocol):
    """Whose workspace a request is about."""

    @property
    def workspace(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def staged(self) -> bool: ...


def spaces(request: Asked) -> int:
    """The open directory of all workspaces."""
    place = f"{STAGE}/workspaces" if request.staged else "workspaces"
    os.makedirs(place, mode=0o700, exist_ok=True)
    return os.open(place, DIRECTORY)


def open_space(request: Asked, *, make: bool) -> int | None:
    """The student's directory, 0700 and the student's; None when there is none. Raises WorldError."""
    name, owner = str(request.workspace), request.uid + SHIFT
    with student_errors(name), closing(spaces(request)) as top:
        try:
            if make:
                os.mkdir(name, 0o700, dir_fd=top)
        except FileExistsError:
            pass
        try:
            space = os.open(name, DIRECTORY, dir_fd=top)
        except FileNotFoundError:
            return None
        found = os.fstat(space)
        if found.st_uid == os.getuid():
            # Made just now, or by a desk that died before this line.
            os.fchown(space, owner, GROUP + SHIFT)
        elif found.st_uid != owner:
            os.close(space)
            raise WorldError("This workspace belongs to somebody else.", detail=f"{name}: uid {found.st_uid}")
        # A student who closed it must still get in again.
        os.fchmod(space, 0o700)
    return space


def become_student(uid: int) -> None:
    """From here on this process is the student, for good, and can only lose."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    os.setgroups([])
    os.setresgid(GROUP + SHIFT, GROUP + SHIFT, GROUP + SHIFT)
    os.setresuid(uid + SHIFT, uid + SHIFT, uid + SHIFT)
