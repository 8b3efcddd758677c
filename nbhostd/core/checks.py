"""Whether this computer is ready, and for how many students: verdicts with the sentence that an administrator needs.

One account pays for all students: the kernel charges every container's keys, inotify instances and tasks to the
service user, whatever uid the student has. So a budget that is ample for one person may end a class.
"""

from __future__ import annotations

from dataclasses import dataclass

from nbhostd.core.config import Admission, Limits
from nbhostd.core.model import HostFacts

UNLIMITED = 2**63
FIRST_STUDENT = 100_000
"""The first student's uid inside the containers; what is below belongs to the images."""
_WANTED_SUBIDS = 1_000_000
_GROUP = 100
_NEEDED = ("memory", "pids")
_USEFUL = ("cpu", "io")
# Besides containers: the account's own keyrings, and its managers' and tools' inotify instances.
_OWN_KEYS = 5
_OWN_INSTANCES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `nbhostctl check`; `level` is 'ok', 'warning' (works, but worse) or 'fault' (does not work)."""

    level: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Budgets:
    """What the kernel and systemd grant to the service user; None = could not be read."""

    lingering: bool | None
    subuids: int | None
    """The length of the account's longest line in /etc/subuid."""
    subgids: int | None
    controllers: frozenset[str] | None
    """Control group controllers that the user manager may use."""
    tasks: int | None
    """Processes and threads of the account's slice; UNLIMITED for 'max'."""
    keys: int | None
    inotify_instances: int | None
    listen_queue: int | None
    """net.core.somaxconn."""


def findings(admission: Admission, limits: Limits, facts: HostFacts, budgets: Budgets) -> tuple[Finding, ...]:
    """Everything that was looked at, what is wrong first."""
    found = [
        _account(budgets),
        _subordinate("subordinate uids", budgets.subuids, FIRST_STUDENT),
        _subordinate("subordinate gids", budgets.subgids, _GROUP),
        _controllers(budgets.controllers),
        *_capacities(admission, limits, facts, budgets),
        _disk(admission, facts),
        _queue(budgets.listen_queue),
    ]
    order = ("fault", "warning", "ok")
    return tuple(sorted(found, key=lambda finding: order.index(finding.level)))


def _unknown(subject: str) -> Finding:
    return Finding("warning", subject, "could not be read")


def _account(budgets: Budgets) -> Finding:
    if budgets.lingering is None:
        return _unknown("lingering")
    if not budgets.lingering:
        text = "the account's services end when nobody is logged in to it: loginctl enable-linger nbhostd"
        return Finding("fault", "lingering", text)
    return Finding("ok", "lingering", "the account's services start with the computer")


def _subordinate(subject: str, count: int | None, needed: int) -> Finding:
    file = "/etc/subuid" if "uid" in subject else "/etc/subgid"
    if count is None:
        return _unknown(subject)
    if count <= needed:
        text = f"{count} in one line of {file}: containers need more than {needed}, better {_WANTED_SUBIDS}"
        return Finding("fault", subject, text)
    if needed < FIRST_STUDENT:
        return Finding("ok", subject, f"{count}")
    students = count - needed - 1
    level = "ok" if count >= _WANTED_SUBIDS else "warning"
    return Finding(level, subject, f"identities for {students} students, ever: none is used again ({file})")


def _controllers(controllers: frozenset[str] | None) -> Finding:
    subject = "control groups"
    if controllers is None:
        return Finding(
            "warning", subject, "the user manager has none that can be read: nothing may be enforced"
        )
    missing = [name for name in _NEEDED if name not in controllers]
    if missing:
        text = f"not delegated: {', '.join(missing)}. Limits are accepted and NOT enforced: one student can take all"
        return Finding("warning", subject, text)
    dull = [name for name in _USEFUL if name not in controllers]
    if dull:
        return Finding("warning", subject, f"not delegated: {', '.join(dull)}: shares of it are not fair")
    return Finding("ok", subject, "memory, tasks, CPU and disk are shared out by the kernel")


def _capacities(admission: Admission, limits: Limits, facts: HostFacts, budgets: Budgets) -> list[Finding]:
    """How many workspaces each budget lasts for, measured against what memory allows."""
    by_memory = max(facts.memory_total - admission.memory_reserve, 0) // max(admission.memory_per_start, 1)
    budgeted = {
        "kernel.keys.maxkeys": _per(budgets.keys, _OWN_KEYS, 1),
        "fs.inotify.max_user_instances": _per(budgets.inotify_instances, _OWN_INSTANCES, 1),
        "TasksMax of the account": _per(budgets.tasks, 0, limits.tasks),
    }
    found = [_capacity(subject, count, by_memory) for subject, count in budgeted.items()]
    counts = {subject: count for subject, count in budgeted.items() if count is not None} | {
        "memory": by_memory
    }
    first = min(counts, key=lambda subject: counts[subject])
    level = "fault" if counts[first] == 0 else "ok"
    found.append(
        Finding(level, "capacity", f"about {counts[first]} workspaces at once; first to end: {first}")
    )
    return found


def _per(budget: int | None, own: int, each: int) -> int | None:
    if budget is None or budget >= UNLIMITED:
        return budget
    return max(budget - own, 0) // max(each, 1)


def _capacity(subject: str, count: int | None, by_memory: int) -> Finding:
    if count is None:
        return _unknown(subject)
    if count >= UNLIMITED:
        return Finding("ok", subject, "unlimited")
    if count < by_memory:
        text = f"enough for {count} workspaces at once, where memory allows {by_memory}: raise it"
        return Finding("warning", subject, text)
    return Finding("ok", subject, f"enough for {count} workspaces at once")


def _disk(admission: Admission, facts: HostFacts) -> Finding:
    free = f"{facts.disk_free / (1 << 30):.1f} GB free of {facts.disk_total / (1 << 30):.1f} GB"
    if facts.disk_free < admission.disk_reserve:
        return Finding("fault", "disk", f"{free}: no workspace starts (admission.disk_reserve)")
    if facts.disk_free < 2 * admission.disk_reserve:
        return Finding("warning", "disk", f"{free}: nearly at the reserve (admission.disk_reserve)")
    return Finding("ok", "disk", free)


def _queue(length: int | None) -> Finding:
    subject = "net.core.somaxconn"
    if length is None:
        return _unknown(subject)
    if length < 1024:
        text = f"{length} connections wait at most while the daemon restarts: raise it to 4096"
        return Finding("warning", subject, text)
    return Finding("ok", subject, f"{length} connections may wait while the daemon restarts")
