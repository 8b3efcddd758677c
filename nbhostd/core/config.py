"""The configuration, typed: read from nbhostd.toml, refused whole with every fault named.

Each setting has one default, here; `nbhostd.toml` shows it as a comment and a test compares the two. What a value may be
is in `core/settings.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from nbhostd.core.errors import ConfigError
from nbhostd.core.settings import (
    a_count,
    a_domain,
    a_host,
    a_mail_address,
    a_public_url,
    a_text,
    a_truth,
    an_absolute_path,
    an_issuer,
    an_origin,
    list_of,
    one_of,
    parse_duration,
    parse_size,
    setting,
)


@dataclass(frozen=True, slots=True)
class Server:
    """[server]: how browsers reach nbhostd."""

    public_url: str = setting(
        "http://localhost:8000", a_public_url, "The origin that browsers use. With TLS in front: https://…"
    )
    workspace_domain: str = setting(
        "",
        a_domain,
        "Each workspace gets the origin LABEL.workspace_domain (wildcard DNS and certificate). "
        "Empty: one origin for all, for semi-trusted classes only.",
    )
    frame_ancestors: tuple[str, ...] = setting(
        (), list_of(an_origin), "Origins of the LMS pages that may embed notebooks in an iframe."
    )
    legacy_referers: tuple[str, ...] = setting(
        (),
        list_of(a_host),
        "WEAK, anybody can forge it: also open unsigned launch URLs when the Referer's host is one "
        "of these or below one of them. For an LMS that cannot sign yet.",
    )

    @property
    def host(self) -> str:
        """The host of `public_url`: what this site is called."""
        return urlsplit(self.public_url).hostname or "localhost"


@dataclass(frozen=True, slots=True)
class Limits:
    """[limits]: what one workspace may use; enforced by the kernel through systemd."""

    memory: int = setting(
        "2G", parse_size, "Memory of one workspace, its temporary files included (MemoryMax)."
    )
    cpu_percent: int = setting(200, a_count, "CPU of one workspace, 100 = one core (CPUQuota); 0 = no limit.")
    tasks: int = setting(256, a_count, "Processes and threads of one workspace (TasksMax).")
    home: int = setting("256M", parse_size, "Size of the temporary home directory outside work/.")
    tmp: int = setting("256M", parse_size, "Size of /tmp.")
    total_memory: int = setting(
        "0", parse_size, "Memory of all workspaces together (MemoryMax of their slice); 0 = no limit."
    )


@dataclass(frozen=True, slots=True)
class Idle:
    """[idle]: when a running workspace is stopped."""

    check_every: int = setting("60s", parse_duration, "How often running workspaces are looked at.")
    abandoned_after: int = setting(
        "20min", parse_duration, "No browser connected, nothing running, and no activity for this long."
    )
    connected_after: int = setting(
        "2h", parse_duration, "A browser is connected, nothing running, and no activity for this long."
    )
    lifetime: int = setting("1d", parse_duration, "However busy, stopped after this long.")
    stop_timeout: int = setting("20s", parse_duration, "Time that a server gets to end before it is killed.")


@dataclass(frozen=True, slots=True)
class Admission:
    """[admission]: who may start now."""

    starts_at_once: int = setting(0, a_count, "Containers starting at the same time; 0 = two per core.")
    memory_reserve: int = setting("512M", parse_size, "Memory that starts leave free on the host.")
    memory_per_start: int = setting(
        "200M", parse_size, "Memory that one starting workspace is expected to take."
    )
    disk_reserve: int = setting(
        "1G", parse_size, "No workspace starts when the disk has less than this free."
    )
    start_timeout: int = setting(
        "60s", parse_duration, "A server that has not answered after this long has failed to start."
    )
    queue_length: int = setting(2000, a_count, "Students who may wait at the same time.")


@dataclass(frozen=True, slots=True)
class Courses:
    """[courses]: defaults for all courses."""

    default_image: str = setting("minimal", a_text, "The image of a course created without --image.")
    autopull_every: int = setting("5min", parse_duration, "How often courses with autopull are pulled.")


@dataclass(frozen=True, slots=True)
class Images:
    """[images]: what base images are built from."""

    base: str = setting(
        "local",
        a_text,
        'What images/minimal starts FROM: "local" makes a Debian 13 with mmdebstrap, no registry needed; '
        "anything else is an image's name at a registry.",
    )


@dataclass(frozen=True, slots=True)
class Mail:
    """[mail]: the server that takes our letters; its password is in /etc/nbhostd/mail.password."""

    host: str = setting(
        "",
        a_domain,
        "The mail server. Empty: no letters, invitations and new passwords are links that are handed out.",
    )
    security: str = setting(
        "starttls",
        one_of("starttls", "tls", "none"),
        'How the connection is kept private: "starttls", "tls", or "none" for a server on this computer.',
    )
    port: int = setting(0, a_count, "0 = 587 for starttls, 465 for tls, 25 for none.")
    username: str = setting("", a_text, "The account at the mail server. Empty: no login.")
    sender: str = setting(
        "",
        a_mail_address,
        'Who writes, as "Name <address>". Empty: no-reply at the host of server.public_url.',
    )


@dataclass(frozen=True, slots=True)
class OpenId:
    """[openid]: a login of another site (OpenID Connect); the client's secret is in /etc/nbhostd/openid.secret."""

    issuer: str = setting("", an_issuer, "The provider's issuer, https://… Empty: local accounts only.")
    client_id: str = setting("", a_text, "What the provider knows this site as.")
    label: str = setting("", a_text, "What the login page calls it. Empty: the issuer's host.")
    scopes: tuple[str, ...] = setting(
        ("openid", "profile", "email"), list_of(a_text), "What the provider is asked for."
    )
    username_claim: str = setting(
        "preferred_username", a_text, "The claim that a new account's name is made from."
    )
    create_accounts: bool = setting(
        False,
        a_truth,
        "Whoever comes from the provider gets an account. Else only accounts that are here already.",
    )
    email_domains: tuple[str, ...] = setting(
        (),
        list_of(a_domain),
        "People from these domains only, by the verified e-mail address; an address of theirs also finds the account "
        "that is here already. Empty: everybody whom the provider lets in.",
    )


@dataclass(frozen=True, slots=True)
class Paths:
    """[paths]: where things are."""

    state: str = setting(
        "/var/lib/nbhostd", an_absolute_path, "Databases, courses, workspaces, container storage."
    )
    share: str = setting(
        "/usr/share/nbhostd", an_absolute_path, "Templates, image recipes, the seccomp profile."
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of nbhostd.toml."""

    server: Server = Server()
    limits: Limits = Limits()
    idle: Idle = Idle()
    admission: Admission = Admission()
    courses: Courses = Courses()
    images: Images = Images()
    mail: Mail = Mail()
    openid: OpenId = OpenId()
    paths: Paths = Paths()


def _unknown(key: str, known: tuple[str, ...], what: str) -> str:
    near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
    return f"{key}: no such {what}" + (f"; did you mean “{near[0]}”?" if near else "")


def _read_section(cls: type[Any], name: str, table: object, faults: list[str]) -> Any:
    if not isinstance(table, Mapping):
        faults.append(f"{name}: must be a section, [{name}]")
        return cls()
    known: dict[str, Field[Any]] = {f.name: f for f in fields(cls)}
    values = {}
    for key, value in table.items():
        if key not in known:
            faults.append(_unknown(f"{name}.{key}", tuple(known), "setting"))
            continue
        try:
            values[key] = known[key].metadata["parse"](value)
        except ValueError as error:
            faults.append(f"{name}.{key}: {error}")
    return cls(**values)


def parse_config(document: Mapping[str, object]) -> Config:
    """The configuration in a parsed TOML document. Raises ConfigError with every fault at once."""
    faults: list[str] = []
    sections: dict[str, type[Any]] = {f.name: type(f.default) for f in fields(Config)}
    values = {}
    for name, table in document.items():
        if name not in sections:
            faults.append(_unknown(name, tuple(sections), "section"))
        else:
            values[name] = _read_section(sections[name], name, table, faults)
    config = Config(**values)
    faults += _contradictions(config)
    if faults:
        raise ConfigError(tuple(faults))
    return config


def _contradictions(config: Config) -> list[str]:
    faults = []
    if config.limits.memory < 128 << 20:
        faults.append('limits.memory: a Jupyter server needs at least "128M"')
    if config.limits.tasks < 20:
        faults.append("limits.tasks: a Jupyter server with one kernel needs at least 20")
    if config.idle.check_every == 0:
        faults.append('idle.check_every: must be at least "1s"')
    host = urlsplit(config.server.public_url).hostname
    if config.server.workspace_domain and config.server.workspace_domain == host:
        faults.append("server.workspace_domain: must differ from the host of server.public_url")
    return faults + _people_contradictions(config.mail, config.openid)


def _people_contradictions(mail: Mail, openid: OpenId) -> list[str]:
    faults = []
    if mail.username and mail.security == "none" and mail.host not in ("localhost", "127.0.0.1"):
        faults.append('mail.security: a password goes to another computer with "starttls" or "tls" only')
    if openid.issuer and not openid.client_id:
        faults.append("openid.client_id: the provider must know this site by something")
    if openid.issuer and "openid" not in openid.scopes:
        faults.append('openid.scopes: must have "openid"')
    return faults


def describe() -> str:
    """Every setting with its default and its meaning, as nbhostd.toml shows them."""
    lines = []
    for section in fields(Config):
        cls: type[Any] = type(section.default)
        lines.append(f"\n[{section.name}]")
        for item in fields(cls):
            lines += [f"# {item.metadata['doc']}", f"#{item.name} = {_toml(item.metadata['written'])}"]
    return "\n".join(lines).strip() + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
