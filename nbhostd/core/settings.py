"""What a setting may be: each kind of value, from how nbhostd.toml writes it. Each raises ValueError with what it must be.

Sizes are written "512M" or "2G" (powers of 1024) and kept in bytes; durations "90s", "20min", "2h", "1d" and kept in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any
from urllib.parse import SplitResult, urlsplit

_SIZE = re.compile(r"(\d+)([KMGT]?)")
_DURATION = re.compile(r"(\d+)(s|min|h|d)")
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_DURATION_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+|[^@<>,;:\"]* <[^\s@<>,;:\"]+@[^\s@<>,;:\"]+>")
_DOMAIN = re.compile(r"(?=.{1,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def parse_size(value: object) -> int:
    """Bytes of "512M", "2G", … Raises ValueError."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a size such as "512M" or "2G"')
    return int(match[1]) * _SIZE_UNITS[match[2]]


def parse_duration(value: object) -> int:
    """Seconds of "90s", "20min", "2h", "1d". Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a duration such as "90s", "20min", "2h" or "1d"')
    return int(match[1]) * _DURATION_UNITS[match[2]]


def a_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value


def a_truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def a_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def list_of(parse: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    def parse_list(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return tuple(parse(item) for item in value)

    return parse_list


def an_origin(value: object) -> str:
    """An origin as RFC 6454 writes it: scheme, host, optional port; a leading '*.' in the host is allowed for frame-ancestors."""
    text = a_text(value)
    parts = urlsplit(text)
    host = (parts.hostname or "").removeprefix("*.")
    if not _is_port(parts) or "@" in parts.netloc:
        raise ValueError(f'“{text}” is not an origin such as "https://lms.example.org"')
    if (
        parts.scheme not in ("http", "https")
        or not _DOMAIN.fullmatch(host)
        or parts.path
        or parts.query
        or parts.fragment
    ):
        raise ValueError(f'“{text}” is not an origin such as "https://lms.example.org"')
    return text


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def a_public_url(value: object) -> str:
    text = an_origin(a_text(value).rstrip("/"))
    if "*" in text:
        raise ValueError(f"“{text}” is not one origin")
    return text


def a_domain(value: object) -> str:
    text = a_text(value)
    if text and not _DOMAIN.fullmatch(text):
        raise ValueError(f'“{text}” is not a domain name such as "nb.example.org"')
    return text


def a_host(value: object) -> str:
    if not a_text(value):
        raise ValueError("an empty host is no host")
    return a_domain(value)


def an_absolute_path(value: object) -> str:
    text = a_text(value)
    if not text.startswith("/"):
        raise ValueError("must be an absolute path")
    return text.rstrip("/") or "/"


def one_of(*words: str) -> Callable[[object], str]:
    def parse_word(value: object) -> str:
        if value not in words:
            raise ValueError("must be " + " or ".join(f'"{word}"' for word in words))
        return str(value)

    return parse_word


def a_mail_address(value: object) -> str:
    """An address, alone or as "Name <address>"."""
    text = a_text(value)
    if text and not (text.isprintable() and _MAIL_ADDRESS.fullmatch(text)):
        raise ValueError(f'“{text}” is not an address such as "Notebooks <no-reply@example.org>"')
    return text


def an_issuer(value: object) -> str:
    """An issuer (OpenID Connect Core §2): an https URL; http on this computer only."""
    text = a_text(value)
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if text and not (
        (parts.scheme == "https" or local)
        and parts.hostname and _is_port(parts) and not parts.query and not parts.fragment and "@" not in parts.netloc
    ):  # fmt: skip
        raise ValueError(f'“{text}” is not an issuer such as "https://login.example.org"')
    return text


def setting(default: Any, parse: Callable[[object], Any], doc: str) -> Any:
    """A field of a section; `default` is written as in the file."""
    return field(
        default=parse(list(default) if isinstance(default, tuple) else default),
        metadata={"parse": parse, "written": default, "doc": doc},
    )
