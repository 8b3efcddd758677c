"""What the daemon keeps in memory of each workspace that somebody has used, found by name, number or secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from nbhostd.core.idle import Look
from nbhostd.core.lifecycle import State
from nbhostd.core.model import Phase, Run, Workspace
from nbhostd.core.names import WorkspaceId


@dataclass(slots=True)
class Entry:
    """One workspace, alive: its state and whoever waits for it to change."""

    workspace: Workspace
    touched_at: datetime
    state: State = field(default_factory=State)
    run: Run | None = None
    unanswered: int = 0
    kept_because: str = ""
    """Why the last idle check kept it, for `nbhostctl status`."""
    seen: Look | None = None
    """What the last idle check saw."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def announce(self) -> None:
        """Wake everybody who waits for this workspace."""
        self.changed.set()
        self.changed = asyncio.Event()


class Entries:
    """All entries, with their three indexes."""

    def __init__(self) -> None:
        self._by_id: dict[WorkspaceId, Entry] = {}
        self._by_number: dict[int, Entry] = {}
        self._by_secret: dict[str, Entry] = {}
        self._starting: set[int] = set()

    @property
    def starting(self) -> int:
        """How many are starting now."""
        return len(self._starting)

    def set_state(self, entry: Entry, state: State) -> None:
        """The entry's state from now on."""
        entry.state = state
        if state.phase is Phase.STARTING:
            self._starting.add(entry.workspace.number)
        else:
            self._starting.discard(entry.workspace.number)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._by_id.values()))

    def by_id(self, id: WorkspaceId) -> Entry | None:
        """The entry of a (student, course)."""
        return self._by_id.get(id)

    def by_number(self, number: int) -> Entry | None:
        """The entry that a unit's name speaks of."""
        return self._by_number.get(number)

    def by_secret(self, secret: str) -> Entry | None:
        """The entry whose present run has this secret. Looking up 128 random bits in a hash table tells nothing by its timing."""
        return self._by_secret.get(secret)

    def add(self, workspace: Workspace, touched_at: datetime) -> Entry:
        """The entry of a workspace, new or as it is, with the workspace's present description."""
        entry = self._by_id.get(workspace.id)
        if entry is None:
            entry = Entry(workspace, touched_at)
            self._by_id[workspace.id] = entry
            self._by_number[workspace.number] = entry
        entry.workspace = workspace
        return entry

    def set_run(self, entry: Entry, run: Run) -> None:
        """The entry's run; the secret of its earlier run leads nowhere from now on."""
        if entry.run is not None:
            self._by_secret.pop(entry.run.secret, None)
        entry.run = run
        self._by_secret[run.secret] = entry

    def remove(self, entry: Entry) -> None:
        """Forget a workspace that was deleted."""
        self._by_id.pop(entry.workspace.id, None)
        self._by_number.pop(entry.workspace.number, None)
        self._starting.discard(entry.workspace.number)
        if entry.run is not None:
            self._by_secret.pop(entry.run.secret, None)
        entry.announce()
