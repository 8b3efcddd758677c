"""An archive's members and a parcel's entries: one from the other, and back without a difference."""

from __future__ import annotations

import errno
import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.parcel import FILE, FOLDER, HARD, LINK, Entry

_STUDENTS_GROUP = 100
_SIZE = "NBHOSTD.size"
"""A vendor's record (pax, "Extended Header Keywords"): the size of the file that a hard link is of."""
_TYPES = {FILE: tarfile.REGTYPE, FOLDER: tarfile.DIRTYPE, LINK: tarfile.SYMTYPE, HARD: tarfile.LNKTYPE}
_KINDS = {type: kind for kind, type in _TYPES.items()}
_NANO = 1_000_000_000


def info_of(entry: Entry, prefix: str, uid: int) -> tarfile.TarInfo:
    """The member that an entry of a part becomes; `uid` is the student's number, 0 for the service's own."""
    info = tarfile.TarInfo(prefix + entry.path)
    info.type = _TYPES[entry.kind]
    info.mode = entry.mode
    info.uid, info.gid = (uid, _STUDENTS_GROUP) if uid else (0, 0)
    seconds, nanoseconds = divmod(entry.mtime, _NANO)
    info.mtime = max(seconds, 0)
    more: dict[str, str] = {}
    if seconds < 0 or nanoseconds:
        more["mtime"] = decimal(entry.mtime)
    if entry.kind == FILE:
        info.size = entry.size
    elif entry.kind == HARD:
        info.linkname = prefix + entry.to
        more[_SIZE] = str(entry.size)
    elif entry.kind == LINK:
        info.linkname = entry.to
    info.pax_headers = more
    return info


def decimal(nanoseconds: int) -> str:
    """Nanoseconds as seconds, exactly."""
    seconds, rest = divmod(abs(nanoseconds), _NANO)
    return f"{'-' if nanoseconds < 0 else ''}{seconds}.{rest:09d}"


def nanoseconds(text: str) -> int:
    """What `decimal` wrote."""
    seconds, _, rest = text.removeprefix("-").partition(".")
    value = int(seconds) * _NANO + int(rest.ljust(9, "0")[:9])
    return -value if text.startswith("-") else value


def prefix_of(part: str) -> str:
    """What stands before the paths of a part's parcel: those of the service's own trees have it already."""
    return f"{part}/" if part.startswith("workspaces/") or part == "etc" else ""


def part_of(info: tarfile.TarInfo) -> str:
    """The part that a member belongs to."""
    first, *rest = info.name.split("/", 2)
    return f"{first}/{rest[0]}" if rest and first in ("courses", "workspaces") else first


def entry_of(member: tarfile.TarInfo, prefix: str) -> Entry:
    """The entry that a member was. Raises Refused for what is no member of a backup."""
    kind = _KINDS.get(member.type)
    if kind is None or not member.name.startswith(prefix):
        raise Refused(f"A backup has no such member: {member.name[:100]!r}.")
    mtime = member.pax_headers.get("mtime")
    size, to = member.size if kind == FILE else 0, ""
    if kind == HARD:
        size, to = int(member.pax_headers.get(_SIZE, "0")), member.linkname.removeprefix(prefix)
    elif kind == LINK:
        to = member.linkname
    when = int(member.mtime) * _NANO if mtime is None else nanoseconds(mtime)
    return Entry(kind, member.name.removeprefix(prefix), member.mode & 0o7777, when, size, to)


@contextmanager
def archive_errors(path: str) -> Iterator[None]:
    """What goes wrong with the file, as a sentence."""
    try:
        yield
    except NbhostdError:
        raise
    except (EOFError, zlib.error, tarfile.TarError, json.JSONDecodeError, ValueError) as error:
        raise WorldError(f"{path} is damaged, or not whole.", detail=str(error)) from error
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise WorldError(f"{path} is damaged, or not whole.", detail=str(error)) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WorldError(f"{path}: the disk is full.") from error
        raise WorldError(f"{path}: {error.strerror or error}.") from error
