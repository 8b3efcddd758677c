"""Telling systemd how we are, as sd_notify(3) says: VARIABLE=value lines to the socket NOTIFY_SOCKET."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from sdnotify import SystemdNotifier

log = logging.getLogger(__name__)


class Notifier:
    """The service manager that started us, or nobody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._systemd = _connected(environment.get("NOTIFY_SOCKET", ""))
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(microseconds) / 1_000_000 if for_us and microseconds.isdecimal() else None
        """Without `watchdog()` for so many seconds systemd takes us for dead; None when it does not watch."""

    def ready(self, status: str = "") -> None:
        """Start-up, or a reload, is over."""
        self._send("READY=1", *_status(status))

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status(status))

    def reloading(self, monotonic: float) -> None:
        """A reload begins at `monotonic` (seconds of CLOCK_MONOTONIC); `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self, status: str = "") -> None:
        """The end begins."""
        self._send("STOPPING=1", *_status(status))

    def watchdog(self) -> None:
        """We are alive."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Say no more."""
        if self._systemd is not None:
            self._systemd.socket.close()
            self._systemd = None

    def _send(self, *lines: str) -> None:
        if self._systemd is None or not lines:
            return
        try:
            # The library encodes as Latin-1, systemd reads UTF-8: each byte travels as one character.
            self._systemd.notify("\n".join(lines).encode().decode("latin-1"))
        except OSError as error:
            # A service that cannot say that it is well is still well; the watchdog decides.
            log.warning("cannot notify systemd: %s", error)


def _connected(address: str) -> SystemdNotifier | None:
    if not address.startswith(("/", "@")):
        return None
    try:
        # Without `debug` it would keep every error to itself.
        return SystemdNotifier(debug=True)
    except OSError as error:
        log.warning("cannot notify systemd: %s", error)
        return None


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()
