"""Who may open a notebook: verdicts with their reasons, decided from values alone.

A launch is *signed*: the LMS and nbhostd share a key, and the LMS signs who opens what, until when. The
predecessor's rule (the page that links here is on a listed host) exists for an LMS that cannot sign yet, and
anybody can forge it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from nbhostd.core.errors import ConfigError
from nbhostd.core.model import Mode
from nbhostd.core.tickets import derive
from nbhostd.core.urls import OpenRequest

MAX_LIFETIME = timedelta(hours=1)
CLOCK_SKEW = timedelta(seconds=60)

_NOTEBOOK, _CLASSROOM, _PAGE = "nbhostd-launch-1", "nbhostd-classroom-1", "nbhostd-page-1"
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MIN_SECRET = 32


@dataclass(frozen=True, slots=True)
class LaunchKey:
    """A key shared with an LMS; `id` tells apart several, during a rotation or for several LMSes."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that are good now; the first one signs."""

    keys: tuple[LaunchKey, ...]

    def for_purpose(self, purpose: str) -> tuple[bytes, ...]:
        """One derived key per launch key, in the same order."""
        return tuple(derive(key.secret, purpose) for key in self.keys)


def parse_keys(text: str) -> Keyring:
    """The keyring in a key file: a line `SECRET` or `ID SECRET` per key, '#' starts a comment.

    A secret is at least 32 characters without blanks, used as it is written. Raises ConfigError with every
    fault.
    """
    keys: list[LaunchKey] = []
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        key_id, secret = words if len(words) == 2 else (f"key{len(keys) + 1}", words[0])
        if len(words) > 2 or not _KEY_ID.fullmatch(key_id):
            faults.append(f"launch key, line {number}: a key is written SECRET or ID SECRET")
        elif len(secret) < _MIN_SECRET:
            faults.append(f"launch key, line {number}: the secret is shorter than {_MIN_SECRET} characters")
        elif any(key.id == key_id for key in keys):
            faults.append(f"launch key, line {number}: a second key has the id “{key_id}”")
        else:
            keys.append(LaunchKey(key_id, secret.encode()))
    if not keys and not faults:
        faults.append("launch key: the file has no key")
    if faults:
        raise ConfigError(tuple(faults))
    return Keyring(tuple(keys))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a launch is allowed, and why, as a stable word.

    With a `nonce`, the launch is good once: whoever lets it in uses up the nonce, kept until `expires`.
    """

    allowed: bool
    reason: str
    nonce: str = ""
    expires: datetime | None = None


def canonical(request: OpenRequest, expires: int, nonce: str, forcecopy: bool) -> bytes:
    """The text that is signed: seven lines, none of whose fields can hold a line feed.

    The first says what kind of launch it is: what was signed for one opens no other.
    """
    kind = _CLASSROOM if request.mode is Mode.CLASSROOM else _NOTEBOOK
    fields = (
        kind if request.notebook is not None else _PAGE,
        request.course,
        request.wanted,
        request.student,
    )
    return "\n".join((*fields, str(expires), nonce, "1" if forcecopy else "0")).encode()


def signature(key: LaunchKey, request: OpenRequest, expires: int, nonce: str, forcecopy: bool) -> str:
    """HMAC-SHA256 (RFC 2104) of the canonical text, in lower-case hex."""
    return hmac.new(key.secret, canonical(request, expires, nonce, forcecopy), hashlib.sha256).hexdigest()


def sign_launch(
    key: LaunchKey, request: OpenRequest, *, expires: datetime, nonce: str, forcecopy: bool = False
) -> str:
    """The query string that opens this notebook for this student, once, until `expires`."""
    seconds = int(expires.timestamp())
    query = {"forcecopy": "true"} if forcecopy else {}
    query |= {"expires": str(seconds), "nonce": nonce, "key": key.id}
    return urlencode(query | {"signature": signature(key, request, seconds, nonce, forcecopy)})


def judge_launch(
    keyring: Keyring,
    legacy_referers: Sequence[str],
    request: OpenRequest,
    query: Mapping[str, str],
    referer: str | None,
    now: datetime,
) -> Verdict:
    """May this launch go on? A signature, when given, must be right: the legacy rule saves no bad one."""
    if "signature" in query:
        return _judge_signature(keyring, request, query, now)
    if legacy_referers and referer is not None:
        allowed = is_listed(referer, legacy_referers)
        return Verdict(allowed, "legacy-referer" if allowed else "not-signed")
    return Verdict(False, "not-signed")


def _judge_signature(
    keyring: Keyring, request: OpenRequest, query: Mapping[str, str], now: datetime
) -> Verdict:
    expires_text, nonce = query.get("expires", ""), query.get("nonce", "")
    if not re.fullmatch(r"[0-9]{1,12}", expires_text) or not _NONCE.fullmatch(nonce):
        return Verdict(False, "bad-launch")
    forcecopy = wants_reset(query)
    expires = int(expires_text)
    wanted = query.get("key")
    keys = [key for key in keyring.keys if wanted in (None, key.id)]
    given = query["signature"].encode()
    if not any(
        hmac.compare_digest(signature(k, request, expires, nonce, forcecopy).encode(), given) for k in keys
    ):
        return Verdict(False, "bad-signature")
    left = expires - now.timestamp()
    if left <= -CLOCK_SKEW.total_seconds():
        return Verdict(False, "expired-launch")
    if left > (MAX_LIFETIME + CLOCK_SKEW).total_seconds():
        return Verdict(False, "too-long-launch")
    # The nonce is remembered for as long as this signature would pass.
    return Verdict(True, "signed", nonce, now + timedelta(seconds=left) + CLOCK_SKEW)


def wants_reset(query: Mapping[str, str]) -> bool:
    """Whether `?forcecopy=` asks for the original back: any value but the empty one does, "false" too."""
    return bool(query.get("forcecopy"))


def is_listed(referer: str, domains: Sequence[str]) -> bool:
    """Whether the Referer's host is one of the domains or below one: names are compared, not substrings."""
    try:
        parts = urlsplit(referer)
        host = (parts.hostname or "").lower().removesuffix(".")
    except ValueError:
        return False
    if parts.scheme not in ("http", "https"):
        return False
    return any(host == domain or host.endswith("." + domain) for domain in (d.lower() for d in domains))
