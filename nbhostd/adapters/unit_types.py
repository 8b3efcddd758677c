"""Unit properties on their way to D-Bus and back: plain values here, systemd's types there.

The table gives the D-Bus type of each property that nbhostd sets, as org.freedesktop.systemd1(5) does.
Seen accepted by systemd 257. A property that is not in the table is a bug of ours, never passed on untyped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, cast

from nbhostd.core.model import UnitState, UnitStatus
from nbhostd.core.unitspec import PropertyValue

DBusValue = str | int | bool | list[str] | list[list[str]] | list[list[object]]

_SIGNATURES: dict[str, tuple[str, ...]] = {
    "s": (
        *("Description", "Slice", "CollectMode", "Type", "NotifyAccess", "KillMode", "OOMPolicy", "Restart"),
        *("SyslogIdentifier", "WorkingDirectory", "FileDescriptorName"),
        *("StandardInput", "StandardOutput", "StandardError"),
        *("StandardOutputFileToAppend", "StandardErrorFileToAppend"),
    ),
    "b": (
        "Delegate",
        "RemainAfterExit",
        "RemoveOnStop",
        "FlushPending",
        "SyslogLevelPrefix",
        "NoNewPrivileges",
        "DefaultDependencies",
    ),
    "i": ("OOMScoreAdjust", "Nice"),
    "u": (
        *("SocketMode", "DirectoryMode", "UMask", "Backlog", "TriggerLimitBurst", "PollLimitBurst"),
        "MemoryMaxScale",
    ),
    "t": (
        *("MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "TasksMax"),
        *("CPUWeight", "CPUQuotaPerSecUSec", "IOWeight"),
        *("TimeoutStartUSec", "TimeoutStopUSec", "RuntimeMaxUSec"),
        *("TriggerLimitIntervalUSec", "PollLimitIntervalUSec", "LimitNOFILE", "LimitCORE"),
    ),
    "as": ("Environment", "After", "Wants", "Requires", "BindsTo", "PartOf"),
    "a(ss)": ("Listen",),
    "a(sasas)": ("ExecStartEx",),
    "a(sasb)": ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost"),
}
_SIGNATURE_OF = {name: signature for signature, names in _SIGNATURES.items() for name in names}
_PYTHON_TYPES: dict[str, type] = {"s": str, "b": bool, "i": int, "u": int, "t": int}
_ESCAPED = re.compile(r"_([0-9a-f]{2})")


def typed(name: str, value: PropertyValue) -> tuple[str, DBusValue]:
    """The signature and the value of a property as D-Bus wants them.

    A command (`ExecStart` and its kin) is an argv tuple whose first word is the absolute path of the program.
    Raises ValueError for an unknown or ill-typed property.
    """
    signature = _SIGNATURE_OF.get(name)
    if signature is None:
        raise ValueError(f"no D-Bus type is known for the unit property {name}")
    if signature == "a(sasb)":
        return signature, [_command(name, value)]
    if signature == "a(sasas)":
        path, argv, _ = _command(name, value)
        return signature, [[path, argv, ["no-env-expand"]]]
    if signature == "a(ss)":
        return signature, [list(pair) for pair in _tuple(name, value)]
    if signature == "as":
        return signature, [str(word) for word in _tuple(name, value)]
    expected = _PYTHON_TYPES[signature]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ValueError(f"the unit property {name} must be of type {expected.__name__}, not {value!r}")
    return signature, cast(DBusValue, value)


def _tuple(name: str, value: PropertyValue) -> tuple[str, ...] | tuple[tuple[str, ...], ...]:
    if not isinstance(value, tuple):
        raise ValueError(f"the unit property {name} must be a tuple, not {value!r}")
    return value


def _command(name: str, value: PropertyValue) -> list[object]:
    argv = [word for word in _tuple(name, value) if isinstance(word, str)]
    if not argv or argv != list(_tuple(name, value)) or not argv[0].startswith("/"):
        raise ValueError(f"the unit property {name} must be an argv whose first word is an absolute path")
    return [argv[0], argv, False]


def unit_of_path(path: str) -> str:
    """The unit's name in an object path such as /org/freedesktop/systemd1/unit/nbh_2d1_2eservice."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), path.rpartition("/")[2])


def unit_status(unit: str, common: dict[str, Any], own: dict[str, Any]) -> UnitStatus:
    """What the properties of a unit (`common`) and of its type (`own`) say."""
    if common["LoadState"] == "not-found":
        return UnitStatus(name=unit, state=UnitState.ABSENT)
    since = common["ActiveEnterTimestamp"]
    return UnitStatus(
        name=unit,
        state=unit_state(common["ActiveState"]),
        sub_state=common["SubState"],
        result=own.get("Result", ""),
        active_since=datetime.fromtimestamp(since / 1_000_000, UTC) if since else None,
        memory=_accounted(own.get("MemoryCurrent")),
        cpu=_accounted(own.get("CPUUsageNSec")),
        tasks=_accounted(own.get("TasksCurrent")),
        main_status=own.get("ExecMainStatus", 0),
        control_group=own.get("ControlGroup", ""),
    )


def unit_state(word: str) -> UnitState:
    """The state for systemd's ActiveState; a word that it learned lately means that the unit is up and busy with itself."""
    try:
        return UnitState(word)
    except ValueError:
        return UnitState.RELOADING


def _accounted(value: int | None) -> int | None:
    """systemd writes 2^64-1 for what it does not account."""
    return None if value is None or value == 2**64 - 1 else value
