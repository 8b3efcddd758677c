"""Where a course's repository is: git addresses parsed once, and shown without their secrets."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from nbhostd.core.errors import Refused

_LONGEST = 2000
_SCHEMES = ("https", "http", "ssh", "git+ssh")
# scp's way of writing ssh (git-clone(1), "GIT URLS"): a host, a colon, a path that is no port.
_SCP_LIKE = re.compile(r"(?:(?P<user>[\w.+-]+)@)?(?P<host>[A-Za-z0-9][\w.-]*):(?P<path>[^/:][^:]*|/[^/].*)")
_LONGEST_BRANCH = 250
_NEVER_IN_A_BRANCH = re.compile(r"\.\.|@\{|[\s~^:?*\[\\]|^@$|^HEAD$")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")


class Transport(enum.StrEnum):
    """How a repository is reached."""

    HTTP = "http"
    SSH = "ssh"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class GitUrl:
    """A git address that was checked. `address` goes to git, `shown` to people: it has no password or token."""

    address: str
    transport: Transport
    warning: str = ""

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        return redacted(self.address)

    @property
    def path(self) -> str:
        """The local path of a FILE address."""
        return unquote(urlsplit(self.address).path) if self.address.startswith("file://") else self.address

    @classmethod
    def parse(cls, text: str) -> GitUrl:
        """A https, http, ssh, scp-like or local address. Raises Refused(400), without repeating any secret."""
        blank = any(unicodedata.category(c)[0] in "CZ" and c != " " for c in text)
        if not text or len(text) > _LONGEST or blank:
            raise _refusal("is empty, too long, or has odd blanks in it")
        if text.startswith("/"):
            return cls(text, Transport.FILE)
        scheme, separator, _ = text.partition("://")
        if separator:
            return cls._of_scheme(text, scheme.lower())
        if _SCP_LIKE.fullmatch(text):
            return cls(text, Transport.SSH)
        raise _refusal("is none of https://HOST/PATH, ssh://HOST/PATH, HOST:PATH and /a/local/path")

    @classmethod
    def _of_scheme(cls, text: str, scheme: str) -> GitUrl:
        if " " in text:
            raise _refusal("has a space in it: write %20")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise _refusal("has no valid host and port") from None
        if scheme == "file":
            if host not in (None, "localhost") or not parts.path.startswith("/"):
                raise _refusal("is not a local file: write file:///a/local/path")
            return cls(text, Transport.FILE)
        if scheme not in _SCHEMES:
            raise _refusal(f"uses “{scheme[:20]}”, and only https, http, ssh and local paths are served")
        if not host or host.startswith("-") or parts.path in ("", "/"):
            raise _refusal("names no host or no repository")
        if scheme in ("ssh", "git+ssh"):
            return cls("ssh" + text[len(scheme) :], Transport.SSH)
        warning = (
            "http:// is not protected on its way: use https:// where you can." if scheme == "http" else ""
        )
        return cls(text, Transport.HTTP, warning)


def redacted(text: str) -> str:
    """Any text (a message of git's, say) with the user part of the addresses in it replaced."""
    return _USER_INFO.sub("***@", text)


def _refusal(what: str) -> Refused:
    return Refused(f"The repository's address {what}.", reason="bad-git-url")


def is_branch_name(name: str) -> bool:
    """Whether git takes `name` as a branch's, by the rules of git-check-ref-format(1); at most 250 characters."""
    return (
        len(name) <= _LONGEST_BRANCH
        and name.isprintable()
        and not _NEVER_IN_A_BRANCH.search(name)
        and not name.startswith("-")
        and not name.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in name.split("/"))
    )
