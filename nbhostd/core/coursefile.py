"""Reads nbhosting.yaml, in layers: what a course says of itself. Whoever writes it is not trusted.

A fault never stops a course: it becomes a warning, 'file:line: sentence', and the rest of the file counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from nbhostd.core.errors import Refused
from nbhostd.core.model import Build, CourseSettings, Mapping, Section, Track
from nbhostd.core.names import NotebookPath
from nbhostd.core.tracks import Tree
from nbhostd.core.urls import DEFAULT_NOTEBOOK_URL, notebook_url

LAYERS = (".nbhosting/nbhosting.yaml", "nbhosting/nbhosting.yaml")
"""Where the layers are in a course's tree, the lowest first."""

LARGEST = 256 << 10
"""Bytes of one file."""

_MOST_NODES = 20_000
_MOST_WARNINGS = 50
_LONGEST_TEXT = 4000
_DEFAULT_MAPPINGS = ("media", "data")
_SECTIONS = ("general", "tracks", "tracks-filter", "static-mappings", "builds", "builds-filter")
_BUILD_KEYS = (
    "name",
    "id",
    "description",
    "script",
    "directory",
    "result_folder",
    "entry_point",
    "external_url",
)
_ID = re.compile(r"\w[\w.\-]*")


def read_settings(layers: Sequence[tuple[str, bytes]], files: frozenset[str]) -> CourseSettings:
    """What the layers say together. `layers` are (file name, content), the lowest precedence first.

    `general` is merged key by key, lists are joined (lowest first), filters are replaced.
    """
    reader = _Reader(Tree(files))
    for name, content in layers:
        reader.read(name, content)
    return reader.settings(has_file=bool(layers))


class _TooLarge(Exception):
    """A file has more in it than any course needs: an attempt to make us work."""


@dataclass
class _Reader:
    tree: Tree
    url_format: str = DEFAULT_NOTEBOOK_URL
    mappings: dict[str, Mapping] | None = None
    tracks: list[Track] | None = None
    builds: list[Build] = field(default_factory=list)
    tracks_filter: tuple[str, ...] = ()
    builds_filter: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    file: str = ""
    nodes: int = 0

    def warn(self, node: yaml.Node | None, text: str) -> None:
        """Note a fault."""
        if len(self.warnings) < _MOST_WARNINGS:
            line = f":{node.start_mark.line + 1}" if node is not None else ""
            self.warnings.append(f"{self.file}{line}: {text}")

    # One file

    def read(self, name: str, content: bytes) -> None:
        """Add one layer on top."""
        self.file = name
        if len(content) > LARGEST:
            self.warn(None, f"ignored, it is larger than {LARGEST >> 10} kB")
            return
        try:
            root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
        except UnicodeDecodeError:
            self.warn(None, "ignored, it is not UTF-8")
        except RecursionError:
            self.warn(None, "ignored, it is nested too deeply")
        except yaml.YAMLError as error:
            self._warn_unreadable(error)
        else:
            try:
                self._read_root(root)
            except _TooLarge:
                self.warn(None, "read in part, it has too much in it")

    def _warn_unreadable(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        line = f":{mark.line + 1}" if mark is not None else ""
        self.warnings.append(f"{self.file}{line}: ignored, this is not YAML: {str(problem)[:100]}")

    def _read_root(self, root: yaml.Node | None) -> None:
        if root is None or _is_null(root):
            return
        readers: dict[str, Callable[[yaml.Node], None]] = {
            "general": self._read_general,
            "static-mappings": self._read_mappings,
            "tracks": self._read_tracks,
            "builds": self._read_builds,
            "tracks-filter": self._read_tracks_filter,
            "builds-filter": self._read_builds_filter,
        }
        for key, key_node, value in self._items(root, "the file"):
            reader = readers.get(key)
            if reader is None:
                self.warn(key_node, f"unknown “{key[:40]}”; known are {', '.join(_SECTIONS)}")
            elif not _is_null(value):
                reader(value)

    def _read_general(self, node: yaml.Node) -> None:
        for key, key_node, value in self._items(node, "general"):
            if key != "notebook-url-format":
                self.warn(key_node, f"unknown “general: {key[:40]}”; known is notebook-url-format")
                continue
            text = self._text(value)
            try:
                notebook_url(text or "", NotebookPath("n"))
            except Refused as refusal:
                self.warn(value, refusal.message)
            else:
                self.url_format = (text or "").lstrip("/")

    def _read_mappings(self, node: yaml.Node) -> None:
        self.mappings = {} if self.mappings is None else self.mappings
        for item in self._list(node, "static-mappings"):
            texts = self._texts(item, "a static mapping", ("source", "destination"))
            source, destination = (
                texts.get("source", "").rstrip("/"),
                texts.get("destination", "").rstrip("/"),
            )
            if not _is_path(source) or "/" in source or source.startswith("."):
                self.warn(item, f"“{source[:60]}” cannot be a mapping's source: it must be one plain name")
            elif not _is_path(destination):
                self.warn(
                    item, f"“{destination[:60]}” cannot be a mapping's destination: a path in the course"
                )
            else:
                self.mappings[source] = Mapping(source, destination)

    def _read_tracks(self, node: yaml.Node) -> None:
        self.tracks = [] if self.tracks is None else self.tracks
        for item in self._list(node, "tracks"):
            parts = {key: value for key, _, value in self._items(item, "a track")}
            name = (
                self._text(parts.get("name"))
                or self._text(parts.get("id"))
                or f"track {len(self.tracks) + 1}"
            )
            id = _identifier(self._text(parts.get("id")) or name)
            sections = [self._section(part) for part in self._list(parts.get("sections"), "sections")]
            full = tuple(section for section in sections if section is not None)
            if not parts:
                continue
            if any(track.id == id for track in self.tracks):
                self.warn(item, f"left out, there is already a track “{id}”")
            elif not full:
                self.warn(item, f"the track “{name[:60]}” has no notebooks")
            else:
                self.tracks.append(Track(id, name, self._text(parts.get("description")) or "", full))

    def _section(self, node: yaml.Node) -> Section | None:
        parts = {key: value for key, _, value in self._items(node, "a section")}
        name = self._text(parts.get("name")) or "section"
        notebooks: dict[NotebookPath, None] = {}  # ordered, each once
        for pattern_node in self._list(parts.get("notebooks"), "notebooks"):
            pattern = self._text(pattern_node)
            if pattern is None:
                continue
            found = self.tree.notebooks(pattern)
            if not found:
                self.warn(pattern_node, f"“{pattern[:80]}” matches no notebook")
            for notebook in found:
                self._count()
                notebooks[notebook] = None
        return Section(name, tuple(notebooks)) if notebooks else None

    def _read_builds(self, node: yaml.Node) -> None:
        for item in self._list(node, "builds"):
            texts = self._texts(item, "a build", _BUILD_KEYS)
            name = texts.get("name") or texts.get("id")
            if not name:
                self.warn(item, "left out, a build needs a name")
                continue
            build = Build(**{"name": name, **texts, "id": _identifier(texts.get("id") or name)})
            if any(known.id == build.id for known in self.builds):
                self.warn(item, f"left out, there is already a build “{build.id}”")
            else:
                self.builds.append(build)

    def _read_tracks_filter(self, node: yaml.Node) -> None:
        self.tracks_filter = self._filter(node, "tracks-filter")

    def _read_builds_filter(self, node: yaml.Node) -> None:
        self.builds_filter = self._filter(node, "builds-filter")

    def _filter(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        texts = (self._text(item) for item in self._list(node, what))
        return tuple(text for text in texts if text)

    # Nodes

    def _count(self) -> None:
        """An alias costs nothing in a file and much when it is followed: count what is really walked."""
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise _TooLarge

    def _items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.warn(node, f"{what} must be a mapping, “key: value”")
            return
        for key, value in node.value:
            self._count()
            if isinstance(key, yaml.ScalarNode):
                yield key.value, key, value
            else:
                self.warn(key, "a key must be a plain word")

    def _list(self, node: yaml.Node | None, what: str) -> Iterator[yaml.Node]:
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            self.warn(node, f"{what} must be a list, “- …”")
            return
        for item in node.value:
            self._count()
            yield item

    def _text(self, node: yaml.Node | None) -> str | None:
        """A plain value as it is written (2024 is as good a name as any), or None."""
        if node is None or _is_null(node):
            return None
        if not isinstance(node, yaml.ScalarNode) or len(node.value) > _LONGEST_TEXT:
            self.warn(
                node, "must be a text" if not isinstance(node, yaml.ScalarNode) else "is too long a text"
            )
            return None
        return str(node.value).strip()

    def _texts(self, node: yaml.Node, what: str, known: tuple[str, ...]) -> dict[str, str]:
        """The known keys of a mapping, where '-' and '_' are the same."""
        texts = {}
        for key, key_node, value in self._items(node, what):
            plain = key.replace("-", "_")
            text = self._text(value)
            if plain not in known:
                self.warn(key_node, f"unknown “{key[:40]}” in {what}; known are {', '.join(known)}")
            elif text is not None:
                texts[plain] = text
        return texts

    # All files

    def settings(self, *, has_file: bool) -> CourseSettings:
        """Everything that was read, filtered, with the defaults where nothing was said."""
        tracks = _kept(self.tracks or [], self.tracks_filter)
        if not self.tracks:
            generic = self.tree.generic()
            tracks = (generic,) if generic is not None else ()
        mappings = tuple((self.mappings or {}).values())
        if self.mappings is None and has_file:
            mappings = tuple(Mapping(name, name) for name in _DEFAULT_MAPPINGS)
        return CourseSettings(
            notebook_url_format=self.url_format,
            static_mappings=mappings,
            tracks=tracks,
            builds=_kept(self.builds, self.builds_filter),
            warnings=tuple(self.warnings),
        )


_Named = TypeVar("_Named", Track, Build)


def _kept(items: Sequence[_Named], wanted: tuple[str, ...]) -> tuple[_Named, ...]:
    """Those of a filter; an empty filter keeps all."""
    return tuple(item for item in items if not wanted or item.id in wanted)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _is_path(text: str) -> bool:
    try:
        NotebookPath.parse(text)
    except Refused:
        return False
    return True


def _identifier(text: str) -> str:
    """A text as it can stand in an address: blanks become '-', '&' becomes 'and'."""
    id = re.sub(r"[^\w.\-]+", "-", text.replace("&", "and")).strip("-.")
    return id if _ID.fullmatch(id) else "track"
