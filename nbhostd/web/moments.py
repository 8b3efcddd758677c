"""Moments as programs read them; people's are in amounts.py."""

from __future__ import annotations

from datetime import datetime
from typing import overload


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """ISO 8601 to the second, '2026-09-01T12:00:00+00:00'; None for a moment that never was."""
    return moment.isoformat(timespec="seconds") if moment else None
