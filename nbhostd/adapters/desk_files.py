"""Files in a student's space, handled with the student's identity: nothing here runs as anybody else.

`space` is always a descriptor of the workspace directory. The student may rename, link and plant at any moment:
every step works relative to a descriptor, follows no link, and replaces whole files only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress

from nbhostd.adapters.desk_paths import (
    DIRECTORY,
    IN_TREE,
    NO_LINKS,
    closing,
    open_below,
    parts_of,
    student_errors,
)
from nbhostd.core import gist
from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.parcel import LARGEST_FILE

LARGEST = 64 << 20
"""No notebook is larger, in bytes."""
STATIC = "/home/jovyan/static"
"""Where a container shows the course's static files."""
KEPT = "before-reset"
"""Where the student finds the versions that a reset replaced."""

_CHUNK = 1 << 20
_LONGEST_STEM = 50


def open_source(tree: int, path: str) -> int:
    """The course's file at `path` below the open `tree`. Raises Refused(404) or Refused(413)."""
    try:
        fd = open_below(tree, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY, IN_TREE)
    except OSError as error:
        raise _no_such(path, error.strerror or "") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise _no_such(path, "not a regular file")
    if found.st_size > LARGEST:
        os.close(fd)
        raise Refused(f"“{path}” is larger than {LARGEST >> 20} MB.", status=413, reason="too-big")
    return fd


def _no_such(path: str, detail: str) -> Refused:
    message = f"The course has no notebook “{path}”."
    return Refused(message, status=404, reason="no-such-notebook", detail=detail)


def open_folder(space: int, parts: Sequence[str], *, make: bool) -> int:
    """A descriptor of a folder of the student's; with `make`, made where missing. Raises OSError."""
    fd = os.dup(space)
    for part in parts:
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=fd)
            below = open_below(fd, part, DIRECTORY, NO_LINKS)
        finally:
            os.close(fd)
        fd = below
    return fd


def kind_of(folder: int, name: str) -> int | None:
    """The type bits (stat.S_IFMT) of what is called `name`, links not followed; None when nothing is."""
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


def is_file(space: int, path: str) -> bool:
    """Whether `path` is a regular file, reached without any link."""
    try:
        parts_of(path)
        with closing(open_below(space, path, os.O_PATH | os.O_NOFOLLOW, NO_LINKS)) as fd:
            return stat.S_ISREG(os.fstat(fd).st_mode)
    except (OSError, Refused):
        return False


def age(space: int, path: str) -> float | None:
    """When a regular file, reached without any link, was last changed (seconds since the epoch), or None."""
    try:
        parts_of(path)
        with closing(open_below(space, path, os.O_PATH | os.O_NOFOLLOW, NO_LINKS)) as fd:
            found = os.fstat(fd)
            return found.st_mtime if stat.S_ISREG(found.st_mode) else None
    except (OSError, Refused):
        return None


def fingerprint(space: int, path: str, known: str) -> list[str] | None:
    """A regular file's stamp, and git's name of its content unless the stamp is the `known` one; None for all else."""
    try:
        parts_of(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        with closing(open_below(space, path, flags, NO_LINKS)) as fd:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return None
            # The time of change, too: that of modification can be set to anything.
            stamp = f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}.{found.st_ctime_ns}"
            return [stamp] if stamp == known or found.st_size > LARGEST else [stamp, _blob(fd, found.st_size)]
    except (OSError, Refused):
        return None


def gist_of(space: int, path: str) -> str:
    """The gist of a regular file, reached without any link; '' for all else."""
    try:
        parts_of(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        with closing(open_below(space, path, flags, NO_LINKS)) as fd:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_size > gist.LARGEST:
                return ""
            with open(fd, "rb", closefd=False) as file:
                content = file.read(gist.LARGEST + 1)
        return gist.gist(os.path.splitext(path)[1], content)
    except (OSError, Refused):
        return ""


def _blob(fd: int, size: int) -> str:
    """What git calls this content (a blob's object name)."""
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    while chunk := os.read(fd, _CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def place_notebook(
    space: int, path: str, source: int | Refused, *, force: bool, aside: str | None
) -> tuple[bool, str | None]:
    """Copy the open `source` to `path` when nothing is there, or `force`; whether it was copied, and where the earlier is.

    Whatever is there by that name is the student's work and stays, unless `force`: then a regular file is kept
    aside first (under KEPT, when `aside` is given), and a link or a device is replaced, never followed.
    Raises Refused (also `source` itself, when it is needed and is one) and WorldError.
    """
    *folders, name = parts_of(path)
    with student_errors(path):
        there = _look(space, folders, name)
        if there == stat.S_IFREG and not force:
            return False, None
        if there is not None and (not force or there == stat.S_IFDIR):
            raise Refused(f"In your workspace, “{path}” is not a plain file.", status=409, reason="not-plain")
        if isinstance(source, Refused):
            raise source
        with closing(open_folder(space, folders, make=True)) as folder:
            temporary, kept = _copy(source, folder), None
            try:
                if there == stat.S_IFREG and aside:
                    kept = _keep_aside(space, folder, path, aside)
                return _publish(folder, temporary, name, replace=force), kept
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)


def _look(space: int, folders: Sequence[str], name: str) -> int | None:
    try:
        with closing(open_folder(space, folders, make=False)) as folder:
            return kind_of(folder, name)
    except FileNotFoundError:
        return None


def _temporary_name() -> str:
    return f".nbh-{secrets.token_hex(8)}.tmp"


def _copy(source: int, folder: int, largest: int = LARGEST) -> str:
    """A whole copy under a temporary name in `folder`, on disk when this returns."""
    name = _temporary_name()
    origin = os.fstat(source)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with closing(os.open(name, flags, 0o600, dir_fd=folder)) as target:
        try:
            _pour(source, target, largest)
            os.fchmod(target, (origin.st_mode & 0o755) | 0o600)
            os.utime(target, ns=(origin.st_atime_ns, origin.st_mtime_ns))
            os.fsync(target)
        except BaseException:
            os.unlink(name, dir_fd=folder)
            raise
    return name


def _pour(source: int, target: int, largest: int) -> None:
    total = 0
    os.lseek(source, 0, os.SEEK_SET)
    while sent := os.sendfile(target, source, None, _CHUNK):
        total += sent
        if total > largest:
            raise WorldError("The file grew while it was copied.")


def _publish(folder: int, temporary: str, name: str, *, replace: bool) -> bool:
    """Give the finished copy its name, at once; without `replace`, a file that came meanwhile is the student's."""
    if replace:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            return False
    os.fsync(folder)
    return True


def _keep_aside(space: int, folder: int, path: str, aside: str) -> str:
    """Another name for the present file, so that it is never gone, whatever happens next; that name."""
    *folders, name = parts_of(path)
    stem, suffix = os.path.splitext(name)
    with closing(open_folder(space, (*KEPT.split("/"), *folders), make=True)) as kept:
        for again in ("", *(f".{i}" for i in range(2, 10))):
            new = f"{stem[:_LONGEST_STEM]}-{aside}{again}{suffix[:_LONGEST_STEM]}"
            with suppress(FileExistsError):
                os.link(name, new, src_dir_fd=folder, dst_dir_fd=kept, follow_symlinks=False)
                return "/".join((KEPT, *folders, new))
    raise Refused("This notebook was reset too often in one moment.", status=409, reason="busy")


def open_handed_out(area: int, path: str) -> int:
    """A file of the open drop area. Raises Refused(404)."""
    try:
        parts_of(path)
        fd = open_below(area, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY, NO_LINKS)
    except OSError as error:
        raise _no_such_file(path, error.strerror or "") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_such_file(path, "not a regular file")
    return fd


def _no_such_file(path: str, detail: str) -> Refused:
    message = f"The drop area has no file “{path}”."
    return Refused(message, status=404, reason="no-such-file", detail=detail)


def place_handed_out(space: int, path: str, source: int) -> str:
    """Copy the open `source` to `path` when nothing is there: 'new', else 'there' or 'in-the-way'. Raises NotNow."""
    *folders, name = parts_of(path)
    try:
        there = _look(space, folders, name)
        if there is not None:
            return "there" if there == stat.S_IFREG else "in-the-way"
        with closing(open_folder(space, folders, make=True)) as folder:
            temporary = _copy(source, folder, LARGEST_FILE)
            try:
                return "new" if _publish(folder, temporary, name, replace=False) else "there"
            finally:
                os.unlink(temporary, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotNow("There is no space left on the server's disk.", retry_after=60) from error
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EXDEV, errno.EISDIR, errno.EACCES):
            return "in-the-way"
        raise WorldError("The file could not be handed out.", detail=f"{path!r}: {error.strerror}") from error


def place_link(space: int, folders: Sequence[str], source: str, destination: str) -> None:
    """Make `source`, in the folder, a link to the course's static `destination`; a file of the student's stays.

    Raises Refused and WorldError.
    """
    *more, name = parts_of(source)
    target = "/".join((STATIC, *parts_of(destination)))
    shown = "/".join((*folders, source))
    with student_errors(shown), closing(open_folder(space, (*folders, *more), make=True)) as folder:
        there = kind_of(folder, name)
        if there is not None and there != stat.S_IFLNK:
            return
        if there == stat.S_IFLNK and _target(folder, name) == target:
            return
        temporary = _temporary_name()
        os.symlink(target, temporary, dir_fd=folder)
        try:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            os.unlink(temporary, dir_fd=folder)
            # A folder came in between: it is the student's, and stays.
            if error.errno != errno.EISDIR:
                raise


def _target(folder: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None
