"""Lines of the predecessor's raw files, turned into what the daemon takes: lines of JSON, and now and then how far that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

Parse = Callable[[str], Sequence[object] | None]
"""What a line says, its moment first; None for nothing. Raises ValueError."""

_AT_ONCE = 5000
_MOST_BAD_LINES = 20


class Reading:
    """Counts the lines that are none. `noun` says what they should be; `numbered` if the first one is the file's."""

    def __init__(self, parse: Parse, noun: str, *, numbered: bool = False) -> None:
        self._parse = parse
        self._noun = noun
        self._numbered = numbered
        self._number = 0
        self.good = self.bad = 0
        self._first: list[str] = []

    def found(self, line: str) -> Sequence[object] | None:
        """What a line says; None for nothing, or for what was wrong, which is noted."""
        self._number += 1
        try:
            found = self._parse(line)
        except ValueError as error:
            self.bad += 1
            if len(self._first) < _MOST_BAD_LINES:
                shown = f"{line.strip()[:80]!r} is no {self._noun} ({error})"
                self._first.append(f"line {self._number}: {shown}" if self._numbered else shown)
            return None
        self.good += found is not None
        return found

    def sent(self, lines: Iterator[tuple[str, Callable[[], str]]]) -> Iterator[bytes]:
        """What to send. All of one moment goes together, so that what is there already can be told from what is not."""
        waiting, moment, done = 0, None, ""
        for line, how_far in lines:
            found = self.found(line)
            if waiting >= _AT_ONCE and found is not None and (found[0] != moment or waiting >= 2 * _AT_ONCE):
                yield json.dumps({"progress": done}).encode() + b"\n"
                waiting = 0
            waiting += 1
            if waiting >= _AT_ONCE:
                done = how_far()
            if found is not None:
                moment = found[0]
                yield json.dumps(found).encode() + b"\n"
        if waiting:
            yield json.dumps({"progress": how_far()}).encode() + b"\n"

    def faults(self) -> list[str]:
        """What was wrong with the first bad lines, and how many more there are."""
        more = self.bad - len(self._first)
        return [*self._first, *([f"and {more} more lines are no {self._noun}s"] if more else [])]
