"""A workspace described as systemd units: properties as plain values, nothing touched.

The names of properties are those of systemd.service(5), systemd.socket(5) and systemd.resource-control(5).
`nbhostctl show-unit` prints what this module returns; `adapters/systemd.py` alone turns it into D-Bus types.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from nbhostd.core.config import Limits

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


UNLIMITED = 2**64 - 1
"""What systemd's D-Bus interface calls "infinity"."""


def unit_name(number: int) -> str:
    """The name of a workspace's units, without suffix. Numbers, because '-' nests slices and people's names stay out of paths."""
    return f"nbh-{number}"


def service_name(number: int) -> str:
    """The workspace's service."""
    return f"{unit_name(number)}.service"


def socket_name(number: int) -> str:
    """The workspace's socket."""
    return f"{unit_name(number)}.socket"


def workspace_number(unit: str) -> int | None:
    """The number of the workspace that a unit (service or socket) belongs to, or None."""
    stem, dot, kind = unit.partition(".")
    digits = stem.removeprefix("nbh-")
    return (
        int(digits)
        if dot and kind in ("service", "socket") and stem.startswith("nbh-") and digits.isdecimal()
        else None
    )


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What the description of a workspace's units is made from."""

    number: int
    course_number: int
    title: str
    """'COURSE/STUDENT', for people who read `systemctl status`."""
    argv: tuple[str, ...]
    socket_path: str
    limits: Limits
    start_timeout: int
    stop_timeout: int


def describe_workspace(plan: UnitPlan) -> SocketServiceSpec:
    """The transient units of one workspace: socket, service and the slices they live in."""
    course_slice = f"nbh-c{plan.course_number}.slice"
    return SocketServiceSpec(
        socket=UnitSpec(socket_name(plan.number), _socket_properties(plan)),
        service=UnitSpec(service_name(plan.number), _service_properties(plan, course_slice)),
        slices=(
            UnitSpec("nbh.slice", (("Description", "All notebook workspaces"), *_memory_of_all(plan.limits))),
            UnitSpec(
                course_slice, (("Description", f"Workspaces of course {plan.title.partition('/')[0]}"),)
            ),
        ),
    )


def _memory_of_all(limits: Limits) -> tuple[tuple[str, PropertyValue], ...]:
    # Said even when there is none: a limit that was lifted must not stay.
    return (("MemoryMax", limits.total_memory or UNLIMITED),)


def _socket_properties(plan: UnitPlan) -> tuple[tuple[str, PropertyValue], ...]:
    return (
        ("Description", f"Notebook socket of {plan.title}"),
        ("Listen", (("Stream", plan.socket_path),)),
        ("SocketMode", 0o600),
        ("DirectoryMode", 0o700),
        ("RemoveOnStop", True),
        # A start that fails answers each connection once instead of being tried until systemd gives up for good.
        ("FlushPending", True),
        ("CollectMode", "inactive-or-failed"),
    )


def _service_properties(plan: UnitPlan, course_slice: str) -> tuple[tuple[str, PropertyValue], ...]:
    limits = plan.limits
    cpu: tuple[tuple[str, PropertyValue], ...] = (
        (("CPUQuotaPerSecUSec", limits.cpu_percent * 10_000),) if limits.cpu_percent else ()
    )
    return (
        ("Description", f"Notebook server of {plan.title}"),
        # The first podman after a boot is not a student's (units/user/nbhostd-podman.service says why).
        ("Wants", ("nbhostd-podman.service",)),
        ("After", ("nbhostd-podman.service",)),
        ("Type", "notify"),
        ("NotifyAccess", "all"),
        ("ExecStart", plan.argv),
        ("Slice", course_slice),
        ("Delegate", True),
        ("KillMode", "mixed"),
        # The kernel kills the hog, a notebook's kernel process; the server lives on to say so.
        ("OOMPolicy", "continue"),
        ("OOMScoreAdjust", 500),
        # No MemoryHigh: above it the kernel slows down everything in the group, the server that should tell too.
        ("MemoryMax", limits.memory),
        ("MemorySwapMax", 0),
        ("TasksMax", limits.tasks),
        *cpu,
        ("CPUWeight", 100),
        ("IOWeight", 100),
        ("TimeoutStartUSec", plan.start_timeout * 1_000_000),
        ("TimeoutStopUSec", plan.stop_timeout * 1_000_000),
        ("SyslogIdentifier", f"nbh/{plan.title}"),
        # A line that begins with "<0>" would be an emergency, shown on every terminal of the host.
        ("SyslogLevelPrefix", False),
        ("CollectMode", "inactive-or-failed"),
    )
