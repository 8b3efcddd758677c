"""Log lines as the journal likes them: no time, and no capability in them."""

import logging


class JournalFormatter(logging.Formatter):
    """Formats `WARNING name: message`, with the secret base URL replaced by `/`.

    No `<priority>` before it: the unit ignores them, as the student's programs could write one too.
    The server and its extensions each make one from their logging configuration, so the secret is the class's.
    """

    secret = ""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, style: str = "%") -> None:
        """Take what logging.config gives and leave it: the form of a line is fixed here."""
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        text = super().format(record)
        return text.replace(self.secret, "/") if self.secret else text
