"""Days as a reader's clock has them: which quarters of an hour of a day in UTC belong to which date in a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from nbhostd.core.figures import DAY, HALF, SLOT, SLOTS_OF_A_DAY

_ALL = (1 << HALF) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """What of a day in UTC belongs to one date: a bit for each quarter of an hour, of the morning and of the afternoon."""

    date: date
    early: int
    late: int


@dataclass(frozen=True, slots=True)
class LocalDays:
    """The dates of a time zone. A quarter of an hour belongs to the date at which it begins."""

    zone: tzinfo
    _known: dict[int, tuple[Part, ...]] = field(default_factory=dict, repr=False)

    def date(self, at: int) -> date:
        """The date of a moment (seconds since 1970), by the quarter of an hour that it is in."""
        return datetime.fromtimestamp(at // SLOT * SLOT, self.zone).date()

    def parts(self, day: int) -> tuple[Part, ...]:
        """The parts of a day (since 1970, UTC), in their order: one or two, three where a zone skips or repeats hours."""
        found = self._known.get(day)
        if found is None:
            found = self._known[day] = tuple(self._parts(day))
        return found

    def _parts(self, day: int) -> Iterator[Part]:
        masks: dict[date, int] = {}
        first, last = self._offset(day * DAY), self._offset((day + 1) * DAY - SLOT)
        if first == last:
            # No change of the clock: one midnight, and where it is follows.
            midnight = -((day * DAY + first) % DAY) % DAY
            quarters = -(-midnight // SLOT)
            before = (1 << quarters) - 1
            if quarters:
                masks[self.date(day * DAY)] = before
            if quarters < SLOTS_OF_A_DAY:
                masks[self.date((day + 1) * DAY - SLOT)] = ((1 << SLOTS_OF_A_DAY) - 1) ^ before
        else:
            for quarter in range(SLOTS_OF_A_DAY):
                here = self.date(day * DAY + quarter * SLOT)
                masks[here] = masks.get(here, 0) | 1 << quarter
        for here, mask in masks.items():
            yield Part(here, mask & _ALL, mask >> HALF)

    def _offset(self, at: int) -> int:
        offset = datetime.fromtimestamp(at, UTC).astimezone(self.zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0
