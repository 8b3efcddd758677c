"""Whose lines go to the journal: the server's, and only so many of what the student's programs print.

journald counts the lines of all workspaces together, and drops everybody's when one writes too many.
"""

import os
import sys
import threading
import time

LINES = 200
SECONDS = 10.0
LONGEST = 2000
"""Bytes of a line."""
NOTE = b"nbhosting-launcher: more lines than are kept; the next ones are left out"


class Bounds:
    """Lets LINES lines pass in SECONDS seconds, and says when it leaves some out."""

    def __init__(self, now: float) -> None:
        """Begin at that moment."""
        self._rest = b""
        self._left = LINES
        self._since = now

    def take(self, data: bytes, now: float) -> bytes:
        """Return what of these bytes, printed at that moment, passes: whole lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            lines, self._rest = [*lines, self._rest], b""
        if now - self._since >= SECONDS:
            self._left, self._since = LINES, now
        passing = [line[:LONGEST] for line in lines[: self._left]]
        if self._left and len(lines) > self._left:
            passing.append(NOTE)
        self._left -= min(self._left, len(lines))
        return b"".join(line + b"\n" for line in passing)


def divide() -> None:
    """Keep the journal's socket for the server; programs that it starts get a pipe, which is copied within bounds."""
    journal = os.dup(2)  # closed in the programs that are started
    reading, writing = os.pipe()
    for standard in (1, 2):
        os.dup2(writing, standard)
    os.close(writing)
    sys.stdout = sys.stderr = open(journal, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    threading.Thread(target=_copy, args=(reading, journal), name="outlet", daemon=True).start()


def _copy(reading: int, journal: int) -> None:
    bounds = Bounds(time.monotonic())
    while data := os.read(reading, 1 << 16):
        passing = bounds.take(data, time.monotonic())
        if passing:
            os.write(journal, passing)
