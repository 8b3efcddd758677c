"""A track from the table of contents of a book: MyST's myst.yml, or jupyter-book's _toc.yml.

For courses that say no tracks themselves. A part, a titled group or a chapter with pages below it becomes a section, in which
whatever is nested is in reading order; pages that stand alone share one section.
Formats: mystmd.org/guide/table-of-contents; jupyterbook.org's and sphinx-external-toc's _toc.yml, and its list of before 2021.
"""

from __future__ import annotations

import posixpath
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import yaml

from nbhostd.core.model import Section, Track
from nbhostd.core.names import NotebookPath
from nbhostd.core.said import Said
from nbhostd.core.tracks import Tree
from nbhostd.core.yamlfile import TooLarge, YamlFaults, is_null

TOC_ID = "toc"

_UNTITLED = "Contents"
_CHILDREN = ("parts", "subtrees", "chapters", "entries", "sections", "items", "children")
_TITLES = ("caption", "part", "title")
_DEEPEST = 32
_MOST_EXTENDED = 8

Wish = Generator[str, bytes | None, "tuple[Track, ...]"]


def read_toc(faults: YamlFaults, tree: Tree, files: frozenset[str], places: Sequence[str] = ()) -> Wish:
    """The track that the first table of contents gives: at the course's top, or else in one of the directories `places`.

    Yields the paths of the files that it wants and is sent their contents.
    """
    for place in dict.fromkeys(("", *(posixpath.normpath(place) for place in places))):
        directory = "" if place == "." else place
        for name, read in (("myst.yml", _read_myst), ("_toc.yml", _read_jupyter_book)):
            path = posixpath.join(directory, name)
            if path not in files:
                continue
            contents = _Contents(faults, tree, directory)
            try:
                yield from read(contents, path, files)
            except TooLarge:
                faults.warn(None, Said("read in part, it has too much in it"))
            track = contents.track()
            if track is not None:
                return (track,)
    return ()


Steps = Generator[str, bytes | None, None]


def _read_myst(contents: _Contents, path: str, files: frozenset[str]) -> Steps:
    """Take over `project.toc` of myst.yml, or of the first file that it extends and that has one."""
    faults, waiting, seen = contents.faults, [path], 0
    while waiting and seen < _MOST_EXTENDED:
        name, seen = waiting.pop(0), seen + 1
        root = faults.compose(name, (yield name) or b"")
        if not isinstance(root, yaml.MappingNode):
            continue
        top = _parts(faults, root)
        project = top.get("project")
        parts = _parts(faults, project) if isinstance(project, yaml.MappingNode) else {}
        if "title" in parts and not contents.title:
            contents.title = faults.text(parts["title"]) or ""
        if "toc" in parts and not is_null(parts["toc"]):
            contents.walk(parts["toc"])
            return
        waiting += _extended(faults, top.get("extends"), contents.directory, files)


def _extended(faults: YamlFaults, node: yaml.Node | None, directory: str, files: frozenset[str]) -> list[str]:
    """The files of this course that a myst.yml extends; addresses are not fetched."""
    found = []
    for item in [node] if isinstance(node, yaml.ScalarNode) else faults.list(node, "extends"):
        text = faults.text(item) or ""
        path = posixpath.normpath(posixpath.join(directory, text))
        if path in files:
            found.append(path)
        elif text:
            faults.warn(
                item, Said("“{file}” is not a file of the course, and not read", file=text[:80]), grave=False
            )
    return found


def _read_jupyter_book(contents: _Contents, path: str, files: frozenset[str]) -> Steps:
    faults = contents.faults
    root = faults.compose(path, (yield path) or b"")
    if isinstance(root, yaml.SequenceNode):
        contents.walk(root)
    elif root is not None:
        parts = _parts(faults, root)
        if "root" in parts:
            contents.page(parts["root"])
        for key in _CHILDREN:
            if key in parts:
                contents.walk(parts[key])


def _parts(faults: YamlFaults, node: yaml.Node) -> dict[str, yaml.Node]:
    return {key: value for key, _, value in faults.items(node, "this")}


@dataclass
class _Group:
    name: str
    pages: list[tuple[NotebookPath, bool]] = field(default_factory=list)
    """Each with whether a pattern found it."""
    loose: bool = False


@dataclass
class _Contents:
    """A table of contents as it is read."""

    faults: YamlFaults
    tree: Tree
    directory: str
    title: str = ""
    groups: list[_Group] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    """The lines of pages that are elsewhere on the web."""

    def walk(self, node: yaml.Node) -> None:
        """Take over the top of a table of contents."""
        for item in self.faults.list(node, Said("a table of contents")):
            if not isinstance(item, yaml.MappingNode):
                self.faults.warn(item, Said("must be a mapping, “file: …”"))
                continue
            parts = _parts(self.faults, item)
            header = self.faults.text(parts.get("header"))
            if header:
                self.groups.append(_Group(header, loose=True))
            elif children := self._children(parts):
                self.groups.append(_Group(self._name(parts)))
                self._entry(parts)
                self._flatten(children, 1)
            elif self._title(parts) and not {"file", "glob", "pattern", "url"} & parts.keys():
                self.groups.append(_Group(self._title(parts), loose=True))  # a part whose chapters follow it
            else:
                self._loosen()
                self._entry(parts)

    def page(self, node: yaml.Node) -> None:
        """One page that stands alone."""
        self._loosen()
        self._add(node, literal=True)

    def track(self) -> Track | None:
        """What was read, or None when there is no notebook in it."""
        if self.addresses:
            count = len(self.addresses)
            text = (
                Said("{count} addresses are left out: a track has notebooks only", count=count)
                if count > 1
                else Said("an address is left out: a track has notebooks only")
            )
            self.faults.warn(self.addresses[0], text, grave=False)
        named = {path for group in self.groups for path, found in group.pages if not found}
        seen: set[NotebookPath] = set()
        sections = []
        for group in self.groups:
            pages = []
            for path, found in group.pages:
                if path not in seen and not (found and path in named):
                    seen.add(path)
                    pages.append(path)
            if pages:
                sections.append(Section(group.name or self.title or _UNTITLED, tuple(pages)))
        return (
            Track(TOC_ID, self.title or _UNTITLED, "", tuple(sections), self.faults.file)
            if sections
            else None
        )

    def _children(self, parts: dict[str, yaml.Node]) -> list[yaml.Node]:
        return [parts[key] for key in _CHILDREN if key in parts and not is_null(parts[key])]

    def _flatten(self, lists: Sequence[yaml.Node], depth: int) -> None:
        if depth > _DEEPEST:
            self.faults.warn(lists[0], Said("left out, it is nested too deeply"))
            return
        for node in lists:
            for item in self.faults.list(node, "pages"):
                if not isinstance(item, yaml.MappingNode):
                    self.faults.warn(item, Said("must be a mapping, “file: …”"))
                    continue
                parts = _parts(self.faults, item)
                self._entry(parts)
                if children := self._children(parts):
                    self._flatten(children, depth + 1)

    def _entry(self, parts: dict[str, yaml.Node]) -> None:
        """Add what one entry itself names, without what is below it."""
        hidden = parts.get("hidden")
        if isinstance(hidden, yaml.ScalarNode) and hidden.value.lower() == "true":
            return
        if "file" in parts:
            self._add(parts["file"], literal=True)
        for key in ("glob", "pattern"):
            if key in parts:
                self._add(parts[key], literal=False)
        if "url" in parts:
            url = self.faults.text(parts["url"]) or ""
            if url.startswith("/"):  # before 2020, jupyter-book called its own pages so
                self._add(parts["url"], literal=True)
            else:
                self.addresses.append(parts["url"].start_mark.line + 1)

    def _add(self, node: yaml.Node, *, literal: bool) -> None:
        text = self.faults.text(node)
        if not text:
            return
        path = posixpath.normpath(posixpath.join(self.directory, text.lstrip("/")))
        found = (self.tree.notebook(path),) if literal else self.tree.notebooks(path)
        pages = [page for page in found if page is not None]
        if not pages:
            self.faults.warn(node, Said("“{pattern}” matches no notebook", pattern=text[:80]), grave=False)
        for page in pages:
            self.faults.count()
            self.groups[-1].pages.append((page, not literal))

    def _loosen(self) -> None:
        """Pages that stand alone go on in the section of those before them."""
        if not self.groups or not self.groups[-1].loose:
            self.groups.append(_Group("", loose=True))

    def _title(self, parts: dict[str, yaml.Node]) -> str:
        return next((text for key in _TITLES if (text := self.faults.text(parts.get(key)))), "")

    def _name(self, parts: dict[str, yaml.Node]) -> str:
        """What a group is called: its own title, its page's name, or its number."""
        page = self.faults.text(parts.get("file")) or ""
        return self._title(parts) or PurePosixPath(page).stem or f"part {len(self.groups) + 1}"
