"""Sessions, one-time links and tokens: secrets that stand for a person, of which only a digest is kept."""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbhostd.core.people import Scope
from nbhostd.core.tickets import derive

IDLE = timedelta(days=7)
"""A session that nobody uses ends after this."""
LIFETIME = timedelta(days=30)
"""The longest life of a session, however much it is used."""
SEEN_EVERY = timedelta(minutes=5)
"""How often it is written down that a session is used: not at each request."""
TOKEN_PREFIX = "nbh_"  # what our tokens begin with, so that they are found where they do not belong


class Purpose(enum.StrEnum):
    """What a one-time link is for."""

    INVITATION = "invitation"
    RESET = "reset"


LINK_LIFETIME = {Purpose.INVITATION: timedelta(days=14), Purpose.RESET: timedelta(hours=2)}


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that somebody has logged in with; `id` is the digest of what its cookie holds."""

    id: str
    user: int
    created_at: datetime
    seen_at: datetime
    address: str = ""
    agent: str = ""
    how: str = "password"
    """'password', 'openid' or 'link'."""

    def is_over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return now - self.seen_at > IDLE or now - self.created_at > LIFETIME


@dataclass(frozen=True, slots=True)
class Link:
    """A link that lets its bearer choose a password, once; `id` is the digest of what is in it."""

    id: str
    user: int
    purpose: Purpose
    created_at: datetime
    expires_at: datetime
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the HTTP API; `id` is the digest of the token, which is shown once."""

    number: int
    id: str
    user: int
    label: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when, from where, and what came of it."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str = ""
    address: str = ""
    outcome: str = "done"
    """'done', or the stable word of why not."""
    detail: str = ""
    via: str = ""
    """'browser', 'token' or 'nbhostctl'."""


def secret_text(random: bytes) -> str:
    """A secret as it is written in a cookie, link or token: URL-safe."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def digest(secret: str) -> str:
    """What is kept of a secret of 128 random bits or more: SHA-256, hex. Nobody can guess back."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def csrf_token(secret: str) -> str:
    """What the forms of a session hold: whoever cannot read our pages cannot know it."""
    return secret_text(derive(secret.encode(errors="surrogatepass"), "csrf")[:18])


def is_csrf_token(secret: str, given: str) -> bool:
    """Whether a form was made by a page of this session (compared in constant time)."""
    return hmac.compare_digest(csrf_token(secret).encode(), given.encode(errors="surrogatepass"))
