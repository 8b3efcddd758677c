"""Registering many people at once: a table read with every fault named, and a plan of what there is to do. Does nothing.

The table is CSV as spreadsheets write it: `,` `;` or tab between, quotes where needed, a first line that says what is in
which column. `email` must be there; `username`, `first_name`, `last_name`, `password` and `group` may be.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nbhostd.core.errors import Refused
from nbhostd.core.names import StudentName, folded_name
from nbhostd.core.passwords import judge_password
from nbhostd.core.people import GroupName, User, checked_email
from nbhostd.core.remarks import Remark

LARGEST = 512 << 10
MOST_ROWS = 5000
_SEPARATORS = ",;\t"
_COLUMNS = ("email", "username", "first_name", "last_name", "password", "group")
_ALSO = {
    "e_mail": "email", "mail": "email", "user": "username", "firstname": "first_name", "lastname": "last_name",
    "groups": "group",
}  # fmt: skip
"""Other headings for the same, as other programs write them."""
_LONGEST_NAME = 100
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of a table, with what was left out made up. `line` is that of the file."""

    line: int
    email: str
    name: StudentName
    first_name: str = ""
    last_name: str = ""
    password: str = field(default="", repr=False)
    groups: tuple[GroupName, ...] = ()
    named: bool = False
    """Whether the table itself says the name."""


@dataclass(frozen=True, slots=True)
class Table:
    """What was read: with any fault, nothing of it is done; warnings are for whoever wrote it."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A person who is left out, with the stable word of why: see REASONS. `account` is the one in the way."""

    entry: Entry
    reason: str
    account: str = ""


REASONS = {
    "name-taken": "the account “{account}” has another address",
    "name-alike": "the account “{account}” differs in capital letters only",
    "address-named-otherwise": "this address belongs to the account “{account}”",
    "address-of-several": "several accounts have this address",
}
"""A sentence for each conflict."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets an account, who has one already (both get the groups of the table), and who is left out."""

    new: tuple[Entry, ...] = ()
    known: tuple[tuple[Entry, User], ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def read_table(data: bytes) -> Table:
    """The people of a table. Every fault is named, each with its line."""
    if len(data) > LARGEST:
        return Table(faults=(Remark("file-too-large", most=LARGEST >> 10),))
    text, warnings = decoded(data)
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        return Table(faults=(Remark("no-csv", reader.line_num, error=str(error)),))
    if len(rows) > MOST_ROWS + 1:
        return Table(faults=(Remark("too-many-people", most=MOST_ROWS),))
    if not rows:
        return Table(faults=(Remark("empty"),))
    return _read_rows(rows, warnings)


def decoded(data: bytes) -> tuple[str, list[Remark]]:
    """The text, as spreadsheets of three kinds write it, and what there is to be said of it."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), []
    try:
        return data.decode(), []
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), [Remark("encoding")]


def _read_rows(rows: Sequence[tuple[int, list[str]]], warnings: list[Remark]) -> Table:
    (first, heading), *people = rows
    columns, faults = _columns(heading, first, warnings)
    if faults:
        return Table(faults=tuple(faults), warnings=tuple(warnings))
    entries: list[Entry] = []
    for line, cells in people:
        if any(cells[len(heading) :]):
            faults.append(Remark("columns", line, count=len(cells), first=len(heading)))
            continue
        given = {columns[place]: cell for place, cell in enumerate(cells) if place in columns}
        try:
            entries.append(_entry(line, given))
        except _Faulty as error:
            faults.append(error.remark)
    entries = _once(entries, faults, warnings)
    if not entries and not faults:
        faults.append(Remark("nobody"))
    return Table(tuple(entries), tuple(faults), tuple(warnings))


def _columns(
    heading: Sequence[str], line: int, warnings: list[Remark]
) -> tuple[dict[int, str], list[Remark]]:
    columns: dict[int, str] = {}
    faults = []
    for place, cell in enumerate(heading):
        word = re.sub(r"[\s\-]+", "_", cell.casefold())
        name = _ALSO.get(word, word)
        if name in columns.values():
            faults.append(Remark("column-twice", line, column=name))
        elif name in _COLUMNS:
            columns[place] = name
        elif cell:
            warnings.append(Remark("unknown-column", column=cell[:40]))
    if "email" not in columns.values():
        faults.append(Remark("no-email-column", line))
    return columns, faults


class _Faulty(Exception):
    """What is wrong with one person."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(remark)
        self.remark = remark


def _entry(line: int, given: dict[str, str]) -> Entry:
    """One person. Raises _Faulty."""
    email = _parsed(checked_email, given.get("email", ""), line)
    if not email:
        raise _Faulty(Remark("no-email", line))
    username = given.get("username", "")
    name = username or folded_name(email.partition("@")[0])
    if not name:
        raise _Faulty(Remark("no-name", line, value=email[:60]))
    first, last = _person(email)
    entry = Entry(
        line, email, _parsed(StudentName.parse, name, line), _plain(given.get("first_name", "") or first, line),
        _plain(given.get("last_name", "") or last, line), given.get("password", ""),
        _groups(given.get("group", ""), line), named=bool(username),
    )  # fmt: skip
    if entry.password:
        choice = judge_password(entry.password, (entry.name, email, entry.first_name, entry.last_name))
        for reason in choice.reasons[:1]:
            raise _Faulty(Remark(reason, line))
    return entry


def _parsed(parse: Callable[[str], _T], text: str, line: int) -> _T:
    """What `parse` makes of it; why it does not is a remark of the same reason. Raises _Faulty."""
    try:
        return parse(text)
    except Refused as error:
        raise _Faulty(Remark(error.reason, line, value=text[:60])) from error


def _person(email: str) -> tuple[str, str]:
    """First and last name, where the address is made of the two: `jane.doe@…`."""
    pieces = [piece for piece in re.split(r"[._\-]", email.partition("@")[0]) if piece]
    if len(pieces) != 2 or not all(piece.isalpha() for piece in pieces):
        return "", ""
    return pieces[0].capitalize(), pieces[1].capitalize()


def _plain(name: str, line: int) -> str:
    name = " ".join(name.split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise _Faulty(Remark("bad-name", line))
    return name


def _groups(text: str, line: int) -> tuple[GroupName, ...]:
    """The groups in a cell; a name has none of the signs that may stand between two."""
    pieces = [piece for piece in re.split(r"[|,;]", text) if piece.strip()]
    return tuple(dict.fromkeys(_parsed(GroupName.parse, piece, line) for piece in pieces))


def _once(entries: list[Entry], faults: list[Remark], warnings: list[Remark]) -> list[Entry]:
    """Each person once: the same line again is passed over; the same name or address for another is a fault."""
    kept: list[Entry] = []
    by_email: dict[str, Entry] = {}
    by_name: dict[str, Entry] = {}
    for entry in entries:
        same = by_email.get(entry.email.casefold())
        namesake = by_name.get(entry.name.casefold())
        if same is not None and replace(same, line=entry.line) == entry:
            warnings.append(Remark("same-line", entry.line, other=same.line))
            continue
        if same is not None:
            faults.append(Remark("address-twice", entry.line, other=same.line))
        elif namesake is not None:
            faults.append(Remark("name-twice", entry.line, name=entry.name, other=namesake.line))
        by_email.setdefault(entry.email.casefold(), entry)
        by_name.setdefault(entry.name.casefold(), entry)
        kept.append(entry)
    return kept


def plan(entries: Iterable[Entry], accounts: Iterable[User]) -> Plan:
    """What there is to do; done, and asked again, there is nothing more to do.

    A name that the table does not say is whatever name the account of that address has.
    """
    by_name: dict[str, User] = {}
    by_email: dict[str, list[User]] = {}
    for user in accounts:
        by_name[user.name.casefold()] = user
        if user.email:
            by_email.setdefault(user.email.casefold(), []).append(user)
    new: list[Entry] = []
    known: list[tuple[Entry, User]] = []
    conflicts: list[Conflict] = []
    for entry in entries:
        judged = _judge(entry, by_name.get(entry.name.casefold()), by_email.get(entry.email.casefold(), []))
        if judged is None:
            new.append(entry)
        elif isinstance(judged, User):
            known.append((entry, judged))
        else:
            conflicts.append(judged)
    return Plan(tuple(new), tuple(known), tuple(conflicts))


def _judge(entry: Entry, namesake: User | None, same_address: Sequence[User]) -> Conflict | User | None:
    """Who is in the way, or the account that this person has already, or None for somebody new."""
    if namesake is not None and namesake in same_address and namesake.name == entry.name:
        return namesake
    if not entry.named and len(same_address) == 1:
        return same_address[0]
    if len(same_address) > 1:
        return Conflict(entry, "address-of-several")
    if same_address:
        return Conflict(entry, "address-named-otherwise", str(same_address[0].name))
    if namesake is not None:
        reason = "name-taken" if namesake.name == entry.name else "name-alike"
        return Conflict(entry, reason, str(namesake.name))
    return None
