"""The pages of shared notebooks: files of the service user's, each replaced whole."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from nbhostd.core.errors import NotNow, WorldError


class ShareDirectory:
    """Files `<state>/shares/<token>.html`, mode 0600; satisfies core.ports_sharing.SharePages."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, token: str) -> str:
        """Where a page is, whether or not it exists."""
        return str(self._directory / f"{token}.html")

    async def write(self, token: str, content: bytes) -> None:
        """Replace a page whole, on the disk when this returns. Raises NotNow on a full disk, WorldError."""
        try:
            await asyncio.to_thread(self._replace, token, content)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NotNow("The server's disk is full.", retry_after=60, detail=str(error)) from error
            raise WorldError("The page could not be kept.", detail=str(error)) from error

    def _replace(self, token: str, content: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._directory / f".{token}.new"
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.rename(self.path(token))
        finally:
            new.unlink(missing_ok=True)
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def delete(self, token: str) -> None:
        """Remove a page; not being there is success. Raises WorldError."""
        try:
            await asyncio.to_thread(Path(self.path(token)).unlink, missing_ok=True)
        except OSError as error:
            raise WorldError("The page could not be removed.", detail=str(error)) from error

    async def sweep(self, keep: Collection[str]) -> int:
        """Remove every page but those of these tokens; how many there were. Raises WorldError."""
        try:
            return await asyncio.to_thread(self._sweep, {f"{token}.html" for token in keep})
        except OSError as error:
            raise WorldError("Old pages could not be removed.", detail=str(error)) from error

    def _sweep(self, keep: Collection[str]) -> int:
        removed = 0
        with suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                if path.name not in keep:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed
