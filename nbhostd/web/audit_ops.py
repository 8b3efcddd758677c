"""The audit log, as programs read it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.people import Power
from nbhostd.core.ports_accounts import AuditLog
from nbhostd.core.sessions import AuditEntry
from nbhostd.web.operations import Call, Operation

MOST = 1000
Word = Annotated[str, Meta(max_length=300)]
Day = Annotated[str, Meta(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")]


class EntryShape(msgspec.Struct, frozen=True):
    """Who did what to what, when, from where; `outcome` is 'done', or the stable word of why not."""

    number: int
    at: str
    who: str
    via: str
    action: str
    subject: str
    outcome: str
    detail: str
    address: str


class EntryList(msgspec.Struct, frozen=True):
    """Entries, the latest first; `next` is what to give as `before` for those that come then, null at the end."""

    entries: list[EntryShape]
    next: int | None


class AuditQuery(msgspec.Struct, frozen=True):
    """Which entries: `who` and `subject` exactly, `action` by its beginning; from one day (UTC) to another, both included."""

    who: Word = ""
    action: Word = ""
    subject: Word = ""
    since: Day = ""
    until: Day = ""
    refused: bool = False
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 100

    def wanted(self) -> dict[str, Any]:
        """The same, as the log is asked. Raises Refused(400) for a day that is none."""
        until = _day(self.until)
        return {
            "who": self.who.strip(), "action": self.action.strip(), "subject": self.subject.strip(),
            "since": _day(self.since), "until": until + timedelta(days=1) if until else None, "refused": self.refused,
        }  # fmt: skip


class AuditOperations:
    """`audit.list`."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def operations(self) -> list[Operation]:
        """What can be read."""
        return [
            Operation(
                "audit.list", "GET", "/audit", "Who did what", Power.ADMINISTER, self._list, EntryList, query=AuditQuery
            ),
        ]  # fmt: skip

    async def _list(self, call: Call) -> EntryList:
        query: AuditQuery = call.query
        entries = await self._audit.entries(limit=query.limit, before=query.before, **query.wanted())
        more = entries[-1].number if len(entries) == query.limit else None
        return EntryList([entry_shape(entry) for entry in entries], more)


def _day(text: str) -> datetime | None:
    try:
        # One day before the last, so that a day may be added.
        day = min(date.fromisoformat(text), date(9999, 12, 30)) if text else None
    except ValueError:
        raise Refused(f"“{text}” is no day: write 2026-01-31.", reason="bad-day") from None
    return datetime.combine(day, time(), UTC) if day else None


def entry_shape(entry: AuditEntry) -> EntryShape:
    """An entry, for the API."""
    return EntryShape(
        entry.number, entry.at.isoformat(timespec="milliseconds"), entry.who, entry.via, entry.action, entry.subject,
        entry.outcome, entry.detail, entry.address,
    )  # fmt: skip
