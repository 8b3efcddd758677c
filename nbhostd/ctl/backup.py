"""nbhostctl backup"""

from __future__ import annotations

import io
import json
import secrets
import socket
from dataclasses import asdict
from functools import partial
from typing import Any, BinaryIO

from nbhostd.core.archive import (
    END,
    MANIFEST,
    Archives,
    ArchiveWriter,
    ConfigurationFiles,
    Manifest,
    Sum,
)
from nbhostd.core.backup import CONFIGURATION, DATABASES
from nbhostd.core.errors import NbhostdError
from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import OK, size

_MORE = """\
examples:
  nbhostctl backup /srv/backup/ --students            a new file in that directory, everything in it
  nbhostctl backup site.tar.gz                        without students' files
  nbhostctl backup - --students | age -r KEY >FILE    encrypted

The site goes on meanwhile. In it are the databases, the courses, local/ files, drop areas, shared and static pages, the
logs of jobs, /etc/nbhostd with the launch keys, and the service's ssh keys: keep it where only administrators
read. Not in it are images, which are built anew. Its name ends in .tar.gz, or in .tar to be left uncompressed.
A file has its name only once it is whole; nbhostctl restore FILE --dry-run looks at it."""

_ROOM = 512 << 20
_SHOWN_EVERY = 4 << 20
_MOST_TOLD = 20
_NO_ROOM = 503


def add(parsers: SubParsers, archives: Archives, configuration: ConfigurationFiles) -> None:
    """The parser."""
    command = add_command(
        parsers, "backup", partial(_backup, archives, configuration), "make a backup of the site", more=_MORE
    )
    command.add_argument("target", metavar="FILE|DIR|-", help="where to: a file, a directory, or a pipe")
    command.add_argument("--students", action="store_true", help="students' files, too")


def _backup(archives: Archives, configuration: ConfigurationFiles, call: Call) -> int:
    students = call.args.students
    host = socket.gethostname()
    target = archives.place(call.args.target, f"nbhostd-{host}-{call.now:%Y%m%d-%H%M%S}.tar.gz")
    try:
        survey = call.follow("POST", path("backup", "survey"), {"students": students})
        free = archives.free(target)
        if free is not None and free < survey["size"] + _ROOM:
            raise Failed(
                f"About {size(survey['size'])} are to be written, and {size(free)} are free there.", _NO_ROOM
            )
        manifest = Manifest(
            id=secrets.token_hex(16), host=host, made_at=call.now.isoformat(), version=survey["version"],
            schema=survey["schema"], students=students, courses=survey["courses"], images=survey["images"],
            parts=survey["parts"],
        )  # fmt: skip
        with archives.create(target) as archive:
            writing = _Writing(call, archive, manifest, survey["size"])
            writing.write(configuration)
    except NbhostdError as error:
        raise Failed(error.message, error.status, error.detail) from error
    finally:
        call.console.end_bar()
    _tell(call, target, writing)
    return OK


class _Writing:
    """One backup as it is written."""

    def __init__(self, call: Call, archive: ArchiveWriter, manifest: Manifest, total: int) -> None:
        self._call = call
        self._archive = archive
        self._manifest = manifest
        self._total = total
        self._uids = {part["name"]: int(part["uid"]) for part in manifest.parts}
        self._before = 0
        self.sums: dict[str, Sum] = {}
        self.notes: list[tuple[str, str, str]] = []

    def write(self, configuration: ConfigurationFiles) -> None:
        """All of it. Raises Failed, Unreachable, NbhostdError: then it is not whole."""
        self._archive.document(MANIFEST, self._manifest.shape())
        self._part(CONFIGURATION, io.BytesIO(b"".join(configuration.parcel())))
        url = f"{path('backup')}?students={int(self._manifest.students)}"
        with self._call.client.receive(url) as incoming:
            while not (said := _line(incoming)).get("end"):
                if "part" in said:
                    self._part(said["part"], _Counted(incoming, self._progress(said["part"])))
                else:
                    self._absent(said["absent"])
        parts = {name: asdict(sum) for name, sum in self.sums.items()}
        self._archive.document(END, {"parts": parts, "notes": self.notes})

    def _part(self, name: str, parcel: Any) -> None:
        sum, notes = self._archive.part(name, self._uids.get(name, 0), parcel)
        self.sums[name] = sum
        self.notes += [(name, where, note) for where, note in notes]
        self._before += sum.size

    def _absent(self, name: str) -> None:
        if name == DATABASES:
            raise Failed("The databases could not be read.", 500)
        if any(name == f"courses/{course['name']}" for course in self._manifest.courses):
            self.notes.append((name, "", "has no repository here"))

    def _progress(self, name: str) -> Any:
        def show(read: int) -> None:
            done = self._before + read
            self._call.console.bar(done >> 10, max(self._total, done) >> 10, f"kB  {name}")

        return show


class _Counted:
    """What comes, with somebody told how much it was every few megabytes."""

    def __init__(self, source: BinaryIO, tell: Any) -> None:
        self._source = source
        self._tell = tell
        self._read = self._told = 0
        tell(0)

    def read(self, count: int) -> bytes:
        return self._seen(self._source.read(count))

    def readline(self, limit: int) -> bytes:
        return self._seen(self._source.readline(limit))

    def _seen(self, data: bytes) -> bytes:
        self._read += len(data)
        if self._read - self._told > _SHOWN_EVERY:
            self._told = self._read
            self._tell(self._read)
        return data


def _line(incoming: BinaryIO) -> Shape:
    """What the daemon says between two parts. Raises Failed."""
    line = incoming.readline()
    if not line.endswith(b"\n"):
        raise Failed("nbhostd broke off: its log says why (nbhostctl logs daemon).", 500)
    said: Shape = json.loads(line)
    if "error" in said:
        raise Failed(str(said["error"]), int(said.get("status", 500)), str(said.get("detail", "")))
    return said


def _tell(call: Call, target: str, writing: _Writing) -> None:
    spaces = sum(name.startswith("workspaces/") for name in writing.sums)
    files = sum(sum.files for sum in writing.sums.values())
    total = sum(sum.size for sum in writing.sums.values())
    for part, where, note in writing.notes[:_MOST_TOLD]:
        call.console.warn(f"{part}: {where}{': ' if where else ''}{note}")
    if len(writing.notes) > _MOST_TOLD:
        call.console.warn(f"and {len(writing.notes) - _MOST_TOLD} more, all of them in its {END}")
    if target == "-":
        return
    if call.console.as_json:
        call.console.json({"file": target, "files": files, "size": total, "workspaces": spaces,
                           "notes": writing.notes})  # fmt: skip
        return
    call.console.line(f"{target}: {files} files, {size(total)} before compression")
    if call.args.students:
        call.console.line(f"The files of {spaces} workspaces are in it.")
    else:
        call.console.line("Students' files are not in it (--students).")
