"""How log lines look in the journal: a priority that journald reads, then the subject, then the sentence."""

from __future__ import annotations

import logging
import sys

from aiohttp.http_exceptions import HttpProcessingError

from nbhostd.core.subject import current

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_LONGEST = 4000


class JournalFormatter(logging.Formatter):
    """Lines as sd-daemon(3) reads them, '<6>python-mooc/alice: open w1/n.md'; no control character survives."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or with a traceback the lines, each with its priority."""
        about = current.get()
        priority = _PRIORITIES.get(record.levelno, 6)
        text = super().format(record)[:_LONGEST]
        lines = [
            f"{about}: {line}" if about and number == 0 else line
            for number, line in enumerate(text.split("\n"))
        ]
        return "\n".join(f"<{priority}>{_printable(line)}" for line in lines)


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a record tells of anything here: that some stranger's request was no HTTP is the stranger's affair.

    aiohttp logs a traceback for each of those, and anybody can send thousands: journald would then drop our own lines.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "aiohttp.server" and isinstance(error, HttpProcessingError))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def log_to_journal(level: int = logging.INFO) -> None:
    """Send all log lines to standard error, which systemd hands to the journal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter("%(message)s"))
    handler.addFilter(is_ours)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
