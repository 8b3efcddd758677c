"""HTTP/1.1 answers as bytes: strict where a lenient reader and another one could disagree (RFC 9112).

The servers that answer are students' programs, so whatever is not plainly well-formed is a `BadAnswer`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbhostd.core.headers import Headers

MAX_HEAD = 64 * 1024
MAX_HEADERS = 128
_MAX_CHUNK_LINE = 256
_MAX_TRAILERS = 8 * 1024
# Each chunk is a few steps of ours, during which nobody else is served: many more in one piece than any server
# that means well leaves unread are a student's attempt on the others.
_MOST_CHUNKS_AT_ONCE = 8192

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t -~]*))?")
_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\r\n") + b"\x7f"
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t -~]*)?")


class BadAnswer(Exception):
    """A workspace's server did not answer in well-formed HTTP/1.1, or not at all."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The head of an answer. `length` is None when the body is chunked or ends with the connection."""

    status: int
    reason: str
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool


def parse_head(block: bytes) -> AnswerHead:
    """The head in `block`, which ends with its last header's CR LF. Raises BadAnswer."""
    if _ambiguous(block):
        raise BadAnswer("control characters, bare CR or LF, or folded lines in its headers")
    first, *lines = block.split(b"\r\n")
    start = _STATUS_LINE.fullmatch(first)
    if start is None:
        raise BadAnswer("no HTTP/1 status line")
    if len(lines) > MAX_HEADERS:
        raise BadAnswer(f"more than {MAX_HEADERS} headers")
    headers: list[tuple[bytes, bytes]] = []
    framing: list[tuple[bytes, bytes]] = []
    options: list[bytes] = []
    for line in lines:
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name or name.translate(None, _TOKEN):
            raise BadAnswer("a malformed header line")
        value = value.strip(b" \t")
        headers.append((name, value))
        lower = name.lower()
        if lower in (b"content-length", b"transfer-encoding"):
            framing.append((lower, value))
        elif lower == b"connection":
            options.extend(option.strip().lower() for option in value.split(b","))
    length, chunked = _framing(framing)
    old = start[1] == b"0"
    return AnswerHead(
        status=int(start[2]),
        reason=(start[3] or b"").decode("ascii"),
        headers=headers,
        length=length,
        chunked=chunked,
        keep_alive=b"close" not in options and (not old or b"keep-alive" in options),
    )


def _ambiguous(block: bytes) -> bool:
    """Whether there is a control character, a CR or LF outside a line's end, or a folded line."""
    ends = block.count(b"\r\n")
    return (
        block.count(b"\r") != ends
        or block.count(b"\n") != ends
        or b"\r\n " in block
        or b"\r\n\t" in block
        or len(block.translate(None, _CONTROLS)) != len(block)
    )


def _framing(said: Headers) -> tuple[int | None, bool]:
    """(length, chunked) from the headers that speak of the body's length, of which there may be one at most."""
    if not said:
        return None, False
    if len(said) > 1:
        raise BadAnswer("more than one word about its body's length")
    name, value = said[0]
    if name == b"transfer-encoding":
        if value.lower() != b"chunked":
            raise BadAnswer("a transfer coding other than chunked")
        return None, True
    if not value.isdigit() or len(value) > 18:
        raise BadAnswer("a Content-Length that is not a number")
    return int(value), False


class Dechunker:
    """Takes the chunked coding off a body, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        """What came after the body's end."""
        self._line = b""
        self._left = 0
        self._state = "size"
        self._trailers = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The body's bytes found in `data`. Raises BadAnswer; `done` is set at the end, and trailers are dropped."""
        found: list[bytes] = []
        position = 0
        while position < len(data) and not self.done:
            if self._state == "data":
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                found.append(piece)
                if len(found) > _MOST_CHUNKS_AT_ONCE:
                    raise BadAnswer("a flood of tiny chunks")
                if not self._left:
                    self._state = "end"
                continue
            line, position = self._take_line(data, position)
            if line is not None:
                self._on_line(line)
        if self.done:
            self.rest += data[position:]
        return found

    def _take_line(self, data: bytes, position: int) -> tuple[bytes | None, int]:
        """The line that ends at or after `position`, None when its end has yet to come; and where to go on."""
        after = data.find(b"\n", position) + 1
        self._line += data[position : after or len(data)]
        if len(self._line) > (_MAX_TRAILERS if self._state == "trailers" else _MAX_CHUNK_LINE):
            raise BadAnswer("a chunk line that is too long")
        if not after:
            return None, len(data)
        if not self._line.endswith(b"\r\n"):
            raise BadAnswer("a chunk line that ends in a bare LF")
        line, self._line = self._line[:-2], b""
        return line, after

    def _on_line(self, line: bytes) -> None:
        if self._state == "size":
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise BadAnswer("a malformed chunk size")
            self._left = int(match[1], 16)
            self._state = "data" if self._left else "trailers"
        elif self._state == "end":
            if line:
                raise BadAnswer("a chunk longer than it said")
            self._state = "size"
        elif line:
            self._trailers += len(line)
            if self._trailers > _MAX_TRAILERS:
                raise BadAnswer("too many trailers")
        else:
            self.done = True
