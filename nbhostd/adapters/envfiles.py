"""The environment files of workspaces: secrets that appear on no command line and in no unit's properties."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from nbhostd.core.errors import WorldError


class EnvFileDirectory:
    """Files `<runtime>/env/<workspace number>`, mode 0600, replaced atomically (podman-run(1), --env-file)."""

    def __init__(self, runtime: Path) -> None:
        self._directory = runtime / "env"

    def path(self, workspace: int) -> str:
        """Where the file of a workspace is, whether or not it exists."""
        return str(self._directory / str(workspace))

    async def write(self, workspace: int, variables: Sequence[tuple[str, str]]) -> None:
        """Replace the file whole. Raises WorldError when it cannot be written."""
        text = "".join(f"{name}={value}\n" for name, value in variables)
        try:
            await asyncio.to_thread(self._replace, workspace, text)
        except OSError as error:
            raise WorldError("The server's start could not be prepared.", detail=str(error)) from error

    def _replace(self, workspace: int, text: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._directory / f".{workspace}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        new.rename(self.path(workspace))
