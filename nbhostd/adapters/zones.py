"""Time zones, by their IANA names, as the computer knows them."""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from nbhostd.core.errors import Refused


@lru_cache(1)
def zone_names() -> frozenset[str]:
    """The zones that there are."""
    return frozenset(available_timezones() | {"UTC"})


def find_zone(name: str) -> tzinfo:
    """The zone of that name. Raises Refused(400) for what is none."""
    if name not in zone_names():
        raise Refused(f"“{name[:60]}” is no time zone.", reason="bad-time-zone")
    return ZoneInfo(name)
