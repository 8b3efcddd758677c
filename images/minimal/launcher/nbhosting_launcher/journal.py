"""Log lines as the journal likes them: a priority, no time, and no capability in them."""

import logging

# sd-daemon(3): a line that starts with <N> has that priority.
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG = 7


class JournalFormatter(logging.Formatter):
    """Formats `<priority>name: message`, with the secret base URL replaced by `/`.

    The server and its extensions each make one from their logging configuration, so the secret is the class's.
    """

    secret = ""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, style: str = "%") -> None:
        """Take what logging.config gives and leave it: the form of a line is fixed here."""
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with the priority that the journal reads."""
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), DEBUG)
        text = super().format(record)
        if self.secret:
            text = text.replace(self.secret, "/")
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
