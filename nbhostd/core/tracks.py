"""Which notebooks a track's patterns mean, among the files that a course has."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from nbhostd.core.errors import Refused
from nbhostd.core.lookup import candidates
from nbhostd.core.model import CourseSettings, Section, Track
from nbhostd.core.names import NOTEBOOK_SUFFIXES, NotebookPath

GENERIC_ID = "generic"
_WILD = re.compile(r"[*?\[]")
# Text that is in most repositories without being a notebook of the course.
_NO_NOTEBOOKS = re.compile(
    r"(readme|license|licence|contributing|changelog|todo|setup|conftest|__init__)\..*", re.IGNORECASE
)


def is_prose(file: str) -> bool:
    """Whether a file is called as texts are that are in most repositories without being a notebook of the course."""
    return _NO_NOTEBOOKS.fullmatch(file.rpartition("/")[2]) is not None


def track_of(settings: CourseSettings, id: str | None) -> tuple[Track | None, str]:
    """The track of that id, or the course's first one, and a warning when that is not what was asked for.

    None when the course shows no track.
    """
    first = settings.tracks[0] if settings.tracks else None
    if not id:
        return first, ""
    for track in settings.tracks:
        if track.id == id:
            return track, ""
    instead = f"this is “{first.id}”" if first else "the course shows none"
    return first, f"There is no track “{id[:60]}”: {instead}."


class Tree:
    """A course's files, ordered for looking up patterns."""

    def __init__(self, files: Iterable[str]) -> None:
        self._by_directory: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for file in sorted(files):
            *directory, name = file.split("/")
            if name.endswith(NOTEBOOK_SUFFIXES) and _is_path(file):
                self._by_directory[tuple(directory)].append(name)

    def notebooks(self, pattern: str) -> tuple[NotebookPath, ...]:
        """What a pattern means, sorted: files, or else files of that stem.

        A pattern is a glob below the course's top: `*`, `?` and `[…]` within one name, `**` for any directories.
        A stem without wildcards means one notebook, the one that a launch of it would open.
        """
        found = tuple(self._matches(pattern))
        if found:
            return found
        if _WILD.search(pattern):
            return tuple(self._matches(f"{pattern}.*"))
        notebook = self.notebook(pattern)
        return (notebook,) if notebook is not None else ()

    def notebook(self, name: str) -> NotebookPath | None:
        """The one notebook that a path or stem means, taken literally: the one that a launch of it would open."""
        if self._has(name):
            return NotebookPath(name)
        try:
            stem = NotebookPath.parse(name)
        except Refused:
            return None
        return next((path for path in candidates(stem) if self._has(path)), None)

    def generic(self) -> Track | None:
        """A section per directory that has notebooks: .ipynb files, or text when the course has no .ipynb at all."""
        for suffixes in ((".ipynb",), (".md", ".py")):
            sections = tuple(self._generic_sections(suffixes))
            if sections:
                return Track(GENERIC_ID, GENERIC_ID, "", sections)
        return None

    def _generic_sections(self, suffixes: tuple[str, ...]) -> Iterator[Section]:
        for directory in sorted(self._by_directory):
            if any(part.startswith((".", "_")) or part == "nbhosting" for part in directory):
                continue
            names = [name for name in self._by_directory[directory] if name.endswith(suffixes)]
            notebooks = tuple(_join(directory, name) for name in names if not _NO_NOTEBOOKS.fullmatch(name))
            if notebooks:
                yield Section("/".join(directory) or ".", notebooks)

    def _has(self, path: str) -> bool:
        *directory, name = path.split("/")
        return name in self._by_directory.get(tuple(directory), ())

    def _matches(self, pattern: str) -> Iterator[NotebookPath]:
        if not _WILD.search(pattern):
            if self._has(pattern):
                yield NotebookPath(pattern)
            return
        *wanted, last = pattern.split("/")
        if last == "**":
            wanted, last = [*wanted, "**"], "*"
        name_fits = _translated(last)
        directory_fits = tuple(part if part == "**" else _translated(part) for part in wanted)
        for directory in sorted(self._by_directory):
            if _fits(directory, directory_fits):
                yield from (
                    _join(directory, name) for name in self._by_directory[directory] if name_fits.match(name)
                )


def _fits(directory: tuple[str, ...], patterns: tuple[re.Pattern[str] | str, ...]) -> bool:
    """Whether a directory's parts match, '**' standing for any number of parts; in steps, never backtracking."""
    reached = {0}
    for part in (*directory, None):
        for position in sorted(reached):
            while position < len(patterns) and patterns[position] == "**":
                position += 1
                reached.add(position)
        if part is None:
            break
        following = set()
        for position in reached:
            if position == len(patterns):
                continue
            pattern = patterns[position]
            if isinstance(pattern, str):
                following.add(position)
            elif pattern.match(part):
                following.add(position + 1)
        reached = following
    return len(patterns) in reached


def _translated(pattern: str) -> re.Pattern[str]:
    # fnmatch's translation is atomic, so that a hostile pattern cannot make it slow.
    return re.compile(fnmatch.translate(pattern))


def _join(directory: tuple[str, ...], name: str) -> NotebookPath:
    return NotebookPath(str(PurePosixPath(*directory, name)))


def _is_path(file: str) -> bool:
    try:
        NotebookPath.parse(file)
    except Refused:
        return False
    return True
