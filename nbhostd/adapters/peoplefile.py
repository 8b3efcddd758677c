"""What an import kept of the people of another site."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nbhostd.core.errors import WorldError

_LARGEST = 64 << 20


class PeopleFile:
    """One file of the service's own state, which need not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes | None:
        """The whole of it, or None. Raises WorldError."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                return file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WorldError("What an import kept of people cannot be read.", detail=str(error)) from error
