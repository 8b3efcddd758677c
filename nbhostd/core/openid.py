"""Logging in at another site: OpenID Connect's code flow with PKCE, as far as it can be decided from values alone.

The sources of the rules: OpenID Connect Core 1.0 (§3.1), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss`), and RFC 9700,
which says what attacks they answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from nbhostd.core.errors import Refused, WorldError

ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""What an ID token may be signed with, and the kind of key for it. Never "none", never a shared secret."""

SKEW = timedelta(seconds=60)
_OLDEST = timedelta(minutes=15)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LONGEST_SUBJECT = 255
_LONGEST_CODE = 4096


@dataclass(frozen=True, slots=True)
class Departure:
    """What a browser leaves with: secrets of one login, which only it and we know. `next` is where it wanted to go."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """43 to 128 characters (RFC 7636 §4.1)."""
    next: str = ""
    join: str = ""
    """The account that is to be joined with the identity that comes back; '' to log in."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a browser comes back with."""

    code: str = field(repr=False)
    issuer: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str], departure: Departure) -> Arrival:
        """The answer in a callback's query to that very departure. Raises Refused."""
        if not hmac.compare_digest(query.get("state", "").encode(errors="replace"), departure.state.encode()):
            raise Refused("This login was begun in another browser, or too long ago.", reason="openid-state")
        if query.get("error"):
            detail = f"{query['error']}: {query.get('error_description', '')}"[:300]
            raise Refused("The login was not granted.", status=403, reason="openid-denied", detail=detail)
        code = query.get("code", "")
        if not code or len(code) > _LONGEST_CODE:
            raise Refused("This is no answer to a login.", reason="openid-state")
        return cls(code, query.get("iss"))


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, as its discovery document tells it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    takes_basic: bool = True
    """Whether the client's secret goes in a header (client_secret_basic), else in the form (client_secret_post)."""
    says_issuer: bool = False
    """Whether every answer names its issuer (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at a provider: `issuer` and `subject` never change, everything else may."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    username: str = ""
    first_name: str = ""
    last_name: str = ""


def _wrong(detail: str) -> WorldError:
    return WorldError("The other site’s answer to the login is not valid.", detail=f"OpenID: {detail}"[:500])


def is_private(url: str, *, local: bool) -> bool:
    """Whether nobody between us and that address can listen: https, or http on this very computer where it is meant."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.fragment or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (local and parts.scheme == "http" and host in _LOCAL)


def read_provider(document: object, issuer: str) -> Provider:
    """The provider in a discovery document (Discovery §3). Raises WorldError for one that is not `issuer`'s or not usable."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise _wrong("the discovery document is not the issuer’s")
    local = urlsplit(issuer).scheme == "http"

    def endpoint(name: str) -> str:
        url = document.get(name)
        if not isinstance(url, str) or not is_private(url, local=local):
            raise _wrong(f"{name} is no https address")
        return url

    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Provider(
        issuer,
        endpoint("authorization_endpoint"),
        endpoint("token_endpoint"),
        endpoint("jwks_uri"),
        endpoint("userinfo_endpoint") if document.get("userinfo_endpoint") else "",
        takes_basic=not isinstance(methods, list)
        or "client_secret_post" not in methods
        or "client_secret_basic" in methods,
        says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def challenge(verifier: str) -> str:
    """What the provider is told of the verifier (RFC 7636 §4.2, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def departure_url(
    provider: Provider, client_id: str, scopes: tuple[str, ...], redirect_uri: str, departure: Departure
) -> str:
    """Where the browser is sent to log in."""
    query = {
        "response_type": "code", "client_id": client_id, "scope": " ".join(scopes), "redirect_uri": redirect_uri,
        "state": departure.state, "nonce": departure.nonce,
        "code_challenge": challenge(departure.verifier), "code_challenge_method": "S256",
    }  # fmt: skip
    return (
        provider.authorization_endpoint
        + ("&" if urlsplit(provider.authorization_endpoint).query else "?")
        + urlencode(query)
    )


def check_issuer(arrival: Arrival, provider: Provider) -> None:
    """Return when the answer is from that provider (RFC 9207 §2.4). Raises WorldError."""
    if arrival.issuer != provider.issuer and (provider.says_issuer or arrival.issuer is not None):
        raise _wrong("the answer names another issuer")


def check_claims(
    claims: Mapping[str, object], issuer: str, client_id: str, nonce: str, now: datetime
) -> None:
    """Return when a signed ID token is good for this login, here and now (Core §3.1.3.7). Raises WorldError."""
    if claims.get("iss") != issuer:
        raise _wrong("the ID token is from another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise _wrong("the ID token is for another site")
    if claims.get("azp", client_id) != client_id or (len(audiences) > 1 and "azp" not in claims):
        raise _wrong("the ID token was given to another site")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(errors="replace"), nonce.encode()):
        raise _wrong("the ID token is for another login")
    _check_times(claims, now)


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if expires is None or issued is None:
        raise _wrong("the ID token does not say when it was made and when it ends")
    if now.timestamp() - SKEW.total_seconds() >= expires:
        raise _wrong("the ID token has expired")
    if issued > now.timestamp() + SKEW.total_seconds() or issued < (now - _OLDEST).timestamp():
        raise _wrong("the ID token was not made just now: do the clocks agree?")
    begins = _moment(claims, "nbf") if "nbf" in claims else issued
    if begins is None or begins > now.timestamp() + SKEW.total_seconds():
        raise _wrong("the ID token is not good yet")


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def subject_of(claims: Mapping[str, object]) -> str:
    """Who it is about. Raises WorldError."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise _wrong("the ID token is about nobody")
    return subject


def identity_of(
    claims: Mapping[str, object], more: Mapping[str, object], issuer: str, username_claim: str
) -> Identity:
    """Who it is, from the ID token and what the userinfo endpoint adds. Raises WorldError when they are two people."""
    subject = subject_of(claims)
    if more and more.get("sub") != subject:
        raise _wrong("userinfo is about somebody else")
    # An address and whether it was verified belong together: both from the same document.
    of_email = claims if isinstance(claims.get("email"), str) else more
    both = {**more, **claims}
    return Identity(
        issuer,
        subject,
        email=_text(of_email, "email"),
        email_verified=of_email.get("email_verified") is True,
        username=_text(both, username_claim),
        first_name=_text(both, "given_name"),
        last_name=_text(both, "family_name"),
    )


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return (
        value.strip()
        if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_SUBJECT
        else ""
    )
