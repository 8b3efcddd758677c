"""What nbhostctl does, in the audit log."""

from __future__ import annotations

from nbhostd.core.people import ROOT
from nbhostd.core.ports import Clock
from nbhostd.core.ports_accounts import AuditLog
from nbhostd.core.sessions import AuditEntry

_LONGEST = 1000


class ControlAudit:
    """Writes down what root did with nbhostctl."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def __call__(self, action: str, subject: str, detail: str = "") -> None:
        """It is done: say so."""
        await self._audit.add(
            AuditEntry(
                0,
                self._clock.now(),
                ROOT.name,
                action,
                subject[:300],
                detail=detail[:_LONGEST],
                via="nbhostctl",
            )
        )
