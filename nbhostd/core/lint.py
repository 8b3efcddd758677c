"""Judges a course's repository before it is pushed: every fault with its file, line, level and sentence.

`error`: something in it does not work, or is left out. `warning`: it works, but perhaps not as it was meant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from nbhostd.core import imagenames, recipe
from nbhostd.core.coursefile import LARGEST, LAYERS, Reading, advance, reading
from nbhostd.core.errors import Refused
from nbhostd.core.lookup import candidates
from nbhostd.core.model import CourseSettings
from nbhostd.core.names import NOTEBOOK_SUFFIXES, NotebookPath
from nbhostd.core.notebookmeta import LARGEST_IPYNB, LONGEST_HEAD, NotebookHead, read_head
from nbhostd.core.said import N_, Said
from nbhostd.core.tracks import GENERIC_ID, is_prose
from nbhostd.core.urls import launch_stem

ERROR, WARNING = "error", "warning"

_LARGEST_NOTEBOOK = 64 << 20
_LARGE_FILE = 50 << 20
_PLACES = ("nbhosting/", ".nbhosting/")
_KERNEL = "python3"
_OBSOLETE = {
    "tracks.py": N_("is not read any more: tracks are in nbhosting.yaml"),
    "static-mappings": N_("is not read any more: static-mappings are in nbhosting.yaml"),
    "nbhosting.yml": N_("is not read: it must be called nbhosting.yaml"),
    "nbconfig/notebook.json": N_("is not read any more: it was for Jupyter Notebook 6"),
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault; `line` counts from 1, 0 means the whole file."""

    file: str
    line: int
    level: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.level}: {self.text}"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checked-out repository: its regular files with their sizes, and how to read the beginning of one."""

    files: Mapping[str, int]
    read: Callable[[str, int], bytes | None]


def judge(checkout: Checkout) -> list[Finding]:
    """Every fault, by file and line."""
    inspector = _Inspector(checkout)
    inspector.look()
    return sorted(set(inspector.found))


@dataclass
class _Inspector:
    checkout: Checkout
    found: list[Finding] = field(default_factory=list)

    def note(self, level: str, file: str, text: str, line: int = 0) -> None:
        self.found.append(Finding(file, line, level, text))

    def look(self) -> None:
        """Look at everything."""
        settings = self._settings()
        self._obsolete()
        self._recipe()
        self._overlays()
        self._attributes()
        self._sizes()
        self._notebooks(settings)

    def _settings(self) -> CourseSettings:
        step = reading(frozenset(self.checkout.files))
        said = advance(step)
        while not isinstance(said, Reading):
            said = advance(step, self.checkout.read(said, LARGEST + 1))
        for fault in said.faults:
            self.note(ERROR if fault.grave else WARNING, fault.file, fault.text, fault.line)
        return said.settings

    def _obsolete(self) -> None:
        for place in _PLACES:
            for name, text in _OBSOLETE.items():
                if place + name in self.checkout.files:
                    self.note(WARNING, place + name, Said(text))
        for name in ("nbhosting.yaml", "nbhosting.yml"):
            if name in self.checkout.files:
                self.note(WARNING, name, Said("is not read here: it must be {place}", place=LAYERS[0]))

    def _recipe(self) -> None:
        recipes = [path for path in imagenames.RECIPE_FILES if path in self.checkout.files]
        for other in recipes[1:]:
            self.note(WARNING, other, Said("does not count, there is {other}", other=recipes[0]))
        for path in recipes[:1]:
            content = self.checkout.read(path, recipe.LARGEST + 1) or b""
            if len(content) > recipe.LARGEST:
                self.note(ERROR, path, Said("is larger than {most} kB", most=recipe.LARGEST >> 10))
                continue
            text = content.decode(errors="replace")
            foreign = recipe.foreign(text)
            if foreign is not None:
                self.note(
                    ERROR, path, Said("a course's image may not be made from “{image}”", image=foreign[:80])
                )
            elif not recipe.bases(text):
                self.note(
                    ERROR, path,
                    Said("starts from neither nbhosting/minimal-notebook nor nbhosting/scipy-notebook: notebooks would not open"),
                )  # fmt: skip

    def _overlays(self) -> None:
        overlays = tuple(f"{place}{overlay}/" for place in _PLACES for overlay in ("jupyter", "labconfig"))
        for path in self.checkout.files:
            if path.startswith(overlays) and path.endswith(".json"):
                try:
                    shape = json.loads(self.checkout.read(path, LARGEST) or b"")
                except (ValueError, RecursionError):
                    shape = None
                if not isinstance(shape, dict):
                    self.note(ERROR, path, Said("is not a JSON object: Jupyter would not start with it"))

    def _attributes(self) -> None:
        for path in self.checkout.files:
            if path.rpartition("/")[2] == ".gitattributes":
                text = (self.checkout.read(path, LARGEST) or b"").decode(errors="replace")
                for number, line in enumerate(text.splitlines(), 1):
                    if "filter=lfs" in line and not line.lstrip().startswith("#"):
                        self.note(ERROR, path, Said("what is kept in git LFS is not fetched"), number)

    def _sizes(self) -> None:
        for path, size in self.checkout.files.items():
            if path.endswith(NOTEBOOK_SUFFIXES) and size > _LARGEST_NOTEBOOK:
                self.note(
                    ERROR,
                    path,
                    Said("cannot be opened, it is larger than {most} MB", most=_LARGEST_NOTEBOOK >> 20),
                )
            elif size > _LARGE_FILE:
                self.note(
                    WARNING, path, Said("has {size} MB, which every clone carries for ever", size=size >> 20)
                )

    # Notebooks

    def _notebooks(self, settings: CourseSettings) -> None:
        in_tracks = {
            path for track in settings.tracks for section in track.sections for path in section.notebooks
        }
        has_tracks = any(track.id != GENERIC_ID for track in settings.tracks)
        own_image = any(path in self.checkout.files for path in imagenames.RECIPE_FILES)
        for file in sorted(path for path in self.checkout.files if path.endswith(NOTEBOOK_SUFFIXES)):
            path = self._path(file)
            if path is None or file.startswith(_PLACES) or self.checkout.files[file] > _LARGEST_NOTEBOOK:
                continue
            head = self._head(path)
            is_notebook = bool(head.facts.format)
            if not is_notebook and path not in in_tracks and not head.trouble:
                continue  # a module, a README
            self._address(path)
            if head.trouble:
                level = WARNING if self.checkout.files[file] > LARGEST_IPYNB else ERROR
                self.note(level, file, Said("its title and kernel are not known: {why}", why=head.trouble))
            elif not is_notebook:
                self.note(WARNING, file, Said("is in a track, but has no jupytext header"))
            elif not head.kernel:
                self.note(WARNING, file, Said("names no kernel: it opens with {kernel}", kernel=_KERNEL))
            elif head.kernel != _KERNEL and not own_image:
                self.note(
                    WARNING,
                    file,
                    Said(
                        "names the kernel “{kernel}”, the site's images have only {ours}",
                        kernel=head.kernel[:40],
                        ours=_KERNEL,
                    ),
                )
            if has_tracks and is_notebook and path not in in_tracks and not is_prose(file):
                self.note(WARNING, file, Said("is in no track"))

    def _path(self, file: str) -> NotebookPath | None:
        try:
            return NotebookPath.parse(file)
        except Refused:
            self.note(ERROR, file, Said("no address can open a notebook of this name"))
            return None

    def _head(self, path: NotebookPath) -> NotebookHead:
        limit = LARGEST_IPYNB if path.suffix == ".ipynb" else LONGEST_HEAD
        return read_head(path, self.checkout.read(path, limit + 1))

    def _address(self, path: NotebookPath) -> None:
        """Whether an address that names this notebook opens this one."""
        opened = next(self._meant(path), None)
        if opened is None:
            self.note(ERROR, path, Said("no address can open a notebook of this name"))
        elif opened != path:
            self.note(WARNING, path, Said("its own address opens {other} instead", other=opened))

    def _meant(self, path: NotebookPath) -> Iterator[NotebookPath]:
        stem = launch_stem(path)
        for candidate in candidates(NotebookPath(stem)) if stem else ():
            if candidate in self.checkout.files:
                yield candidate
