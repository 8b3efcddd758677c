"""Names that arrive from outside, parsed once: holding one of these types proves that it was checked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from nbhostd.core.errors import Refused

# First a word character, then word characters, '.', '_' or '-'; the predecessor's rule, in Unicode.
_NAME = re.compile(r"\w[\w.\-]*")
_MAX_NAME_BYTES = 128
_MAX_PATH_BYTES = 1024
_MAX_COMPONENT_BYTES = 255

NOTEBOOK_SUFFIXES = (".ipynb", ".py", ".md")


def _checked_name(text: str, kind: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not _NAME.fullmatch(name):
        raise Refused(f"“{text[:60]}” is not a {kind} name.", reason=f"bad-{kind}-name")
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise Refused(f"This {kind} name is longer than {_MAX_NAME_BYTES} bytes.", reason=f"bad-{kind}-name")
    return name


class CourseName(str):
    """A course's name: a word character, then word characters, '.', '_' or '-'; at most 128 bytes of UTF-8."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> CourseName:
        """The name, in Unicode NFC. Raises Refused(400)."""
        return cls(_checked_name(text, "course"))


class StudentName(str):
    """A student's name or LMS hash, under the same rule as a course's name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> StudentName:
        """The name, in Unicode NFC. Raises Refused(400)."""
        return cls(_checked_name(text, "student"))


class AreaName(str):
    """A drop area's name, under the same rule as a course's name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> AreaName:
        """The name, in Unicode NFC. Raises Refused(400)."""
        return cls(_checked_name(text, "drop-area"))


@dataclass(frozen=True, order=True, slots=True)
class WorkspaceId:
    """One student in one course. `WorkspaceId.parse(str(w)) == w`."""

    course: CourseName
    student: StudentName

    def __str__(self) -> str:
        return f"{self.course}/{self.student}"

    @classmethod
    def parse(cls, text: str) -> WorkspaceId:
        """The pair written "course/student". Raises Refused(400)."""
        course, slash, student = text.partition("/")
        if not slash:
            raise Refused("A workspace is written COURSE/STUDENT.", reason="bad-workspace")
        return cls(CourseName.parse(course), StudentName.parse(student))


class NotebookPath(str):
    """A path inside a course, relative, '/'-separated, contained: no '..', no '.', no empty part, no control character."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> NotebookPath:
        """The path. Raises Refused(400)."""
        if not text or len(text.encode(errors="surrogatepass")) > _MAX_PATH_BYTES:
            raise Refused("This notebook path is empty or too long.", reason="bad-notebook-path")
        parts = text.split("/")
        if any(not _is_plain_part(part) for part in parts):
            raise Refused("This notebook path is not a path inside the course.", reason="bad-notebook-path")
        return cls(text)

    @property
    def suffix(self) -> str:
        """The last suffix, with its dot, of the last part, or ''."""
        return PurePosixPath(self).suffix

    @property
    def stem_path(self) -> str:
        """The path without a notebook's suffix (.ipynb, .py, .md), if it has one."""
        return self.removesuffix(self.suffix) if self.suffix in NOTEBOOK_SUFFIXES else str(self)

    def __str__(self) -> str:
        return str.__str__(self)


class FilePath(str):
    """A path inside a directory of ours, under the same rule as a notebook's path; its spelling is left as it is."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> FilePath:
        """The path. Raises Refused(400)."""
        if not text or len(text.encode(errors="surrogatepass")) > _MAX_PATH_BYTES:
            raise Refused("This file's name is empty or too long.", reason="bad-file-path")
        if any(not _is_plain_part(part) for part in text.split("/")):
            raise Refused("This is not the name of a file in a drop area.", reason="bad-file-path")
        return cls(text)


def _is_plain_part(part: str) -> bool:
    if part in ("", ".", ".."):
        return False
    try:
        encoded = part.encode()
    except UnicodeEncodeError:
        return False
    return len(encoded) <= _MAX_COMPONENT_BYTES and not any(unicodedata.category(c) == "Cc" for c in part)


_LIGATURES = str.maketrans(
    {"ß": "ss", "œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)


def folded_name(text: str) -> str:
    """What a student could be called after that text, in ASCII; '' when nothing is left of it.

    Accents go, and a piece that no name may have in it becomes one '-'.
    """
    plain = unicodedata.normalize("NFKD", text.strip().translate(_LIGATURES))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^A-Za-z0-9_.\-]+", "-", letters).strip("-.")[:_MAX_NAME_BYTES]
