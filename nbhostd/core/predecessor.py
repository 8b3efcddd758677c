"""The predecessor's site, as far as it is taken over: its words understood, its names mapped. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from nbhostd.core import imagenames
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName

_ACTIONS = ("created", "existing", "killing")
_BASES = {"nbhosting/minimal-notebook": "minimal", "nbhosting/scipy-notebook": "scipy"}
_NOBODY = "-"
LONGEST_NOTEBOOK = 2000


@dataclass(frozen=True, slots=True)
class OldCourse:
    """A course in its database."""

    name: str
    git_url: str | None
    image: str
    autopull: bool = False
    autobuild: bool = False
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """A tree, looked through without being read. `problems` is what will be missing, `notes` what is odd but comes along."""

    files: int
    size: int
    fingerprint: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class OldSite(Protocol):
    """The predecessor's data root, opened for reading. Raises WorldError when it cannot be read."""

    @property
    def identity(self) -> str:
        """Which site it is, wherever its files lie."""

    @property
    def courses(self) -> list[OldCourse]: ...
    @property
    def people(self) -> bytes:
        """Users, groups, and who belongs to what, as JSON."""

    @property
    def problems(self) -> list[str]: ...
    def folders(self, *parts: str) -> list[str]:
        """The names of the directories in a directory of the site."""

    def survey(self, kind: str, *parts: str) -> Survey | None:
        """What a tree ('student', 'local', 'droparea', 'counts', 'git') holds; None when there is none."""

    def parcel(self, kind: str, *parts: str, expect: str = "") -> Iterator[bytes]:
        """The tree as a parcel; one that is not what its survey found (`expect`: its fingerprint) breaks off."""

    def events(self, course: str) -> RawFile | None:
        """The course's recorded events; None when there are none."""

    def counts(self, course: str) -> RawFile | None:
        """What was counted while the course was there; None when nothing was."""


class RawFile(Protocol):
    """A file of lines that only ever grows."""

    @property
    def size(self) -> int: ...
    @property
    def is_whole(self) -> bool:
        """Whether its last line has an end."""

    def lines(self, progress: str) -> Iterator[tuple[str, Callable[[], str]]]:
        """Each whole line after what `progress` says is done, with a function that says how far that line is.

        That function is to be called before the next line is asked for. Raises Refused(409) when what was done is not
        the beginning of this file any more.
        """


OpenSite = Callable[[str], OldSite]


def event(line: str) -> tuple[str, str, str, str] | None:
    """(time, student, event, notebook) of a line of events.raw; None for one that says nothing. Raises ValueError.

    'timestamp course student notebook action port', where a notebook may have spaces in it, and old lines lack the
    port, or the action too: what is there is counted from both ends.
    """
    moment, _, student, *rest = line.strip("\r\n ").split(" ")
    if not rest:
        raise ValueError("too few words")
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    if len(moment) != len("2016-09-01T08:00:00"):
        raise ValueError("no time of the day, in UTC")
    name = _student(student)
    action = "existing"
    if "killing" in rest and all(word in ("killing", _NOBODY) or word.isdecimal() for word in rest):
        return at.isoformat(), name, "stop", ""
    if rest[-1] in _ACTIONS and len(rest) > 1:
        action = rest.pop()
    elif len(rest) > 2 and rest[-2] in _ACTIONS:
        action = rest[-2]
        del rest[-2:]
    notebook = " ".join(rest)
    if len(notebook) > LONGEST_NOTEBOOK:
        raise ValueError("a notebook's name that is too long")
    if action == "killing":
        return at.isoformat(), name, "stop", ""
    if notebook in ("", _NOBODY):
        return None
    return at.isoformat(), name, "open", notebook.removesuffix(".ipynb")


def _student(text: str) -> str:
    try:
        return StudentName.parse(text)
    except Refused as refused:
        raise ValueError(refused.message) from refused


def image(text: str, name: CourseName, courses: Mapping[str, CourseName]) -> tuple[str | None, str]:
    """What `nbhostctl course create --image` would be given, None for the site's own choice; and a note, or ''.

    `courses` has every course of the site by the name that it has there: an image could be another course's.
    """
    plain = text.strip().removeprefix("localhost/")
    base = plain.partition(":")[0]
    if plain in ("", "none"):
        return None, ""
    if base in _BASES:
        return _BASES[base], ""
    if courses.get(base) == name:
        return imagenames.OWN, ""
    if base in courses:
        return imagenames.course_image(courses[base]), f"uses the image of “{courses[base]}”"
    try:
        return imagenames.resolve(plain, name), f"uses the image “{plain}”, which must be brought here"
    except Refused:
        return None, f"its image “{plain[:60]}” is no image's name: the default is used"
