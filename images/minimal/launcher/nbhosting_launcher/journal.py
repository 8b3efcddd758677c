"""Log lines as the journal likes them: a priority, no time, and no capability in them."""

import logging

# sd-daemon(3): a line that starts with <N> has that priority.
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class JournalFormatter(logging.Formatter):
    """Formats `<priority>name: message`, with the secret base URL replaced by `/`."""

    def __init__(self, secret: str) -> None:
        super().__init__("%(name)s: %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with the priority that the journal reads."""
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        text = super().format(record).replace(self._secret, "/")
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
