"""Of whom or what a log line speaks: 'python-mooc/alice', 'course python-mooc', 'job 12', or '' for the daemon itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

current: ContextVar[str] = ContextVar("subject", default="")


@contextmanager
def subject(text: object) -> Iterator[None]:
    """Log lines written inside this block, and by tasks born in it, speak of `text`."""
    before = current.set(str(text))
    try:
        yield
    finally:
        current.reset(before)
