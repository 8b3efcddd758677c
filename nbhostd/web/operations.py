"""Operations: all that can be done here, each described once and done in one way, whoever asks.

The HTTP API (`/api/v1/…`, JSON, with a token or a session) and the dashboard's forms (`POST /do/ID`) call the same ones:
the same check of rights, the same check of what is given, the same line in the audit log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import msgspec

from nbhostd.core.errors import NbhostdError, Refused
from nbhostd.core.headers import SAFE_METHODS
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power, judge
from nbhostd.core.ports import Clock
from nbhostd.core.sessions import AuditEntry
from nbhostd.web.reception import Accesses, Visitor

log = logging.getLogger(__name__)

Struct = msgspec.Struct
_NAME_IN_PATH = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")


class Begun(msgspec.Struct, frozen=True):
    """Something long has begun; `job` is the number of its log, or null when it was done at once."""

    job: int | None


class Nothing(msgspec.Struct, frozen=True):
    """An empty object: it is done, and there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is sent: its `size` in bytes (None when it was not said), and its content, piece by piece."""

    size: int | None
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: who calls, the names in its path, its query, and its body as the operation describes it."""

    visitor: Visitor
    names: Mapping[str, str]
    body: Any = None
    query: Any = None
    content: Content | None = None
    """What an operation that is `raw` gets."""

    @property
    def course(self) -> CourseName:
        """The course in the path."""
        return CourseName.parse(self.names["course"])

    @property
    def who(self) -> str:
        """Who calls, for jobs and the audit log."""
        return self.visitor.actor.name


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be done. `path` is below /api/v1; with {course} in it, rights are asked in that course."""

    id: str
    """Two words with a dot between them, 'course.pull'."""
    method: str
    path: str
    summary: str
    power: Power
    do: Callable[[Call], Awaitable[Any]]
    answer: type[Struct] = Nothing
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    done: str = ""
    """What a person is told who did it with a form, in English."""
    raw: bool = False
    """Its body is the content of a file."""
    leads: Callable[[Any], str] | None = None
    """Where its answer leads a person who did it with a form; else where the form says."""
    errors: tuple[int, ...] = ()
    """Statuses that it answers besides those that every operation may."""
    secret: frozenset[str] = field(default=frozenset())
    """Fields of the body that the audit log must not show."""

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names in its path, in their order."""
        return tuple(self.path_patterns)

    @property
    def path_patterns(self) -> dict[str, str]:
        """What each name in its path must look like, as a regular expression."""
        return {name: pattern or "[^/]+" for name, pattern in _NAME_IN_PATH.findall(self.path)}

    @property
    def plain_path(self) -> str:
        """Its path without what a router needs to know of the names."""
        return _NAME_IN_PATH.sub(r"{\1}", self.path)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in SAFE_METHODS

    @property
    def long(self) -> bool:
        """Whether it answers before it is done, with the number of a job."""
        return self.answer is Begun


class Auditing(Protocol):
    """Where what was done is written down (adapters/audit.py)."""

    async def add(self, entry: AuditEntry) -> None: ...


class Operations:
    """All of them, by id; checks, does, and writes down."""

    def __init__(self, rights: Accesses, audit: Auditing, clock: Clock) -> None:
        self._rights = rights
        self._audit = audit
        self._clock = clock
        self._all: dict[str, Operation] = {}

    def add(self, operations: Sequence[Operation]) -> None:
        """Take more of them."""
        for operation in operations:
            if operation.id in self._all:
                raise ValueError(f"two operations are called {operation.id}")
            self._all[operation.id] = operation

    def __iter__(self) -> Any:
        return iter(self._all.values())

    def get(self, id: str) -> Operation:
        """The operation of that id. Raises Refused(404)."""
        try:
            return self._all[id]
        except KeyError:
            raise Refused("There is no such operation.", status=404, reason="not-found") from None

    async def call(self, operation: Operation, call: Call, given: Mapping[str, Any]) -> Any:
        """Do it, if the caller may: its answer. `given` is the body as it came. Raises Refused, NotNow, WorldError."""
        try:
            await self._judge(operation, call)
            if operation.body is not None:
                call = replace(call, body=converted(given, operation.body))
            answer = await operation.do(call)
        except NbhostdError as error:
            await self._note(operation, call, given, getattr(error, "reason", "failed"))
            raise
        await self._note(operation, call, given, "done")
        return answer

    async def _judge(self, operation: Operation, call: Call) -> None:
        access = None
        if "course" in call.names:
            access = await self._rights.access(call.course)
        judge(call.visitor.actor, operation.power, access, reading=operation.reads).demand()

    async def _note(self, operation: Operation, call: Call, given: Mapping[str, Any], outcome: str) -> None:
        if operation.reads or outcome == "not-logged-in":
            return
        # What is made has its name in the body.
        subject = "/".join(call.names.values()) or _short(given.get("name", ""))
        await self._audit.add(
            AuditEntry(
                0, self._clock.now(), call.who, operation.id, subject[:300],
                call.visitor.address, outcome, shown(given, operation.secret), call.visitor.via,
            )
        )  # fmt: skip


def converted(given: Any, kind: type[Struct], *, strict: bool = True) -> Any:
    """What was given, as this kind describes it. Raises Refused(400) with the place and what is wrong there."""
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Refused(f"This request is not right: {error}.", reason="bad-request-body") from error


def shown(given: Mapping[str, Any], secret: frozenset[str]) -> str:
    """What was asked for, short, for the audit log."""
    pieces = [
        f"{key}={'…' if key in secret else _short(value)}"
        for key, value in given.items()
        if value not in (None, "")
    ]
    return " ".join(pieces)[:1000]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= 200 else f"{text[:199]}…"
