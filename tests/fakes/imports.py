"""What was imported, in memory: the second implementation of core.takeover's Imports and PastEvents."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nbhostd.core.figures import VISITS, stem
from nbhostd.core.names import CourseName
from nbhostd.core.takeover import PastEvent


@dataclass
class FakeImports:
    items: dict[tuple[str, str], str] = field(default_factory=dict)

    async def done(self, source: str) -> dict[str, str]:
        return {item: fingerprint for (of, item), fingerprint in self.items.items() if of == source}

    async def record(self, source: str, item: str, fingerprint: str, now: datetime) -> None:
        self.items[source, item] = fingerprint


@dataclass
class FakePastEvents:
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    events: list[tuple[CourseName, PastEvent]] = field(default_factory=list)

    async def progress(self, source: str, item: str) -> str:
        return self.known.get((source, item), "")

    async def add(
        self, source: str, item: str, course: CourseName, events: Sequence[PastEvent], progress: str, now: datetime
    ) -> int:  # fmt: skip
        before, here = len(self.events), Counter(map(_key, self.events))
        for event in events:
            if here[_key((course, event))] > 0:
                here[_key((course, event))] -= 1
            else:
                self.events.append((course, event))
        self.known[source, item] = progress
        return len(self.events) - before


def _key(known: tuple[CourseName, PastEvent]) -> tuple[object, ...]:
    course, event = known
    kind = "open" if event.event in VISITS else event.event
    return int(event.at.timestamp()), course, event.student, kind, stem(event.notebook)
