"""A backup's archive: what nbhostctl asks of whoever writes and reads the file, and what its two notes say.

The archive is a tar in pax format (POSIX.1-2001, "pax Interchange Format"): `manifest.json` first, then each part's files,
and `end.json` last, without which it is not whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from nbhostd.core.backup import FORMAT
from nbhostd.core.errors import Refused

Shape = dict[str, Any]

MANIFEST = "manifest.json"
END = "end.json"


@dataclass(frozen=True, slots=True)
class Sum:
    """What a part comes to: its digest, its files that are no folders, and their bytes."""

    sha256: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of."""

    id: str
    host: str
    made_at: str
    version: str
    schema: Mapping[str, int]
    students: bool
    courses: Sequence[Mapping[str, str | None]]
    images: Sequence[str]
    parts: Sequence[Mapping[str, Any]]

    @classmethod
    def parse(cls, shape: object) -> Manifest:
        """The manifest in a parsed document. Raises Refused."""
        if not isinstance(shape, dict) or shape.get("format") != FORMAT:
            raise Refused("This is not a backup that this nbhostctl understands.")
        try:
            manifest = cls(**{name: shape[name] for name in cls.__slots__})
        except KeyError as error:
            raise Refused(f"The backup's manifest lacks “{error.args[0]}”.") from error
        texts = (manifest.id, manifest.host, manifest.made_at, manifest.version)
        if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.schema, dict):
            raise Refused("The backup's manifest is not one.")
        return manifest

    def shape(self) -> Shape:
        """As it is written."""
        return {"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}}

    def told(self) -> Shape:
        """What is remembered of it where it is restored."""
        return {
            "host": self.host,
            "made_at": self.made_at,
            "version": self.version,
            "students": self.students,
        }


class ArchiveWriter(Protocol):
    """An archive that is being written."""

    def document(self, name: str, shape: Shape) -> None:
        """Write a document of JSON."""

    def part(self, name: str, uid: int, parcel: BinaryIO) -> tuple[Sum, list[tuple[str, str]]]:
        """Write a part as it comes in a parcel, and read that to its end; what it comes to, and (path, note) of each note.

        Raises WorldError when the disk is full or the parcel broken, Refused for what is no parcel.
        """


class ArchiveReader(Protocol):
    """An archive that is there."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    @property
    def manifest(self) -> Manifest:
        """What it is of. Raises Refused, WorldError."""

    def parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each part's name and its parcel, in the archive's order; a parcel that is not read is passed over."""

    def verify(self, progress: Progress) -> dict[str, Sum]:
        """Read all of it and compare with what was written. Raises WorldError when it is damaged or not whole."""


class Progress(Protocol):
    """Told how far something is."""

    def __call__(self, done: int, total: int, what: str, /) -> None: ...


class Archives(Protocol):
    """Makes and opens archives."""

    def place(self, target: str, name: str) -> str:
        """The file that is meant: `target`, or `name` in it when that is a directory."""

    def free(self, target: str) -> int | None:
        """Bytes that are free where the file is to be; None when that cannot be told ("-")."""

    def create(self, target: str) -> AbstractContextManager[ArchiveWriter]:
        """Write an archive; it has its name only once this is left without an error. "-" is standard output.

        Raises WorldError.
        """

    def open(self, path: str) -> ArchiveReader:
        """Raises WorldError when it cannot be read."""


class ConfigurationFiles(Protocol):
    """/etc/nbhostd on this computer."""

    def parcel(self) -> Iterable[bytes]:
        """All of it. Raises WorldError."""

    def faults(self, files: Mapping[str, tuple[int, bytes]]) -> Sequence[str]:
        """Why these files (mode and content, by path) are none for this computer."""

    def put(self, files: Mapping[str, tuple[int, bytes]], stamp: str) -> list[str]:
        """Write these files; what is other here is kept beside as NAME.before-STAMP. The paths that were written.

        Raises WorldError.
        """
