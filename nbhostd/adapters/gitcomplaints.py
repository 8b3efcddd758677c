"""What libgit2 says about a repository that cannot be read, told to whoever gave its address."""

from __future__ import annotations

import re

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.giturl import redacted

# (what libgit2 says, what we say, whether the address is at fault); the first that matches counts.
_COMPLAINTS: tuple[tuple[str, str, bool], ...] = (
    (r"resolve address", "there is no such host", True),
    (r"authenticat|credential|status code: 40[13]|publickey", "it is private, or not there at all", True),
    (r"status code: 404|not found|could not find repo|failed to resolve path", "it is not there", True),
    (r"certificate|SSL error", "the server's certificate or key is not trusted", True),
    (r"unsupported URL protocol", "this kind of address is not served", True),
    (r"timed out|timeout", "the server did not answer in time", False),
    (r"failed to connect|connection refused|unreachable", "the server does not answer", False),
)


def complaint(address: str, said: str) -> NbhostdError:
    """The error to raise: a plain sentence, and libgit2's own for the journal; both without secrets."""
    detail = redacted(said)
    shown = redacted(address)
    for pattern, sentence, theirs in _COMPLAINTS:
        if re.search(pattern, detail, re.IGNORECASE):
            message = f"The repository {shown} cannot be read: {sentence}."
            return (
                Refused(message, reason="bad-git-url", detail=detail)
                if theirs
                else WorldError(message, detail=detail)
            )
    return WorldError(f"The repository {shown} cannot be read.", detail=detail)
