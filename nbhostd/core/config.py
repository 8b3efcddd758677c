"""The configuration, typed: read from nbhostd.toml, refused whole with every fault named.

Each setting has one default, here; `nbhostd.toml` shows it as a comment and a test compares the two.
Sizes are written "512M" or "2G" (powers of 1024) and kept in bytes; durations "90s", "20min", "2h", "1d" and kept in seconds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any
from urllib.parse import SplitResult, urlsplit

from nbhostd.core.errors import ConfigError

_SIZE = re.compile(r"(\d+)([KMGT]?)")
_DURATION = re.compile(r"(\d+)(s|min|h|d)")
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_DURATION_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
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


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def _list_of(parse: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    def parse_list(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return tuple(parse(item) for item in value)

    return parse_list


def _origin(value: object) -> str:
    """An origin as RFC 6454 writes it: scheme, host, optional port; a leading '*.' in the host is allowed for frame-ancestors."""
    text = _text(value)
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


def _public_url(value: object) -> str:
    text = _origin(_text(value).rstrip("/"))
    if "*" in text:
        raise ValueError(f"“{text}” is not one origin")
    return text


def _domain(value: object) -> str:
    text = _text(value)
    if text and not _DOMAIN.fullmatch(text):
        raise ValueError(f'“{text}” is not a domain name such as "nb.example.org"')
    return text


def _host(value: object) -> str:
    if not _text(value):
        raise ValueError("an empty host is no host")
    return _domain(value)


def _absolute(value: object) -> str:
    text = _text(value)
    if not text.startswith("/"):
        raise ValueError("must be an absolute path")
    return text.rstrip("/") or "/"


def _setting(default: Any, parse: Callable[[object], Any], doc: str) -> Any:
    """A field of a section; `default` is written as in the file."""
    return field(
        default=parse(list(default) if isinstance(default, tuple) else default),
        metadata={"parse": parse, "written": default, "doc": doc},
    )


@dataclass(frozen=True, slots=True)
class Server:
    """[server]: how browsers reach nbhostd."""

    public_url: str = _setting(
        "http://localhost:8000", _public_url, "The origin that browsers use. With TLS in front: https://…"
    )
    workspace_domain: str = _setting(
        "",
        _domain,
        "Each workspace gets the origin LABEL.workspace_domain (wildcard DNS and certificate). "
        "Empty: one origin for all, for semi-trusted classes only.",
    )
    frame_ancestors: tuple[str, ...] = _setting(
        (), _list_of(_origin), "Origins of the LMS pages that may embed notebooks in an iframe."
    )
    legacy_referers: tuple[str, ...] = _setting(
        (),
        _list_of(_host),
        "WEAK, anybody can forge it: also open unsigned launch URLs when the Referer's host is one "
        "of these or below one of them. For an LMS that cannot sign yet.",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """[limits]: what one workspace may use; enforced by the kernel through systemd."""

    memory: int = _setting(
        "2G", parse_size, "Memory of one workspace, its temporary files included (MemoryMax)."
    )
    cpu_percent: int = _setting(200, _count, "CPU of one workspace, 100 = one core (CPUQuota); 0 = no limit.")
    tasks: int = _setting(256, _count, "Processes and threads of one workspace (TasksMax).")
    home: int = _setting("256M", parse_size, "Size of the temporary home directory outside work/.")
    tmp: int = _setting("256M", parse_size, "Size of /tmp.")
    total_memory: int = _setting(
        "0", parse_size, "Memory of all workspaces together (MemoryMax of their slice); 0 = no limit."
    )


@dataclass(frozen=True, slots=True)
class Idle:
    """[idle]: when a running workspace is stopped."""

    check_every: int = _setting("60s", parse_duration, "How often running workspaces are looked at.")
    abandoned_after: int = _setting(
        "20min", parse_duration, "No browser connected, nothing running, and no activity for this long."
    )
    connected_after: int = _setting(
        "2h", parse_duration, "A browser is connected, nothing running, and no activity for this long."
    )
    lifetime: int = _setting("1d", parse_duration, "However busy, stopped after this long.")
    stop_timeout: int = _setting("20s", parse_duration, "Time that a server gets to end before it is killed.")


@dataclass(frozen=True, slots=True)
class Admission:
    """[admission]: who may start now."""

    starts_at_once: int = _setting(0, _count, "Containers starting at the same time; 0 = two per core.")
    memory_reserve: int = _setting("512M", parse_size, "Memory that starts leave free on the host.")
    memory_per_start: int = _setting(
        "200M", parse_size, "Memory that one starting workspace is expected to take."
    )
    disk_reserve: int = _setting(
        "1G", parse_size, "No workspace starts when the disk has less than this free."
    )
    start_timeout: int = _setting(
        "60s", parse_duration, "A server that has not answered after this long has failed to start."
    )
    queue_length: int = _setting(2000, _count, "Students who may wait at the same time.")


@dataclass(frozen=True, slots=True)
class Courses:
    """[courses]: defaults for all courses."""

    default_image: str = _setting("minimal", _text, "The image of a course created without --image.")
    autopull_every: int = _setting("5min", parse_duration, "How often courses with autopull are pulled.")


@dataclass(frozen=True, slots=True)
class Images:
    """[images]: what base images are built from."""

    base: str = _setting(
        "local",
        _text,
        'What images/minimal starts FROM: "local" makes a Debian 13 with mmdebstrap, no registry needed; '
        "anything else is an image's name at a registry.",
    )


@dataclass(frozen=True, slots=True)
class Paths:
    """[paths]: where things are."""

    state: str = _setting("/var/lib/nbhostd", _absolute, "Databases, courses, workspaces, container storage.")
    share: str = _setting("/usr/share/nbhostd", _absolute, "Templates, image recipes, the seccomp profile.")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of nbhostd.toml."""

    server: Server = Server()
    limits: Limits = Limits()
    idle: Idle = Idle()
    admission: Admission = Admission()
    courses: Courses = Courses()
    images: Images = Images()
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
