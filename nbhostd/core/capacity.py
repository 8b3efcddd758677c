"""Who may start now: verdicts with their reasons, for the page and the log."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from nbhostd.core.config import Admission
from nbhostd.core.model import HostFacts
from nbhostd.core.names import WorkspaceId


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a start is admitted; `reason` is a stable word: 'admitted', 'busy', 'memory', 'disk'."""

    admitted: bool
    reason: str


def slots(settings: Admission, cores: int) -> int:
    """How many starts go at once.

    Two per core give the full throughput with a seventh of the tail latency of an unlimited rush
    (docs/contributor/measurements.md).
    """
    return settings.starts_at_once or 2 * cores


def admit(settings: Admission, facts: HostFacts, starting: int) -> Verdict:
    """Whether one more workspace may start beside the `starting` ones."""
    if facts.disk_free < settings.disk_reserve:
        return Verdict(False, "disk")
    if starting >= slots(settings, facts.cores):
        return Verdict(False, "busy")
    needed = settings.memory_reserve + (starting + 1) * settings.memory_per_start
    if facts.memory_available < needed:
        return Verdict(False, "memory")
    return Verdict(True, "admitted")


class Queue:
    """Students waiting to start: first come first served within a course, courses in turn."""

    def __init__(self) -> None:
        self._courses: OrderedDict[str, OrderedDict[WorkspaceId, None]] = OrderedDict()
        self._places: dict[WorkspaceId, int] | None = None

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._courses.values())

    def __contains__(self, id: object) -> bool:
        return isinstance(id, WorkspaceId) and id in self._courses.get(id.course, ())

    def add(self, id: WorkspaceId) -> None:
        """Join the queue; joining twice keeps the first place."""
        self._places = None
        self._courses.setdefault(id.course, OrderedDict()).setdefault(id)

    def remove(self, id: WorkspaceId) -> None:
        """Leave the queue; not being there is fine."""
        self._places = None
        waiting = self._courses.get(id.course)
        if waiting is not None and id in waiting:
            del waiting[id]
            if not waiting:
                del self._courses[id.course]

    def peek(self) -> WorkspaceId | None:
        """Who is next."""
        for waiting in self._courses.values():
            return next(iter(waiting))
        return None

    def pop(self) -> WorkspaceId:
        """Take the next one out; that course then waits for its turn behind the others. Raises LookupError."""
        id = self.peek()
        if id is None:
            raise LookupError("the queue is empty")
        self._places = None
        waiting = self._courses.pop(id.course)
        del waiting[id]
        if waiting:
            self._courses[id.course] = waiting
        return id

    def order(self) -> list[WorkspaceId]:
        """Everybody, in the order they will start if nobody else comes."""
        rows = [list(waiting) for waiting in self._courses.values()]
        longest = max(map(len, rows), default=0)
        return [row[turn] for turn in range(longest) for row in rows if turn < len(row)]

    def position(self, id: WorkspaceId) -> int:
        """The place in the queue, 1 = next, 0 = not waiting. Asked by everybody after each change: counted once."""
        if self._places is None:
            self._places = {waiting: place for place, waiting in enumerate(self.order(), 1)}
        return self._places.get(id, 0)
