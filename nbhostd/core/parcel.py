"""A parcel: a tree of files as one stream of bytes, made by nbhostctl or the desk, and unpacked by the desk.

Each entry is a line of JSON, for a file followed by its bytes. The last one says that the parcel is whole. A folder's
entry comes after what is in it, so that its time can be set at once. Not tar: ten lines read it, and it has no corners.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from nbhostd.core.errors import Refused

LONGEST_LINE = 1 << 16
LARGEST_FILE = 16 << 30
"""No file in a parcel is larger, in bytes."""

LAST_TIME = (1 << 62) - 1
"""The farthest time that a parcel can say, in nanoseconds from 1970: a file may claim any."""

FILE, FOLDER, LINK, HARD, NOTE, END = "file", "folder", "link", "hard", "note", "end"
_KINDS = frozenset({FILE, FOLDER, LINK, HARD, NOTE, END})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a parcel. Bytes that are no UTF-8 stand in `path` and `to` as Python's surrogateescape has them."""

    kind: str
    path: str = ""
    mode: int = 0o644
    mtime: int = 0
    """In nanoseconds since 1970."""
    size: int = 0
    to: str = ""
    """Where a link leads; for HARD, the path of the file whose second name this is; for NOTE, what is wrong there."""

    def __bytes__(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """The entry in a line. Raises Refused."""
        try:
            entry = cls(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise Refused("This is not a parcel.", reason="bad-parcel", detail=str(error)[:200]) from error
        texts = (entry.kind, entry.path, entry.to)
        numbers = (entry.mode, entry.mtime, entry.size)
        if (
            not all(isinstance(text, str) for text in texts)
            or not all(type(number) is int for number in numbers)
            or entry.kind not in _KINDS
            or not 0 <= entry.size <= LARGEST_FILE
            or not 0 <= entry.mode <= 0o7777
            or abs(entry.mtime) > LAST_TIME
        ):
            raise Refused("This is not a parcel.", reason="bad-parcel", detail=repr(line[:200]))
        return entry


THE_END = bytes(Entry(END))


def time_of(nanoseconds: int) -> int:
    """A file's time as a parcel can say it."""
    return max(-LAST_TIME, min(LAST_TIME, nanoseconds))
