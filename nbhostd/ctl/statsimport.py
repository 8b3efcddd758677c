"""nbhostctl stats import"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from nbhostd.core.errors import NbhostdError
from nbhostd.core.predecessor import RawFile, event
from nbhostd.core.rawfiles import RawFiles, count
from nbhostd.ctl.client import Failed, Shape, Unreachable, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command
from nbhostd.ctl.console import FAILED, OK, local_time
from nbhostd.ctl.rawreading import Parse, Reading

_MORE = """\
examples:
  nbhostctl stats import python-mooc --events raw/python-mooc/events.raw --dry-run
  nbhostctl stats import python-mooc --events events.raw --counts counts.raw

The files are read through first: while a line has a fault, told with its number, nothing is done (--skip-faults does
without these lines). An event that is here already is not added again: the same student, notebook and second. So a file
may be imported twice, or after one that holds a part of it, and an import that was interrupted is simply run again.
Counts come beside those that are here; what is known of a minute stays. All lines are taken to be of COURSE,
whatever course they name; other names are told.
`nbhostctl import` does the same for all courses of a predecessor's site. `stats export --help` has the format."""

_SOURCE = "raw files"
_MOST_OTHERS = 5
_KINDS: dict[str, tuple[str, Parse, str]] = {
    "events": ("events", event, "event"),
    "counts": ("counted", count, "count"),
}
"""By option: where to, how a line is read, and what it is."""


def add(group: SubParsers, files: RawFiles) -> None:
    """The parser."""
    command = add_command(
        group, "import", partial(_import, files), "take events and counts from the predecessor's raw files",
        more=_MORE,
    )  # fmt: skip
    command.add_argument("course", metavar="COURSE", help="whose they are; it must be here")
    command.add_argument("--events", metavar="FILE", help="an events.raw")
    command.add_argument("--counts", metavar="FILE", help="a counts.raw")
    command.add_argument("--skip-faults", action="store_true", help="leave out lines that have a fault")
    command.add_argument(
        "--dry-run", action="store_true", help="only read the files, and say what is in them"
    )


@dataclass(slots=True)
class Look:
    """A file, read through."""

    kind: str
    name: str
    file: RawFile
    lines: int = 0
    faults: list[str] = field(default_factory=list)
    first: str | None = None
    last: str | None = None
    others: Counter[str] = field(default_factory=Counter)
    """Lines that name another course, by its name."""
    added: int | None = None

    def shape(self) -> Shape:
        """All of it, for programs."""
        return {
            "kind": self.kind, "file": self.name, "lines": self.lines, "first": self.first, "last": self.last,
            "faults": self.faults, "other_courses": dict(self.others), "added": self.added,
        }  # fmt: skip


def _import(files: RawFiles, call: Call) -> int:
    given = [(kind, name) for kind in _KINDS if (name := getattr(call.args, kind)) is not None]
    if not given:
        raise WrongUsage("Say which file: --events FILE, --counts FILE, or both.")
    known = [course["name"] for course in call.client.ask("GET", path("courses"))["courses"]]
    if (course := call.args.course) not in known:
        raise Failed(f"There is no course “{course}”.", 404)
    try:
        looks = [_look(kind, name, files.read(name), course) for kind, name in given]
        refused = any(look.faults for look in looks) and not call.args.skip_faults
        if not refused and not call.args.dry_run:
            for look in looks:
                look.added = _send(call, course, look)
    except NbhostdError as error:
        raise Failed(error.message, error.status, error.detail) from error
    _tell(call, looks, refused)
    return FAILED if refused else OK


def _look(kind: str, name: str, file: RawFile, course: str) -> Look:
    _, parse, noun = _KINDS[kind]
    look, reading, done = Look(kind, name, file), Reading(parse, noun, numbered=True), 0
    for line, _ in file.lines(""):
        done += 1
        found = reading.found(line)
        if found is not None:
            moment = _moment(found)
            look.first, look.last = min(look.first or moment, moment), max(look.last or moment, moment)
            if kind == "events" and (said := line.split(" ")[1]) != course:
                look.others[said] += 1
    look.lines, look.faults = reading.good, reading.faults()
    if not file.is_whole:
        look.faults.append(f"line {done + 1}: does not end: the file is not whole")
    return look


def _moment(found: Sequence[object]) -> str:
    at = found[0]
    return at if isinstance(at, str) else datetime.fromtimestamp(int(str(at)), UTC).isoformat()


def _send(call: Call, course: str, look: Look) -> int:
    where, parse, noun = _KINDS[look.kind]
    query = urlencode({"source": _SOURCE, "item": f"{where}/{course}"})
    sent = Reading(parse, noun).sent(_shown(call, look))
    try:
        answer = call.client.upload(f"{path('import', where, course)}?{query}", sent)
    except (KeyboardInterrupt, Failed, Unreachable):
        call.console.end_bar()
        call.console.warn(f"{look.name}: what is done stays done: run it again to go on.")
        raise
    call.console.end_bar()
    return int(answer["added"])


def _shown(call: Call, look: Look) -> Iterator[tuple[str, Callable[[], str]]]:
    """The lines, while a bar grows."""
    done, total = 0, max(look.file.size >> 10, 1)
    for line, how_far in look.file.lines(""):
        if done >> 20 != (done := done + len(line)) >> 20:
            call.console.bar(min(done >> 10, total), total, f"kB  {look.name}")
        yield line, how_far


def _tell(call: Call, looks: Sequence[Look], refused: bool) -> None:
    for look in looks:
        for fault in look.faults:
            say = call.console.error if refused else call.console.warn
            say(f"{look.name}: {fault}")
        for other, lines in look.others.most_common(_MOST_OTHERS):
            call.console.warn(f"{look.name}: {lines} lines name the course “{other}”")
    if call.console.as_json:
        call.console.json([look.shape() for look in looks])
        return
    rows = [
        (
            look.kind, str(look.lines), local_time(look.first), local_time(look.last),
            "-" if look.added is None else str(look.added),
        )
        for look in looks
    ]  # fmt: skip
    call.console.table(("WHAT", "LINES", "FIRST", "LAST", "ADDED"), rows, empty="")
    if refused:
        call.console.error("Nothing was done. --skip-faults does without these lines.")
    elif call.args.dry_run:
        call.console.line("Nothing was changed: this was a dry run.")
