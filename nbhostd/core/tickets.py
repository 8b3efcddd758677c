"""Tickets: what we hand to a browser and believe when it comes back, until it expires.

A ticket is signed, not secret in content: it says what was already decided (who waits for which notebook).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from nbhostd.core.errors import Refused

_MAX_TICKET = 8192


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of its own for one purpose: a signature made for another never fits."""
    return hmac.digest(secret, b"nbhostd " + purpose.encode(), hashlib.sha256)


def seal(key: bytes, kind: str, payload: Mapping[str, str], expires: datetime) -> str:
    """A ticket of this kind, URL-safe; good until `expires` (aware, whole seconds)."""
    document = {"kind": kind, "expires": int(expires.timestamp()), "payload": dict(payload)}
    # Unescaped: the longest names must still fit into one request line.
    body = json.dumps(document, ensure_ascii=False)
    encoded = _encode(body.encode())
    return f"{encoded}.{_encode(_mac(key, encoded))}"


def unseal(keys: Sequence[bytes], kind: str, ticket: str, now: datetime) -> dict[str, str]:
    """The payload of a ticket of this kind made with one of the keys.

    Raises Refused: 403 "bad-ticket" when nobody here made it, 410 "expired-ticket" when its time is over.
    """
    encoded, _, mac = ticket.partition(".")
    given = _decode(mac) if len(ticket) <= _MAX_TICKET and ticket.isascii() else b""
    if not any(hmac.compare_digest(_mac(key, encoded), given) for key in keys):
        raise Refused("This link was not made here.", status=403, reason="bad-ticket")
    body = json.loads(_decode(encoded))
    if body["kind"] != kind:
        raise Refused("This link was made for something else.", status=403, reason="bad-ticket")
    if now.timestamp() >= body["expires"]:
        raise Refused("This link is too old.", status=410, reason="expired-ticket")
    payload: dict[str, str] = body["payload"]
    return payload


def _mac(key: bytes, encoded: str) -> bytes:
    return hmac.digest(key, encoded.encode(errors="surrogatepass"), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
