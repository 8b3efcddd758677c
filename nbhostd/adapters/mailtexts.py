"""The texts of our letters, from files: the administrator's own where there is one, else those that came along."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nbhostd.core.errors import ConfigError, WorldError
from nbhostd.core.mailtext import LARGEST, LetterKind, MailText

_LANGUAGES = ("en", "fr")


class MailTextFiles:
    """Files `<kind>.<language>.txt` in `own`, and for those that it lacks in `shipped`; read anew at each use."""

    def __init__(self, shipped: Path, own: Path) -> None:
        self._shipped = shipped
        self._own = own

    async def read(self, kind: LetterKind, language: str) -> MailText:
        """The text of a kind of letter; in English where the language has none. Raises WorldError for a faulty one."""
        try:
            return await asyncio.to_thread(self._read, kind, language if language in _LANGUAGES else "en")
        except ConfigError as error:
            raise WorldError(
                "The text of this letter has a fault.", detail="; ".join(error.faults)
            ) from error

    def _read(self, kind: LetterKind, language: str) -> MailText:
        name = f"{kind}.{language}.txt"
        own = self._own / name
        return _parse(own if own.exists() else self._shipped / name)


def mail_text_faults(own: Path) -> tuple[str, ...]:
    """Every fault of the administrator's own texts, files that no letter is made from included."""
    if not own.is_dir():
        return ()
    known = {f"{kind}.{language}.txt" for kind in LetterKind for language in _LANGUAGES}
    faults: list[str] = []
    for path in sorted(own.iterdir()):
        if path.name not in known:
            faults.append(f"{path}: no letter has this name; they are {', '.join(sorted(known))}")
            continue
        try:
            _parse(path)
        except ConfigError as error:
            faults += error.faults
    return tuple(faults)


def _parse(path: Path) -> MailText:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ConfigError((f"{path}: larger than {LARGEST >> 10} KiB",))
        return MailText.parse(data.decode("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path}: cannot be read: {error}",)) from error
