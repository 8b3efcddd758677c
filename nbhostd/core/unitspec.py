"""A workspace described as systemd units: properties as plain values, nothing touched.

The names of properties are those of systemd.service(5), systemd.socket(5) and systemd.resource-control(5).
`nbhostctl show-unit` prints what this module returns; `adapters/systemd.py` alone turns it into D-Bus types.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

PropertyValue = str | int | bool | tuple[str, ...] | tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One transient unit: its name and its properties, in order."""

    name: str
    properties: tuple[tuple[str, PropertyValue], ...]


@dataclass(frozen=True, slots=True)
class SocketServiceSpec:
    """A transient socket and the service it starts, inside a slice."""

    socket: UnitSpec
    service: UnitSpec
    slices: tuple[UnitSpec, ...]

    @property
    def digest(self) -> str:
        """Changes when any property does: an armed socket with another digest must be armed anew."""
        units = (self.socket, self.service)
        text = json.dumps([(u.name, u.properties) for u in units], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
