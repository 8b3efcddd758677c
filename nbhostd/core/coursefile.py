"""Reads nbhosting.yaml, in layers: what a course says of itself, and the administrator over it.

Whoever writes a course is not trusted. A fault never stops a course: it becomes a warning, 'file:line: sentence',
and the rest of the file counts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Generator, Sequence
from collections.abc import Mapping as Contents
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from nbhostd.core.errors import Refused
from nbhostd.core.model import Build, CourseSettings, Mapping, Section, Track
from nbhostd.core.names import NotebookPath
from nbhostd.core.said import Said
from nbhostd.core.toc import read_toc
from nbhostd.core.tracks import Tree
from nbhostd.core.urls import DEFAULT_NOTEBOOK_URL, notebook_url
from nbhostd.core.yamlfile import LARGEST, Fault, TooLarge, YamlFaults, is_null, unknown

__all__ = ["LARGEST", "LAYERS", "LOCAL", "Reading", "Step", "advance", "read_settings", "reading"]

LAYERS = (".nbhosting/nbhosting.yaml", "nbhosting/nbhosting.yaml")
"""Where the layers are in a course's tree, the lowest first."""

LOCAL = "nbhosting.yaml"
"""The name of the administrator's layer, above both."""

_DEFAULT_MAPPINGS = ("media", "data")
_SECTIONS = ("general", "tracks", "tracks-filter", "static-mappings", "builds", "builds-filter")
_TRACK_KEYS = ("name", "id", "description", "sections")
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What the files of a course say, and what is wrong in them."""

    settings: CourseSettings
    faults: tuple[Fault, ...]


Step = Generator[str, bytes | None, Reading]
"""Yields the path of a file of the course that it wants, and is sent its content (at most LARGEST + 1 bytes), or None."""


def reading(files: frozenset[str], local: tuple[str, bytes] | None = None) -> Step:
    """Read a course that has those files; `local` is the administrator's layer: how to call it, and its content.

    `general` is merged key by key; lists are joined, lowest layer first, where a higher layer's track, build or
    mapping takes the place of a lower one's of the same id; filters are replaced.
    """
    reader = _Reader(Tree(files), _directories(files) | files)
    has_file = local is not None
    for path in LAYERS:
        content = (yield path) if path in files else None
        if content is not None:
            has_file = True
            reader.read(path, content)
    if all(path in files for path in LAYERS):
        reader.sheet.faults.append(
            Fault(
                LAYERS[1],
                0,
                Said("there is {other} as well; this one counts over it", other=LAYERS[0]),
                grave=False,
            )
        )
    if local is not None:
        reader.read(*local)
    if not reader.tracks:
        places = tuple(build.directory for build in reader.builds)
        reader.tracks = list((yield from read_toc(reader.sheet, reader.tree, files, places)))
    settings = reader.settings(has_file=has_file)
    return Reading(settings, tuple(reader.sheet.faults))


def advance(step: Step, content: bytes | None = None) -> str | Reading:
    """The next file wanted, or what all of them say. May take a second on a hostile file."""
    try:
        return step.send(content)
    except StopIteration as end:
        result: Reading = end.value
        return result


def read_settings(
    layers: Sequence[tuple[str, bytes]], files: frozenset[str], others: Contents[str, bytes] | None = None
) -> CourseSettings:
    """What files say that are all at hand: the layers of the repository, and others that these may lead to."""
    contents = {**(others or {}), **dict(layers)}
    step = reading(files | contents.keys())
    wanted = advance(step)
    while isinstance(wanted, str):
        wanted = advance(step, contents.get(wanted))
    return wanted.settings


@dataclass
class _Reader:
    tree: Tree
    entries: frozenset[str]
    """Every file and directory of the course."""
    sheet: YamlFaults = field(default_factory=YamlFaults)
    url_format: str = DEFAULT_NOTEBOOK_URL
    mappings: dict[str, Mapping] | None = None
    tracks: list[Track] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)
    filters: dict[str, _Filter] = field(default_factory=dict)

    def read(self, name: str, content: bytes) -> None:
        """Add one layer on top."""
        root = self.sheet.compose(name, content)
        if root is None:
            return
        readers: dict[str, Callable[[yaml.Node], None]] = {
            "general": self._read_general,
            "static-mappings": self._read_mappings,
            "tracks": self._read_tracks,
            "builds": self._read_builds,
            "tracks-filter": lambda node: self._read_filter(node, "tracks-filter"),
            "builds-filter": lambda node: self._read_filter(node, "builds-filter"),
        }
        try:
            for key, value in self.sheet.mapping(root, Said("the file"), _SECTIONS).items():
                if not is_null(value):
                    readers[key](value)
        except TooLarge:
            self.sheet.warn(None, Said("read in part, it has too much in it"))

    def _read_general(self, node: yaml.Node) -> None:
        for value in self.sheet.mapping(node, "general", ("notebook-url-format",)).values():
            text = self.sheet.text(value) or ""
            try:
                notebook_url(text, NotebookPath("n"))
            except Refused as refusal:
                self.sheet.warn(value, refusal.message)
            else:
                self.url_format = text.lstrip("/")

    def _read_mappings(self, node: yaml.Node) -> None:
        here: dict[str, Mapping] = {}
        for item in self.sheet.list(node, "static-mappings"):
            texts = self._texts(item, Said("a static mapping"), ("source", "destination"))
            if texts is None:
                continue
            source, destination = (texts.get(key, "").rstrip("/") for key in ("source", "destination"))
            if not _is_path(source) or "/" in source or source.startswith("."):
                self.sheet.warn(
                    item,
                    Said(
                        "“{source}” cannot be a mapping's source: it must be one plain name",
                        source=source[:60],
                    ),
                )
            elif not _is_path(destination):
                self.sheet.warn(
                    item,
                    Said(
                        "“{place}” cannot be a mapping's destination: a path in the course",
                        place=destination[:60],
                    ),
                )
            elif source in here:
                self.sheet.warn(
                    item, Said("left out, there is already a mapping of “{source}”", source=source[:60])
                )
            else:
                here[source] = Mapping(source, destination)
                if destination not in self.entries:
                    self.sheet.warn(
                        item,
                        Said(
                            "the course has no “{place}”: “{source}” leads nowhere",
                            place=destination[:60],
                            source=source[:60],
                        ),
                    )
        self.mappings = {**(self.mappings or {}), **here}

    def _read_tracks(self, node: yaml.Node) -> None:
        here: list[Track] = []
        for item in self.sheet.list(node, "tracks"):
            parts = self.sheet.mapping(item, Said("a track"), _TRACK_KEYS)
            if not parts:
                continue
            number = f"track {len(self.tracks) + len(here) + 1}"
            given = self.sheet.text(parts.get("name")) or self.sheet.text(parts.get("id"))
            if given is None:
                self.sheet.warn(
                    item, Said("a track needs a name, this one is called “{name}”", name=number), grave=False
                )
            name = given or number
            id = identifier(self.sheet.text(parts.get("id")) or name, number)
            sections = [self._section(part) for part in self.sheet.list(parts.get("sections"), "sections")]
            full = tuple(section for section in sections if section is not None)
            if any(track.id == id for track in here):
                self.sheet.warn(item, Said("left out, there is already a track “{id}”", id=id))
            elif not full:
                self.sheet.warn(
                    item, Said("the track “{name}” has no notebooks", name=name[:60]), grave=False
                )
            else:
                description = self.sheet.text(parts.get("description")) or ""
                here.append(Track(id, name, description, full, self.sheet.file))
        self.tracks = _over(self.tracks, here)

    def _section(self, node: yaml.Node) -> Section | None:
        parts = self.sheet.mapping(node, Said("a section"), ("name", "notebooks"))
        name = self.sheet.text(parts.get("name"))
        if parts and name is None:
            self.sheet.warn(node, Said("a section needs a name"), grave=False)
        notebooks: dict[NotebookPath, None] = {}  # ordered, each once
        for pattern_node in self.sheet.list(parts.get("notebooks"), "notebooks"):
            pattern = self.sheet.text(pattern_node)
            if pattern is None:
                continue
            found = self.tree.notebooks(pattern)
            if not found:
                self.sheet.warn(
                    pattern_node, Said("“{pattern}” matches no notebook", pattern=pattern[:80]), grave=False
                )
            for notebook in found:
                self.sheet.count()
                notebooks[notebook] = None
        return Section(name or "section", tuple(notebooks)) if notebooks else None

    def _read_builds(self, node: yaml.Node) -> None:
        here: list[Build] = []
        for item in self.sheet.list(node, "builds"):
            texts = self._texts(item, Said("a build"), _BUILD_KEYS)
            if texts is None:
                continue
            name = texts.get("name") or texts.get("id")
            if not name:
                self.sheet.warn(item, Said("left out, a build needs a name"))
                continue
            id = identifier(texts.get("id") or name, "build")
            if any(known.id == id for known in here):
                self.sheet.warn(item, Said("left out, there is already a build “{id}”", id=id))
            elif (fault := _fault_of_build(texts)) is not None:
                self.sheet.warn(item, Said("left out, {fault}", fault=fault))
            else:
                here.append(Build(**{**texts, "name": name, "id": id}))
                place = posixpath.normpath(here[-1].directory)
                if place not in self.entries and here[-1].script:
                    self.sheet.warn(
                        item,
                        Said(
                            "the course has no directory “{place}” to make “{id}” in", place=place[:60], id=id
                        ),
                    )
        self.builds = _over(self.builds, here)

    def _read_filter(self, node: yaml.Node, what: str) -> None:
        texts = (self.sheet.text(item) for item in self.sheet.list(node, what))
        line = node.start_mark.line + 1
        self.filters[what] = _Filter(self.sheet.file, line, tuple(text for text in texts if text))

    def _texts(self, node: yaml.Node, what: str, known: tuple[str, ...]) -> dict[str, str] | None:
        """The known keys of a mapping, where '-' and '_' are the same; None when it is none."""
        if not isinstance(node, yaml.MappingNode):
            self.sheet.warn(node, Said("{what} must be a mapping, “key: value”", what=what))
            return None
        texts: dict[str, str] = {}
        for key, key_node, value in self.sheet.items(node, what):
            plain = key.replace("-", "_")
            if plain not in known:
                self.sheet.warn(key_node, unknown(key, what, known))
            elif plain in texts:
                self.sheet.warn(key_node, Said("“{key}” is there twice, the first one counts", key=key[:40]))
            elif (text := self.sheet.text(value)) is not None:
                texts[plain] = text
        return texts

    def settings(self, *, has_file: bool) -> CourseSettings:
        """Everything that was read, filtered, with the defaults where nothing was said."""
        generic = self.tree.generic() if not self.tracks else None
        mappings = tuple((self.mappings or {}).values())
        if self.mappings is None and has_file:
            mappings = tuple(Mapping(name, name) for name in _DEFAULT_MAPPINGS)
        tracks = self._kept(self.tracks or ([generic] if generic else []), "tracks-filter")
        builds = self._kept(self.builds, "builds-filter")
        return CourseSettings(
            notebook_url_format=self.url_format,
            static_mappings=mappings,
            tracks=tracks,
            builds=builds,
            warnings=tuple(str(fault) for fault in self.sheet.faults),
        )

    def _kept(self, items: Sequence[_Named], what: str) -> tuple[_Named, ...]:
        """Those of a filter; an empty filter keeps all, and one that matches nothing hides all."""
        filter = self.filters.get(what)
        if filter is None or not filter.ids:
            return tuple(items)
        ids = [item.id for item in items]
        strange = [wanted for wanted in filter.ids if wanted not in ids]
        if strange:
            told = {
                "filter": what,
                "names": ", ".join(f"“{id[:40]}”" for id in strange[:10]),
                "there_are": ", ".join(ids) or Said("none"),
            }
            text = (
                Said("{filter} names {names}, which hides all; there are: {there_are}", **told)
                if len(strange) == len(filter.ids)
                else Said("{filter} names {names}; there are: {there_are}", **told)
            )
            self.sheet.faults.append(Fault(filter.file, filter.line, text, False))
        return tuple(item for item in items if item.id in filter.ids)


@dataclass(frozen=True, slots=True)
class _Filter:
    file: str
    line: int
    ids: tuple[str, ...]


_Named = TypeVar("_Named", Track, Build)


def _over(low: Sequence[_Named], high: Sequence[_Named]) -> list[_Named]:
    """Both, the low ones first; a high one takes the place of the low one of its id."""
    joined = {item.id: item for item in low}
    joined.update((item.id, item) for item in high)
    return list(joined.values())


def _is_path(text: str) -> bool:
    try:
        NotebookPath.parse(text)
    except Refused:
        return False
    return True


def _directories(files: frozenset[str]) -> frozenset[str]:
    found = {"."}
    for file in files:
        while (file := file.rpartition("/")[0]) and file not in found:
            found.add(file)
    return frozenset(found)


def _fault_of_build(texts: dict[str, str]) -> Said | None:
    for key in ("directory", "result_folder", "entry_point"):
        place = posixpath.normpath(texts.get(key, "."))
        if place != "." and not _is_path(place):
            return Said("“{key}: {place}” must be a path in the course", key=key, place=texts[key][:60])
    url = texts.get("external_url", "")
    if url and not url.startswith(("https://", "http://")):
        return Said("“external_url: {url}” must be an address, https://…", url=url[:60])
    return None


def identifier(text: str, otherwise: str) -> str:
    """A text as it can stand in an address: blanks become '-', '&' becomes 'and'."""
    id = re.sub(r"[^\w.\-]+", "-", text.replace("&", "and")).strip("-.")
    return id if _ID.fullmatch(id) else otherwise.replace(" ", "-")
