"""Registering many people at once: a table read with every fault named, and a plan of what there is to do. Does nothing.

The table is CSV as spreadsheets write it: `,` `;` or tab between, quotes where needed, a first line that says what is in
which column. `email` must be there; `username`, `first_name`, `last_name`, `password` and `group` may be.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from nbhostd.core.errors import Refused
from nbhostd.core.names import StudentName, folded_name
from nbhostd.core.passwords import judge_password
from nbhostd.core.people import GroupName, User, checked_email

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
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
        return Table(faults=(f"the file is larger than {LARGEST >> 10} kB",))
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
        return Table(faults=(f"line {reader.line_num}: {error}",))
    if len(rows) > MOST_ROWS + 1:
        return Table(faults=(f"more than {MOST_ROWS} people: make several files of it",))
    if not rows:
        return Table(faults=("the file is empty",))
    return _read_rows(rows, warnings)


def decoded(data: bytes) -> tuple[str, list[str]]:
    """The text, as spreadsheets of three kinds write it, and what there is to be said of it."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), []
    try:
        return data.decode(), []
    except UnicodeDecodeError:
        warning = "the file is not UTF-8: it was read as Windows-1252; look at the accents"
        return data.decode("cp1252", errors="replace"), [warning]


def _read_rows(rows: Sequence[tuple[int, list[str]]], warnings: list[str]) -> Table:
    (first, heading), *people = rows
    columns, faults = _columns(heading, first, warnings)
    if faults:
        return Table(faults=tuple(faults), warnings=tuple(warnings))
    entries: list[Entry] = []
    for line, cells in people:
        if any(cells[len(heading) :]):
            faults.append(f"line {line}: has {len(cells)} columns, and the first line {len(heading)}")
            continue
        given = {columns[place]: cell for place, cell in enumerate(cells) if place in columns}
        try:
            entries.append(_entry(line, given))
        except Refused as error:
            faults.append(f"line {line}: {error.message}")
    entries = _once(entries, faults, warnings)
    if not entries and not faults:
        faults.append("there is nobody in this file")
    return Table(tuple(entries), tuple(faults), tuple(warnings))


def _columns(heading: Sequence[str], line: int, warnings: list[str]) -> tuple[dict[int, str], list[str]]:
    columns: dict[int, str] = {}
    faults = []
    for place, cell in enumerate(heading):
        word = re.sub(r"[\s\-]+", "_", cell.casefold())
        name = _ALSO.get(word, word)
        if name in columns.values():
            faults.append(f"line {line}: there are two columns “{name}”")
        elif name in _COLUMNS:
            columns[place] = name
        elif cell:
            warnings.append(f"the column “{cell[:40]}” is not known, and left out")
    if "email" not in columns.values():
        faults.append(f"line {line}: there is no column “email”; the first line says what is in which")
    return columns, faults


def _entry(line: int, given: dict[str, str]) -> Entry:
    """One person. Raises Refused."""
    email = checked_email(given.get("email", ""))
    if not email:
        raise Refused("there is no e-mail address")
    username = given.get("username", "")
    name = username or folded_name(email.partition("@")[0])
    if not name:
        raise Refused(f"no user name can be made from “{email[:60]}”: give one in a column “username”")
    first, last = _person(email)
    entry = Entry(
        line, email, StudentName.parse(name), _plain(given.get("first_name", "") or first),
        _plain(given.get("last_name", "") or last), given.get("password", ""), _groups(given.get("group", "")),
        named=bool(username),
    )  # fmt: skip
    if entry.password:
        judge_password(entry.password, (entry.name, email, entry.first_name, entry.last_name)).demand()
    return entry


def _person(email: str) -> tuple[str, str]:
    """First and last name, where the address is made of the two: `jane.doe@…`."""
    pieces = [piece for piece in re.split(r"[._\-]", email.partition("@")[0]) if piece]
    if len(pieces) != 2 or not all(piece.isalpha() for piece in pieces):
        return "", ""
    return pieces[0].capitalize(), pieces[1].capitalize()


def _plain(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise Refused("a name is too long, or no plain text")
    return name


def _groups(text: str) -> tuple[GroupName, ...]:
    """The groups in a cell; a name has none of the signs that may stand between two."""
    return tuple(dict.fromkeys(GroupName.parse(piece) for piece in re.split(r"[|,;]", text) if piece.strip()))


def _once(entries: list[Entry], faults: list[str], warnings: list[str]) -> list[Entry]:
    """Each person once: the same line again is passed over; the same name or address for another is a fault."""
    kept: list[Entry] = []
    by_email: dict[str, Entry] = {}
    by_name: dict[str, Entry] = {}
    for entry in entries:
        same = by_email.get(entry.email.casefold())
        namesake = by_name.get(entry.name.casefold())
        if same is not None and replace(same, line=entry.line) == entry:
            warnings.append(f"line {entry.line}: the same as line {same.line}")
            continue
        if same is not None:
            faults.append(f"line {entry.line}: the address is in line {same.line} already")
        elif namesake is not None:
            faults.append(
                f"line {entry.line}: the user name “{entry.name}” is in line {namesake.line} already"
            )
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
