"""How often somebody may try: a bucket of attempts per key that fills up again with time. Time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Throttle:
    """At most `burst` attempts at once, then one each `refill` seconds, per key; remembers at most `most` keys."""

    burst: int
    refill: float
    most: int = 10_000
    _spent: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, key: str, now: float) -> float:
        """Seconds until this key may try (again); 0 when it may now. `now` is monotonic."""
        over = self._level(key, now) - (self.burst - 1)
        return max(0.0, over * self.refill)

    def spend(self, key: str, now: float) -> None:
        """Count an attempt."""
        level = self._level(key, now) + 1
        self._spent.pop(key, None)
        if len(self._spent) >= self.most:
            self._forget(now)
        self._spent[key] = (level, now)

    def forgive(self, key: str) -> None:
        """Forget a key's attempts: it has shown that it may."""
        self._spent.pop(key, None)

    def _level(self, key: str, now: float) -> float:
        level, at = self._spent.get(key, (0.0, now))
        return max(0.0, level - (now - at) / self.refill)

    def _forget(self, now: float) -> None:
        """Make room: first those that are full again, then the oldest."""
        for key in [key for key in self._spent if self._level(key, now) <= 0]:
            del self._spent[key]
        while len(self._spent) >= self.most:
            del self._spent[next(iter(self._spent))]
