"""nbhostctl stats show, stats export"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nbhostd.core.counts import CountPoint, HostCount, Running
from nbhostd.core.errors import NbhostdError
from nbhostd.core.figures import Recorded
from nbhostd.core.names import CourseName
from nbhostd.core.rawfiles import COUNTS, EVENTS, RawFiles, count_line, event_line, has_spaces
from nbhostd.core.selection import is_pattern
from nbhostd.ctl import statsimport
from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group
from nbhostd.ctl.console import OK, local_time
from nbhostd.ctl.selection import RULE, chosen

_MORE = """\
What happened in a course is in /var/lib/nbhostd/statistics.db, and on the course's page “Statistics”. These commands
show it in short, and write and read it as the plain lines that the predecessor kept (events.raw and counts.raw)."""

_SHOW_MORE = """\
examples:
  nbhostctl stats show python-mooc
  nbhostctl stats show python-mooc --json

Everybody counts here, staff and trial students as well, whom the page's figures leave out. Which events there are:
open and reset (a notebook, and back to its original), start, stop and fail (a server), share, pull, restore, convert."""

_EXPORT_MORE = """\
examples:
  nbhostctl stats export python-mooc /srv/raw         makes /srv/raw/python-mooc/events.raw and counts.raw
  nbhostctl stats export --all /srv/raw               of every course
  nbhostctl stats export python-mooc - | gzip >FILE   the events only; with --counts, the counts

A line of events.raw is   TIME COURSE STUDENT NOTEBOOK existing 0   (TIME in UTC, words with a space between); a stop
of the server is          TIME COURSE STUDENT - killing -
The format has no word for other events: they are counted, said on standard error, and left out; a reset is written as
an opened notebook, which it counts as. A notebook with a space in its name is written as it is: nbhostctl reads such a
line, the predecessor does not; how many there are is said, too.
A line of counts.raw is TIME and up to 18 numbers: running_container frozen_container running_kernel student_home load1
load5 load15 container_ds_percent container_ds_free nbhosting_ds_percent nbhosting_ds_free system_ds_percent
system_ds_free memory_total memory_free memory_available system_container system_kernel; -1 is what is not known."""

Write = Callable[[str], None]


def add(parsers: SubParsers, files: RawFiles) -> None:
    """The parsers."""
    group = add_group(parsers, "stats", "show, write and read what is recorded of a course", more=_MORE)
    show = add_command(group, "show", _show, "show what is recorded of a course, in short", more=_SHOW_MORE)
    show.add_argument("course", metavar="COURSE")
    export = add_command(
        group, "export", partial(_export, files), "write what is recorded as the predecessor's raw files",
        more=_EXPORT_MORE,
    )  # fmt: skip
    export.add_argument("course", metavar="COURSE", nargs="?", help=f"{RULE}; or else --all")
    export.add_argument(
        "target", metavar="DIRECTORY|-", nargs="?", help="where to (here); - is standard output"
    )
    export.add_argument("--all", action="store_true", help="every course there is")
    export.add_argument("--counts", action="store_true", help="with -: the counts instead of the events")
    export.add_argument("--replace", action="store_true", help="write files anew that are there already")
    statsimport.add(group, files)


def _show(call: Call) -> int:
    shape = call.client.ask("GET", path("statistics", call.args.course))
    if call.console.as_json:
        call.console.json(shape)
        return OK
    if not shape["events"]:
        call.console.line("Nothing is recorded of this course.")
        return OK
    left_out = f", {shape['left_out']} of them left out of the figures" if shape["left_out"] else ""
    rows = [
        ("events", str(shape["events"])),
        ("students", f"{shape['students']}{left_out}"),
        ("notebooks", str(shape["notebooks"])),
        ("first opened", local_time(shape["first"])),
        ("last opened", local_time(shape["last"])),
        *((f"  {kind}", str(times)) for kind, times in shape["kinds"].items()),
    ]
    call.console.table((shape["course"], ""), rows, empty="")
    return OK


@dataclass(slots=True)
class Export:
    """What was written of a course, and what was not."""

    course: str
    events: int = 0
    counts: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """By kind: events that the format has no word for."""
    unreadable: int = 0
    """Events that would be read as others."""
    resets: int = 0
    spaces: Counter[str] = field(default_factory=Counter)
    """By notebook: lines that the predecessor does not understand."""

    def write_events(self, lines: Iterator[Shape], write: Write) -> None:
        """The events, in the order of time."""
        for row in (row for shape in lines for row in shape.get("events", ())):
            recorded = Recorded(*row)
            line = event_line(self.course, recorded)
            if line is not None:
                write(line)
                self.events += 1
                self.resets += recorded.event == "reset"
                if has_spaces(recorded.notebook) and recorded.is_visit:
                    self.spaces[recorded.notebook] += 1
            elif recorded.is_visit:
                self.unreadable += 1
            else:
                self.left_out[recorded.event] += 1

    def write_counts(self, lines: Iterator[Shape], write: Write) -> None:
        """The counts, in the order of time."""
        for row in (row for shape in lines for row in shape.get("counts", ())):
            write(count_line(_point(row)))
            self.counts += 1

    def remarks(self) -> Iterator[str]:
        """What is not as one might expect."""
        if self.left_out:
            kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(self.left_out.items()))
            yield f"left out, as the format has no word for them: {kinds}"
        if self.unreadable:
            yield f"left out, as their notebooks' names would be read as others: {self.unreadable} events"
        if self.resets:
            yield f"{self.resets} events “reset” are written as opened notebooks"
        if self.spaces:
            events, notebooks = sum(self.spaces.values()), len(self.spaces)
            yield (
                f"{events} events of {notebooks} notebooks with a space in their name: the predecessor does not read them"
                f" (“{min(self.spaces)}”, for one)"
            )

    def shape(self) -> Shape:
        """All of it, for programs."""
        return {
            "course": self.course, "events": self.events, "counts": self.counts, "left_out": dict(self.left_out),
            "unreadable": self.unreadable, "resets": self.resets, "with_spaces": dict(self.spaces),
        }  # fmt: skip


def _export(files: RawFiles, call: Call) -> int:
    courses, target = _wanted(call)
    try:
        exports = [
            _poured(files, call, course) if target == "-" else _written(files, call, course, target)
            for course in courses
        ]
    except NbhostdError as error:
        raise Failed(error.message, error.status, error.detail) from error
    for export in exports:
        for remark in export.remarks():
            call.console.warn(f"{export.course}: {remark}")
    if call.console.as_json:
        call.console.json([export.shape() for export in exports])
    elif target != "-":
        rows = [(export.course, str(export.events), str(export.counts)) for export in exports]
        call.console.table(("COURSE", "EVENTS", "COUNTS"), rows, empty="There is no course.")
    return OK


def _wanted(call: Call) -> tuple[list[str], str]:
    """The courses, and where to. Raises WrongUsage."""
    args, words = call.args, [word for word in (call.args.course, call.args.target) if word is not None]
    if args.all and len(words) > 1:
        raise WrongUsage("Name one course, or else say --all.")
    if not args.all and not words:
        raise WrongUsage("Say which course, or --all.")
    target = (words[0] if words else ".") if args.all else (words[1] if len(words) > 1 else ".")
    if target == "-" and (args.all or is_pattern(args.course) or call.console.as_json):
        raise WrongUsage("Standard output takes the lines of one course, and nothing else.")
    if args.counts and target != "-":
        raise WrongUsage("--counts goes with - only: a directory gets both files.")
    known = [course["name"] for course in call.client.ask("GET", path("courses"))["courses"]]
    return known if args.all else chosen([args.course], known, "course"), target


def _poured(files: RawFiles, call: Call, course: str) -> Export:
    export = Export(course)
    with files.pour() as write:
        if call.args.counts:
            export.write_counts(_lines(call, course, "counts"), write)
        else:
            export.write_events(_lines(call, course, "events"), write)
    return export


def _written(files: RawFiles, call: Call, course: str, folder: str) -> Export:
    """Both files, or neither."""
    export, name, replace = Export(course), CourseName.parse(course), call.args.replace
    with ExitStack() as both:
        events = both.enter_context(files.write(folder, name, EVENTS, replace=replace))
        counts = both.enter_context(files.write(folder, name, COUNTS, replace=replace))
        export.write_events(_lines(call, course, "events"), events)
        export.write_counts(_lines(call, course, "counts"), counts)
    return export


def _lines(call: Call, course: str, kind: str) -> Iterator[Shape]:
    return call.client.stream("GET", path("statistics", course, kind))


def _point(row: list[Any]) -> CountPoint:
    at, *numbers = row
    return CountPoint(at, Running(*numbers[:3]), Running(*numbers[3:6]), HostCount(*numbers[6:]))
