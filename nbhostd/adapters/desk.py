"""The desk, asked through its socket: whoever touches students' files, as the student."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.handouts import Dropped
from nbhostd.core.model import Mapping
from nbhostd.core.names import AreaName, CourseName, FilePath, NotebookPath
from nbhostd.core.parcel import END, FILE, Entry
from nbhostd.core.progress import Fingerprint
from nbhostd.core.students import Listing, OwnFile
from nbhostd.core.takeover import Stock, Unpacked

# What the desk may take, in seconds, is a little less; a whole tree takes as long as a student wants it to.
_SOON = 40.0
_PAUSE = 0.2
_MEASURE = 130.0
_DELETE = 3700.0
_DROP = 610.0
_UNPACK = 6 * 3600 + 100.0
# The desk serves 32 at a time: short requests must never wait for long ones.
_SHORT_AT_ONCE = 20
_LONG_AT_ONCE = 4
_LONGEST_ANSWER = 1 << 20
_PIECE = 1 << 18
_ERROR = b'{"error"'
# A path takes 1024 bytes at most, and up to six times that as JSON: this many fit a request of a megabyte.
_PATHS_AT_ONCE = 150


class SocketDesk:
    """The desk behind a Unix socket; satisfies core.ports.Desk."""

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        self._path = path
        self._patience = patience
        self._short = asyncio.Semaphore(_SHORT_AT_ONCE)
        self._long = asyncio.Semaphore(_LONG_AT_ONCE)

    async def prepare(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        *,
        notebook: NotebookPath | None,
        force: bool,
        links: Sequence[Mapping],
        aside: str | None = None,
    ) -> bool:
        """Make the workspace directory and put the notebook and its links there; True when the notebook was copied.

        Raises Refused: 404 when the course has no such notebook, 409 when something of the student's is in the way.
        """
        copied = await self._ask(
            "prepare",
            workspace,
            uid,
            wanted="copied",
            course=course,
            notebook=notebook,
            force=force,
            aside=aside,
            links=[(link.source, link.destination) for link in links],
        )
        return copied is True

    async def reset(
        self,
        workspace: int,
        uid: int,
        course: CourseName,
        notebook: NotebookPath,
        *,
        links: Sequence[Mapping],
        aside: str,
    ) -> str | None:
        """Put the course's notebook in the place of the student's; where the student's is now, None when there was none.

        Raises Refused as `prepare` does.
        """
        kept = await self._ask(
            "prepare",
            workspace,
            uid,
            wanted="kept",
            course=course,
            notebook=notebook,
            force=True,
            aside=aside,
            links=[(link.source, link.destination) for link in links],
        )
        return None if kept is None else str(kept)

    async def exists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[bool]:
        """Which of these are regular files in the workspace (False when there is no workspace yet)."""
        exist: list[bool] = []
        for first in range(0, len(paths), _PATHS_AT_ONCE):
            batch = list(paths[first : first + _PATHS_AT_ONCE])
            answer = await self._ask("exists", workspace, uid, wanted="exist", paths=batch)
            exist += [item is True for item in answer]
        return exist

    async def ages(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[float | None]:
        """When each of these was last changed (seconds since the epoch), None for what is no regular file."""
        told = await self._ask("ages", workspace, uid, wanted="ages", paths=list(paths))
        return [float(one) if isinstance(one, (int, float)) else None for one in told]

    async def fingerprints(
        self, workspace: int, uid: int, known: Sequence[tuple[NotebookPath, str]]
    ) -> list[Fingerprint | None]:
        """Of each of these files (and the stamp that is known of it, or ''); None for what is no regular file."""
        prints: list[Fingerprint | None] = []
        for first in range(0, len(known), _PATHS_AT_ONCE):
            batch = known[first : first + _PATHS_AT_ONCE]
            told = await self._ask(
                "fingerprints", workspace, uid, wanted="fingerprints",
                paths=[path for path, _ in batch], known=[stamp for _, stamp in batch],
            )  # fmt: skip
            prints += [Fingerprint(*map(str, one)) if one else None for one in told]
        return prints

    async def gists(self, workspace: int, uid: int, paths: Sequence[NotebookPath]) -> list[str]:
        """The gist of each of these files; '' for what has none."""
        told: list[str] = []
        for first in range(0, len(paths), _PATHS_AT_ONCE):
            batch = list(paths[first : first + _PATHS_AT_ONCE])
            told += map(str, await self._ask("gists", workspace, uid, wanted="gists", paths=batch))
        return told

    async def measure(self, workspace: int, uid: int) -> tuple[int, int]:
        """(bytes used on disk, number of files)."""
        size, files = await self._ask("measure", workspace, uid, wanted="measured", timeout=_MEASURE)
        return int(size), int(files)

    async def files(
        self, workspace: int, uid: int, *, below: str = "", suffixes: Sequence[str] = ()
    ) -> Listing:
        """The plain files of a workspace, as far as they have names that can be shown; of very many, some."""
        told = await self._ask("files", workspace, uid, wanted="files", below=below, suffixes=list(suffixes))
        return Listing(tuple(_own_files(told["found"])), told["more"] is True)

    async def drop(
        self, workspace: int, uid: int, course: CourseName, area: AreaName, files: Sequence[FilePath]
    ) -> list[Dropped]:
        """Copy files of a drop area to DROPPED/<area>/ in the workspace; never overwrites.

        Raises Refused(404) when the area has no such file, NotNow on a full disk.
        """
        words: list[Dropped] = []
        for first in range(0, len(files), _PATHS_AT_ONCE):
            batch = list(files[first : first + _PATHS_AT_ONCE])
            told = await self._ask(
                "drop", workspace, uid, wanted="dropped", timeout=_DROP, course=course, area=area, files=batch
            )
            words += [Dropped(word) for word in told]
        return words

    async def unpack(
        self, workspace: int, uid: int, parcel: AsyncIterator[bytes], *, staged: bool = False
    ) -> Unpacked:
        """Write what a parcel holds into the workspace. Raises Refused for what is no whole parcel, NotNow."""
        told = await self._ask(
            "unpack", workspace, uid, wanted="unpacked", timeout=_UNPACK, parcel=parcel, staged=staged
        )
        return _unpacked(told)

    async def stock(
        self, place: Stock, course: CourseName | None, parcel: AsyncIterator[bytes], *, replace: bool = False
    ) -> Unpacked:
        """The same into <state>/<place>/<course>/ (without a course, <state>/<place>/), as the service user.

        `replace` overwrites plain files.
        """
        told = await self._ask(
            "stock", 0, 0, wanted="unpacked", timeout=_UNPACK, parcel=parcel, place=place.value, course=course,
            replace=replace,
        )  # fmt: skip
        return _unpacked(told)

    async def stage(self, parcel: AsyncIterator[bytes]) -> Unpacked:
        """The same into <state>/restore/, as the service user."""
        told = await self._ask("stage", 0, 0, wanted="unpacked", timeout=_UNPACK, parcel=parcel)
        return _unpacked(told)

    def pack(self, workspace: int, uid: int) -> AsyncGenerator[bytes]:
        """What is in the workspace, as a parcel. Raises Refused(404) when there is none, WorldError."""
        return self._fetch({"op": "pack", "workspace": workspace, "uid": uid})

    def pack_stock(self, path: str, *, under: Sequence[str] = ()) -> AsyncGenerator[bytes]:
        """The same of a directory of the service user's: `path` below <state>/<under>/, as which it is packed."""
        return self._fetch({"op": "pack_stock", "path": path, "under": list(under)})

    async def delete(self, workspace: int, uid: int, *, staged: bool = False) -> None:
        """Remove the workspace directory whole; not being there is success."""
        await self._ask("delete", workspace, uid, wanted="deleted", timeout=_DELETE, staged=staged)

    async def _ask(
        self, op: str, workspace: int, uid: int, *, wanted: str, timeout: float = _SOON,
        parcel: AsyncIterator[bytes] | None = None, **body: Any,
    ) -> Any:  # fmt: skip
        """What the desk answers under the name `wanted`; `parcel` is sent after the request."""
        request = {"op": op, "workspace": workspace, "uid": uid, **body}
        async with self._short if timeout == _SOON else self._long:
            try:
                async with asyncio.timeout(timeout):
                    line = await self._exchange(json.dumps(request).encode() + b"\n", parcel)
                return _understood(line)[wanted]
            except TimeoutError as error:
                raise WorldError("Your files could not be handled in time.", detail=f"desk: {op}") from error
            except (OSError, ValueError, KeyError) as error:
                raise WorldError("Your files cannot be reached.", detail=f"desk: {op}: {error!r}") from error

    async def _exchange(self, line: bytes, parcel: AsyncIterator[bytes] | None) -> bytes:
        reader, writer = await self._connected()
        try:
            writer.write(line)
            await writer.drain()
            if parcel is not None:
                async for piece in parcel:
                    writer.write(piece)
                    await writer.drain()
                writer.write_eof()
            return await reader.readline()
        finally:
            writer.close()

    async def _fetch(self, request: dict[str, Any]) -> AsyncGenerator[bytes]:
        """The parcel that the desk packs, in pieces, to its end; each entry's line is a piece of its own."""
        async with self._long:
            try:
                reader, writer = await self._connected()
                try:
                    writer.write(json.dumps(request).encode() + b"\n")
                    await writer.drain()
                    async for piece in _parcel(reader):
                        yield piece
                    _understood(await reader.readline())
                finally:
                    writer.close()
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:
                detail = f"desk: {request['op']}: {error!r}"
                raise WorldError("Files cannot be reached.", detail=detail) from error

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, after a wait when nobody listens: a user manager that died is back within a second."""
        for _ in range(round(self._patience / _PAUSE)):
            try:
                return await asyncio.open_unix_connection(str(self._path), limit=_LONGEST_ANSWER)
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(_PAUSE)
        return await asyncio.open_unix_connection(str(self._path), limit=_LONGEST_ANSWER)


async def _parcel(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What comes, up to the parcel's end. Raises the desk's own error, ValueError when it breaks off."""
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise ValueError("the desk broke off")
        if line.startswith(_ERROR):
            _understood(line)
        entry = Entry.parse(line)
        yield line
        if entry.kind == END:
            return
        left = entry.size if entry.kind == FILE else 0
        while left:
            piece = await reader.read(min(left, _PIECE))
            if not piece:
                raise ValueError("the desk broke off")
            left -= len(piece)
            yield piece


def _understood(line: bytes) -> dict[str, Any]:
    """The answer, or the desk's own error raised here. Raises ValueError for what is no answer."""
    if not line.endswith(b"\n"):
        raise ValueError("the desk broke off")
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("the desk's answer is no object")
    if "error" not in answer:
        return answer
    if "reason" in answer:
        raise Refused(
            answer["error"], status=answer["status"], reason=answer["reason"], detail=answer.get("detail", "")
        )
    if "retry_after" in answer:
        raise NotNow(answer["error"], retry_after=answer["retry_after"], detail=answer.get("detail", ""))
    raise WorldError(answer["error"], detail=answer.get("detail", ""))


def _own_files(found: Sequence[Sequence[Any]]) -> Iterator[OwnFile]:
    for path, size, changed in found:
        with suppress(Refused):
            yield OwnFile(FilePath.parse(path), int(size), _moment(changed))


def _moment(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _unpacked(told: dict[str, Any]) -> Unpacked:
    return Unpacked(
        int(told["written"]), int(told["size"]), int(told["same"]),
        tuple(map(str, told["kept"])), int(told["kept_count"]), tuple(map(str, told["troubles"])),
    )  # fmt: skip
