"""Opening what may be hostile: every name is walked by the kernel under a directory that is already open.

Standard library only: the desk's processes stay small.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from nbhostd.core.errors import NbhostdError, Refused, WorldError

# openat2(2): the number is the same on every architecture that Debian 13 has; the flags are from linux/openat2.h.
_OPENAT2 = 437
_NO_MAGICLINKS = 0x02
_NO_SYMLINKS = 0x04
_BENEATH = 0x08

IN_TREE = _BENEATH | _NO_MAGICLINKS
"""Symbolic links are followed, but only to places below the directory."""
NO_LINKS = _BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS
"""No component may be a symbolic link."""

# The kernel asks to try again when the tree moved under the walk; somebody who moves it all the time gets no answer.
_ATTEMPTS = 16

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW

_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_below(directory: int, path: str, flags: int, resolve: int) -> int:
    """A descriptor of `path` below the open `directory`. Raises OSError: EXDEV or ELOOP when it leads out."""
    if "\0" in path:
        raise OSError(errno.EINVAL, "NUL in a path")
    how = _How(flags | os.O_CLOEXEC, 0, resolve)
    for _ in range(_ATTEMPTS):
        fd = _libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(directory),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if fd >= 0:
            return int(fd)
        if ctypes.get_errno() != errno.EAGAIN:
            break
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


@contextmanager
def closing(fd: int) -> Iterator[int]:
    """Close the descriptor at the end."""
    try:
        yield fd
    finally:
        os.close(fd)


def parts_of(path: str) -> tuple[str, ...]:
    """The components of a relative path. Raises Refused for anything that is not one."""
    parts = tuple(path.split("/"))
    if not all(_is_plain(part) for part in parts):
        raise Refused("This is not a path inside a workspace.", reason="bad-path", detail=repr(path)[:200])
    return parts


def _is_plain(part: str) -> bool:
    try:
        encoded = os.fsencode(part)
    except UnicodeEncodeError:
        return False
    return part not in ("", ".", "..") and "\0" not in part and len(encoded) <= 255


_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_PLAIN = (errno.ELOOP, errno.ENOTDIR, errno.EXDEV, errno.EISDIR)
_CLOSED = (errno.EACCES, errno.EPERM)


@contextmanager
def student_errors(path: str) -> Iterator[None]:
    """What the system says while we work at `path` in the student's space, as a sentence for the student."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path) from error


def _translated(error: OSError, path: str) -> NbhostdError:
    detail = f"{path!r}: {error.strerror}"[:500]
    if error.errno in _FULL:
        return WorldError("There is no space left for your files.", detail=detail)
    if error.errno in _NOT_PLAIN:
        message = f"In your workspace, “{path}” is not a plain file in plain folders."
        return Refused(message, status=409, reason="not-plain", detail=detail)
    if error.errno in _CLOSED:
        message = f"In your workspace, “{path}” is closed to its owner."
        return Refused(message, status=409, reason="closed", detail=detail)
    if error.errno == errno.ENAMETOOLONG:
        return Refused("This name is too long.", reason="bad-path", detail=detail)
    return WorldError("Your files cannot be reached.", detail=detail)
