"""/etc/nbhostd as a whole, for root: into a backup, and back without losing what is there."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from nbhostd.adapters.config_file import read_config
from nbhostd.core.access import parse_keys
from nbhostd.core.config import parse_config
from nbhostd.core.errors import ConfigError, NbhostdError, WorldError
from nbhostd.core.parcel import FILE, THE_END, Entry

_CONFIG = "nbhostd.toml"
_KEYS = "launch.key"
_LARGEST = 4 << 20
_KEPT = ".before-"
"""In the names of what an earlier restore kept beside."""


class EtcFiles:
    """The ConfigurationFiles of `core/archive.py`: plain files only, whatever their names are."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def parcel(self) -> Iterator[bytes]:
        """All of it, as a parcel. Raises WorldError."""
        for path in sorted(self._top.rglob("*")):
            seen = path.lstat()
            if stat.S_ISREG(seen.st_mode) and seen.st_size <= _LARGEST and _KEPT not in path.name:
                try:
                    data = path.read_bytes()
                except OSError as error:
                    raise WorldError(f"{path} cannot be read: {error.strerror}.") from error
                name = str(path.relative_to(self._top))
                yield bytes(Entry(FILE, name, seen.st_mode & 0o777, seen.st_mtime_ns, len(data))) + data
        yield THE_END

    def faults(self, files: Mapping[str, tuple[int, bytes]]) -> list[str]:
        """Why these files are none for this computer."""
        faults: list[str] = []
        if _CONFIG in files:
            try:
                config = parse_config(tomllib.loads(files[_CONFIG][1].decode()))
            except ConfigError as error:
                return [f"{_CONFIG}: {fault}" for fault in error.faults]
            except ValueError as error:
                return [f"{_CONFIG}: {error}"]
            here = self._state()
            if here is not None and here != config.paths.state:
                faults.append(f"{_CONFIG}: the state is in {config.paths.state} there, and in {here} here")
        if _KEYS in files:
            try:
                parse_keys(files[_KEYS][1].decode())
            except (NbhostdError, ValueError) as error:
                faults.append(f"{_KEYS}: {error}")
        return faults

    def put(self, files: Mapping[str, tuple[int, bytes]], stamp: str) -> list[str]:
        """Write these files; what is other here is kept beside. Raises WorldError."""
        written = []
        for name, (mode, data) in files.items():
            path = self._top / name
            if ".." in path.relative_to(self._top).parts:
                raise WorldError(f"{name} is no file of the configuration.")
            try:
                if _write(path, mode, data, stamp):
                    written.append(str(path))
            except OSError as error:
                raise WorldError(f"{path} cannot be written: {error.strerror}.") from error
        return written

    def _state(self) -> str | None:
        try:
            return read_config(self._top / _CONFIG).paths.state
        except ConfigError:
            return None


def _write(path: Path, mode: int, data: bytes, stamp: str) -> bool:
    """Replace a file, on the disk when this returns; whether there was something to write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return False
        kept = path.with_name(f"{path.name}{_KEPT}{stamp}")
        if not kept.exists():
            os.link(path, kept)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode & 0o777)
        os.fsync(file.fileno())
    os.rename(new, path)
    return True
