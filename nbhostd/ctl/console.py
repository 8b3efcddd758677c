"""What nbhostctl writes: plain lines, tables and JSON, and on a terminal a bar while something long goes on.

Nothing that comes from elsewhere moves the cursor of a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
UNREACHABLE = 69  # EX_UNAVAILABLE of sysexits.h

WARNINGS = ("warning:", "error:")

_HTTP_NOT_FOUND = 404
_BAR = 24
_CLEAR = "\r\x1b[K"


def exit_code(status: int) -> int:
    """The exit code for an HTTP status of the daemon's."""
    return NOT_FOUND if status == _HTTP_NOT_FOUND else FAILED


class Console:
    """Standard output for answers, standard error for warnings and errors."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool = False) -> None:
        self._out = out
        self._err = err
        self._bar_shown = False
        self.as_json = as_json

    def bar(self, done: int, total: int, what: str = "") -> None:
        """How far something long has come: on standard error, only where that is a terminal, and gone afterwards."""
        if not self._err.isatty() or total <= 0:
            return
        filled = _BAR * min(done, total) // total
        drawn = "█" * filled + "░" * (_BAR - filled)
        self._err.write(f"{_CLEAR}{drawn} {done}/{total} {printable(what)[:40]}")
        self._err.flush()
        self._bar_shown = True

    def end_bar(self) -> None:
        """Take the bar away."""
        if self._bar_shown:
            self._err.write(_CLEAR)
            self._err.flush()
            self._bar_shown = False

    def line(self, text: str = "") -> None:
        """One line of the answer."""
        self.end_bar()
        self._out.write(printable(text) + "\n")

    def progress(self, text: str) -> None:
        """One line of what is going on, at once; on standard error when the answer is JSON, or when it warns."""
        self.end_bar()
        stream = self._err if self.as_json or text.startswith(WARNINGS) else self._out
        stream.write(printable(text) + "\n")
        stream.flush()

    def warn(self, text: str) -> None:
        """A warning."""
        self.end_bar()
        self._err.write(f"warning: {printable(text)}\n")

    def error(self, text: str, detail: str = "") -> None:
        """Why it failed."""
        self.end_bar()
        for number, line in enumerate(text.split("\n")):
            self._err.write(f"{'nbhostctl: ' if number == 0 else '  '}{printable(line)}\n")
        if detail:
            self._err.write(f"  ({printable(detail)})\n")

    def json(self, shape: Any) -> None:
        """The answer for programs."""
        self.end_bar()
        self._out.write(json.dumps(shape, ensure_ascii=False, indent=2) + "\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """A table for people, or the sentence `empty`."""
        if not rows:
            self.line(empty)
            return
        cells = [list(head), *([printable(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(padded).rstrip())


def printable(text: str) -> str:
    """The text without what a terminal would obey: names and build output are anybody's."""
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)


def size(value: int | None) -> str:
    """Bytes, for people."""
    if value is None:
        return "-"
    amount = float(value)
    for unit in ("B", "K", "M", "G"):
        if amount < 1000 or unit == "G":
            return f"{amount:.0f}{unit}" if unit == "B" or amount >= 10 else f"{amount:.1f}{unit}"
        amount /= 1024
    raise AssertionError


def duration(seconds: float | None) -> str:
    """Seconds, for people: the two largest units."""
    if seconds is None:
        return "-"
    whole = int(max(seconds, 0))
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}min"
    return f"{minutes}min {rest}s" if minutes else f"{rest}s"


def local_time(text: str | None) -> str:
    """A moment of the API's, in this computer's zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def ago(text: str | None, now: datetime) -> str:
    """How long before `now` a moment was."""
    return duration((now - datetime.fromisoformat(text)).total_seconds()) if text else "-"
