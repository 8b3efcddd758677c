"""What passes through the proxy: which headers are dropped, which are set, and who may write.

Headers are pairs of bytes as they came over the wire; names compare in lower case. Nothing here trusts
either side: the browser's headers may be forged, and a student's server is a student's program.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nbhostd.core.model import Run

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}

# RFC 9110 section 7.6.1, and the older names that mean the same.
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
# Content-Length and Transfer-Encoding are written anew from what was parsed; Expect was answered by us; the others
# are either ours to say (who the client is, how the server is opened) or nothing that a workspace should learn.
_REQUEST_DROP = HOP_BY_HOP | {
    b"authorization", b"content-length", b"cookie", b"expect", b"forwarded", b"http2-settings",
    b"proxy-authorization", b"via", b"x-real-ip", b"x-scheme",
}  # fmt: skip
# What a page may not say for its whole origin or its whole host, and what we say ourselves.
_RESPONSE_DROP = HOP_BY_HOP | {
    b"alt-svc", b"clear-site-data", b"content-security-policy", b"nel", b"proxy-authenticate",
    b"proxy-authentication-info", b"public-key-pins", b"referrer-policy", b"report-to", b"server",
    b"service-worker-allowed", b"set-cookie", b"strict-transport-security", b"x-content-type-options",
    b"x-frame-options",
}  # fmt: skip
_OUR_COOKIES = (b"nbh", b"__host-nbh", b"__secure-nbh")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Policy:
    """How answers of one workspace are dressed: `base_url` confines its cookies, `secure` says whether they are Secure."""

    base_url: str
    frame_ancestors: tuple[str, ...]
    secure: bool


def cookie_name(label: str) -> str:
    """The name of the second factor's cookie of the workspace with this label; every cookie of ours starts with 'nbh'."""
    return f"nbh-{label[:8]}"


def cookie_value(run: Run) -> str:
    """What the second factor's cookie of this run must hold: derived, so nothing more is stored."""
    digest = hmac.digest(run.token.encode(), b"nbhostd workspace cookie", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def holds_cookie(headers: Headers, name: str, value: str) -> bool:
    """Whether one of the request's cookies of this name has exactly this value (compared in constant time)."""
    wanted, expected = name.encode(), value.encode()
    return any(got == wanted and hmac.compare_digest(content, expected) for got, content in _cookies(headers))


def _cookies(headers: Headers) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        if name.lower() == b"cookie":
            for pair in value.split(b";"):
                cookie, _, content = pair.partition(b"=")
                yield cookie.strip(b" \t"), content.strip(b" \t")


def _is_ours(cookie: bytes) -> bool:
    return cookie.lower().startswith(_OUR_COOKIES)


def _others_cookies(headers: Headers) -> bytes:
    """The Cookie header without any cookie of ours: a student's server must see no session and no second factor."""
    return b"; ".join(
        name + b"=" + value if name else value
        for name, value in _cookies(headers)
        # A nameless cookie is sent as its bare value, which the receiver may read as 'name=value' again.
        if (name or value) and not _is_ours(name or value)
    )


def is_navigation(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a person loads a page (a *visit*), rather than a page asking for something (a *poll*)."""
    if method != "GET" or headers.get("Upgrade"):
        return False
    mode = headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return "text/html" in headers.get("Accept", "") and "X-Requested-With" not in headers


def is_activity(method: str, tail: str) -> bool:
    """Whether a request below base_url shows a person at work: a write, but no refresh in disguise."""
    # JupyterLab's git panel asks for its status by POST every few seconds, with nobody there.
    return method not in SAFE_METHODS and not tail.startswith("git/")


def host_name(host: str) -> str:
    """The host of a Host header, lower case and without its port ('' when malformed)."""
    name, colon, port = host.lower().rpartition(":")
    if not colon:
        return host.lower()
    if host.endswith("]") and host.startswith("["):
        return host.lower()
    return name if port.isascii() and (port.isdigit() or not port) else ""


def origin(scheme: str, host: str, public_port: int | None = None) -> str:
    """The origin ('https://name[:port]') that a browser reached with this Host header; `public_port` overrides its port."""
    name = host_name(host)
    written = host.lower().removeprefix(name).removeprefix(":")
    port = public_port if public_port is not None else int(written or _DEFAULT_PORTS[scheme])
    return f"{scheme}://{name}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{name}:{port}"


def is_own_origin(headers: Mapping[str, str], own: str) -> bool:
    """Whether a write or an upgrade was made by a page of the very origin it is sent to.

    Without `Origin`, only a browser's word that it is same-origin counts; a client that says nothing is refused.
    """
    said = headers.get("Origin")
    if said is None:
        return headers.get("Sec-Fetch-Site") == "same-origin"
    return said.lower() == own


def client_address(peer: str, forwarded: Sequence[str]) -> str:
    """Where a request comes from: the peer, or what the reverse proxy on this computer says of its own peer.

    Of X-Forwarded-For only the last item was written by our neighbour; those before it are anybody's claim.
    """
    if peer not in ("127.0.0.1", "::1", "") or not forwarded:
        return peer
    said = forwarded[-1].rpartition(",")[2].strip()
    return said if said and len(said) <= 45 and said.isascii() and said.isprintable() else peer


def is_local(name: str) -> bool:
    """Whether browsers take this host name for secure without TLS."""
    return name in ("localhost", "127.0.0.1", "[::1]") or name.endswith(".localhost")


def named_in_connection(headers: Headers) -> frozenset[bytes]:
    """The header names, lower case, that this message's Connection header makes hop-by-hop."""
    said = [value for name, value in headers if name.lower() == b"connection"]
    if not said:
        return frozenset()
    return frozenset(option.strip().lower() for option in b",".join(said).split(b","))


def request_head(
    method: str, target: str, headers: Headers, *, token: str, scheme: str, host: str,
    length: int | None = None, chunked: bool = False, upgrade: bool = False,
) -> bytes:  # fmt: skip
    """The head to send to a workspace's server: the path as it came, the headers rebuilt, our token added.

    `length` or `chunked` frame the body that follows; neither means that there is none.
    """
    dropped = _REQUEST_DROP | named_in_connection(headers)
    lines = [f"{method} {target} HTTP/1.1".encode("utf-8", "surrogateescape")]
    cookies = False
    for name, value in headers:
        lower = name.lower()
        if lower not in dropped and not lower.startswith(b"x-forwarded-"):
            lines.append(name + b": " + value)
        elif lower == b"cookie":
            cookies = True
    if cookies and (kept := _others_cookies(headers)):
        lines.append(b"Cookie: " + kept)
    lines.append(
        f"Authorization: token {token}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}".encode()
    )
    if upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif length is not None:
        lines.append(b"Content-Length: %d" % length)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def response_headers(headers: Headers, policy: Policy) -> list[tuple[str, str]]:
    """The headers that a browser gets of a workspace server's answer, ours added."""
    dropped = _RESPONSE_DROP
    options = named_in_connection(headers)
    if options:
        # A hostile server could name a header that must stay, to have it dropped.
        dropped = dropped | (options - {b"content-length", b"content-type"})
    kept: list[tuple[str, str]] = []
    policies: list[bytes] = []
    for name, value in headers:
        lower = name.lower()
        if lower == b"content-security-policy":
            policies.append(value)
        elif lower == b"set-cookie":
            cookie = confined_cookie(value, policy)
            if cookie is not None:
                kept.append(("Set-Cookie", _text(cookie)))
        elif lower not in dropped and not lower.startswith(b"access-control-"):
            kept.append((name.decode("ascii"), _text(value)))
    kept.append(("Content-Security-Policy", framed_by(policies, policy.frame_ancestors)))
    kept.append(("Referrer-Policy", "same-origin"))
    kept.append(("X-Content-Type-Options", "nosniff"))
    kept.append(("Server", "nbhostd"))
    return kept


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def framed_by(policies: Sequence[bytes], ancestors: Sequence[str]) -> str:
    """A Content-Security-Policy value: our frame-ancestors, then the given policies without theirs (all are enforced)."""
    framing = "frame-ancestors " + " ".join(("'self'", *ancestors))
    if not policies:
        return framing
    rest: list[str] = []
    for policy in ",".join(_text(value) for value in policies).split(","):
        directives = [part.strip() for part in policy.split(";")]
        kept = [part for part in directives if part and part.split()[0].lower() != "frame-ancestors"]
        if kept:
            rest.append("; ".join(kept))
    return ", ".join((framing, *rest))


def confined_cookie(value: bytes, policy: Policy) -> bytes | None:
    """An upstream Set-Cookie kept inside its workspace, or None when it would pose as one of ours.

    Domain goes, Path is at or below base_url, and where the page is secure the cookie also works inside an LMS's iframe.
    """
    pair, *attributes = value.split(b";")
    name, equals, _ = pair.partition(b"=")
    name = name.strip()
    if not equals or not name or _is_ours(name):
        return None
    base = policy.base_url.encode()
    path = base
    kept = [pair.strip()]
    for attribute in attributes:
        key, _, content = (part.strip() for part in attribute.partition(b"="))
        match key.lower():
            case b"path" if content.startswith(base):
                path = content
            case b"max-age" | b"expires":
                kept.append(key + b"=" + content)
            case b"httponly":
                kept.append(b"HttpOnly")
            case b"samesite" if not policy.secure and content.lower() in (b"lax", b"strict"):
                kept.append(b"SameSite=" + content)
    kept.append(b"Path=" + path)
    if policy.secure:
        kept.append(b"Secure; SameSite=None; Partitioned")
    return b"; ".join(kept)
