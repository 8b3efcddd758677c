"""The error tree: a class exists only because somebody reacts differently to it.

    NbhostdError
    ├── Refused      the caller asked for something that cannot be: HTTP 400, 401, 403, 404, 409, 410, 413 …
    ├── NotNow       come back later: HTTP 503 with Retry-After
    ├── WorldError   systemd, podman, git or the disk said no: HTTP 502
    └── ConfigError  the administrator's files are at fault: exit code 2

A bug is not in this tree: it is logged with its traceback and shown as a plain 500.
"""

from __future__ import annotations


class NbhostdError(Exception):
    """Whatever nbhostd says no to on purpose.

    `message` is one sentence for the person who asked, without internals; `detail` is for the journal only.
    """

    status = 500

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} ({self.detail})" if self.detail else self.message


class Refused(NbhostdError):
    """The request itself cannot be granted; `reason` is a stable word that pages translate."""

    def __init__(
        self, message: str, *, status: int = 400, reason: str = "bad-request", detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        self.status = status
        self.reason = reason


class NotNow(NbhostdError):
    """The request is fine but must wait; `retry_after` is in seconds."""

    status = 503

    def __init__(self, message: str, *, retry_after: int = 10, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


class WorldError(NbhostdError):
    """An outside world (systemd, podman, git, Jupyter, the disk) failed or refused."""

    status = 502


class ConfigError(NbhostdError):
    """The configuration is refused whole; `faults` names every fault, each with its key path."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("the configuration is refused: " + "; ".join(faults))
        self.faults = faults
