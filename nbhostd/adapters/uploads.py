"""Files on their way in: kept in files without a name, so that nothing is left of one, whatever happens."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nbhostd.core.errors import NotNow, Refused, WorldError

_CHUNK = 1 << 18


@dataclass(slots=True)
class ReceivedFile:
    """A file that is here whole; satisfies core.ports_students.Received."""

    file: IO[bytes]
    size: int = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its content, from the beginning."""
        await asyncio.to_thread(self.file.seek, 0)
        while piece := await asyncio.to_thread(self.file.read, _CHUNK):
            yield piece


class UploadDirectory:
    """Files in `<state>/uploads`, on the disk that has the state; satisfies core.ports_students.Uploads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @asynccontextmanager
    async def receive(self, content: AsyncIterator[bytes], most: int) -> AsyncIterator[ReceivedFile]:
        """Take a file in; it is gone when this is left. Raises Refused(413), NotNow on a full disk, WorldError."""
        with _disk_errors():
            file = await asyncio.to_thread(self._open)
        with file:
            received = ReceivedFile(file)
            async for piece in content:
                received.size += len(piece)
                if received.size > most:
                    message = f"This file is larger than {most >> 20} MB."
                    raise Refused(message, status=413, reason="file-too-big")
                with _disk_errors():
                    await asyncio.to_thread(file.write, piece)
            with _disk_errors():
                await asyncio.to_thread(file.flush)
            yield received

    def _open(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._directory)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotNow("The server's disk is full.", retry_after=60, detail=str(error)) from error
        raise WorldError("The file could not be received.", detail=str(error)) from error
