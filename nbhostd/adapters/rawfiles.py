"""The predecessor's raw files on disk: read as they grow, and written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from nbhostd.adapters.predecessor import GrowingFile
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.names import CourseName

Write = Callable[[str], None]


class DiskRawFiles:
    """The RawFiles of `core/rawfiles.py`."""

    def read(self, path: str) -> GrowingFile:
        """A file. Raises WorldError."""
        if not Path(path).is_file():
            raise WorldError(f"{path} is no file." if Path(path).exists() else f"There is no {path}.")
        return GrowingFile(Path(path))

    def write(
        self, folder: str, course: CourseName, name: str, *, replace: bool
    ) -> AbstractContextManager[Write]:
        """Takes the lines of <folder>/<course>/<name>. Raises Refused(409) when it is there, WorldError."""
        return _file(Path(folder), course, name, replace)

    def pour(self) -> AbstractContextManager[Write]:
        """Takes the lines that standard output gets. Raises Refused on a terminal."""
        return _standard_output()


@contextmanager
def _file(folder: Path, course: CourseName, name: str, replace: bool) -> Iterator[Write]:
    """Written beside as NAME.partial, for root's eyes only: it says who did what."""
    path = folder / course / name
    with _writing(path), ExitStack() as held:
        if not folder.is_dir():
            raise WorldError(f"There is no directory {folder}.")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and not replace:
            raise Refused(f"{path} is there already: --replace writes it anew.", status=409)
        partial = path.with_name(f"{name}.partial")
        # Whoever else may write there shall not have it point elsewhere.
        partial.unlink(missing_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        held.callback(partial.unlink, missing_ok=True)
        with open(fd, "wb", buffering=1 << 18) as file:
            yield lambda line: _put(file.write, line)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, path)


@contextmanager
def _standard_output() -> Iterator[Write]:
    if sys.stdout.isatty():
        raise Refused("Raw lines are nothing for a terminal: give a directory, or a pipe.")
    yield lambda line: _put(sys.stdout.buffer.write, line)
    sys.stdout.buffer.flush()


def _put(write: Callable[[bytes], object], line: str) -> None:
    write(line.encode() + b"\n")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(f"{path} cannot be written: {error.strerror}.") from error
