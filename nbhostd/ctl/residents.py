"""nbhostctl workspace …: who has files here, how large, how long unused; and their end."""

from __future__ import annotations

import argparse
from datetime import date, datetime, time

from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group
from nbhostd.ctl.console import FAILED, OK, USAGE, local_time, size
from nbhostd.ctl.selection import chosen, each

_RULE = "COURSE for all of a course, COURSE/STUDENT for one; * and ? (in quotes) make it a pattern: '*/alice'"

_LIST_MORE = """\
examples:
  nbhostctl workspace list python-mooc
  nbhostctl workspace list '*/alice' --disk
  nbhostctl workspace list --unused-since 2026-01-01 --disk

The last visit is when a notebook was last opened, or a server last started. Sizes are asked of every
workspace, which takes a while with thousands."""

_MEASURE_MORE = """\
examples:
  nbhostctl workspace measure               each course, and all
  nbhostctl workspace measure 'python*'"""

_DELETE_MORE = """\
examples:
  nbhostctl workspace delete python-mooc/alice
  nbhostctl workspace delete python-mooc --unused-since 2026-01-01 --dry-run

All files of those students in those courses are deleted, and nothing brings them back. A student who
comes again gets a new workspace."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "workspace", "list, measure and delete students' workspaces")
    listing = add_command(group, "list", _list, "list workspaces, awake or not", more=_LIST_MORE)
    _add_selection(listing)
    listing.add_argument("--disk", action="store_true", help="with what each takes on the disk")
    measure = add_command(
        group, "measure", _measure, "tell what courses take on the disk", more=_MEASURE_MORE
    )
    _add_selection(measure)
    delete = add_command(
        group, "delete", _delete, "delete workspaces with all the students' files in them", more=_DELETE_MORE
    )
    _add_selection(delete)
    delete.add_argument("--dry-run", action="store_true", help="say what would be deleted, delete nothing")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="COURSE[/STUDENT]", nargs="*", help=_RULE)
    parser.add_argument(
        "--unused-since", type=_moment, metavar="DATE", help="only those not visited since: 2026-01-31"
    )


def _moment(text: str) -> datetime:
    """An argparse type: a day's beginning, in this computer's zone."""
    try:
        return datetime.combine(date.fromisoformat(text), time()).astimezone()
    except ValueError:
        raise argparse.ArgumentTypeError("write a date: 2026-01-31") from None


def _name(row: Shape) -> str:
    return f"{row['course']}/{row['student']}"


def _residents(call: Call) -> list[Shape]:
    """The workspaces that the command line means. Raises Failed(404) for a word that means none."""
    rows = {_name(row): row for row in call.client.ask("GET", path("workspaces"))["workspaces"]}
    words = [word if "/" in word else f"{word}/*" for word in call.args.words]
    names = chosen(words, rows, "workspace") if words else list(rows)
    since = call.args.unused_since
    return [rows[name] for name in names if since is None or _unused(rows[name], since)]


def _unused(row: Shape, since: datetime) -> bool:
    seen = row["last_visit"]
    return row["phase"] in ("asleep", "failed") and (seen is None or datetime.fromisoformat(seen) < since)


def _sizes(call: Call, rows: list[Shape]) -> dict[str, Shape]:
    body = {"workspaces": [_name(row) for row in rows]}
    answer = call.follow("POST", path("workspaces", "measure"), body)
    for one in answer["measured"]:
        if one["trouble"]:
            call.console.warn(f"{one['workspace']} could not be measured: {one['trouble']}")
    return {one["workspace"]: one for one in answer["measured"]}


def _list(call: Call) -> int:
    rows = _residents(call)
    sizes = _sizes(call, rows) if call.args.disk else {}
    for row in rows:
        measured = sizes.get(_name(row))
        row |= {"size": measured["size"], "files": measured["files"]} if measured else {}
    if call.console.as_json:
        call.console.json(rows)
        return OK
    head = ["WORKSPACE", "NUMBER", "MODE", "PHASE", "LAST VISIT"] + (["DISK", "FILES"] if sizes else [])
    cells = [
        [_name(row), str(row["number"]), row["mode"], row["phase"], local_time(row["last_visit"])]
        + ([size(row["size"]), str(row["files"])] if sizes else [])
        for row in rows
    ]
    call.console.table(head, cells, empty="There is no such workspace.")
    if sizes:
        call.console.line(f"{len(rows)} workspaces, {size(sum(row['size'] for row in rows))}")
    return OK


def _measure(call: Call) -> int:
    sizes = _sizes(call, _residents(call))
    courses: dict[str, list[Shape]] = {}
    for name, measured in sizes.items():
        courses.setdefault(name.partition("/")[0], []).append(measured)
    totals = [
        {
            "course": course,
            "workspaces": len(measured),
            "size": sum(one["size"] for one in measured),
            "files": sum(one["files"] for one in measured),
        }
        for course, measured in sorted(courses.items())
    ]
    if call.console.as_json:
        call.console.json(totals)
        return OK
    cells = [[row["course"], str(row["workspaces"]), size(row["size"]), str(row["files"])] for row in totals]
    call.console.table(["COURSE", "WORKSPACES", "DISK", "FILES"], cells, empty="There is no such workspace.")
    if len(totals) > 1:
        call.console.line(f"{len(sizes)} workspaces, {size(sum(row['size'] for row in totals))}")
    return OK


def _delete(call: Call) -> int:
    if not call.args.words and call.args.unused_since is None:
        raise WrongUsage("Say which workspaces: COURSE/STUDENT, a pattern, or --unused-since.")
    rows = _residents(call)
    if call.args.dry_run:
        if call.console.as_json:
            call.console.json(rows)
        for row in [] if call.console.as_json else rows:
            call.console.line(f"{_name(row)}: would be deleted, last visit {local_time(row['last_visit'])}")
        return OK
    if not rows:
        call.console.error("There is no such workspace.")
        return OK
    if not call.args.yes:
        some = ", ".join(_name(row) for row in rows[:3]) + (", …" if len(rows) > 3 else "")
        agreed = call.confirm(f"Delete {len(rows)} workspaces with ALL FILES in them ({some})?")
        if agreed is None:
            call.console.error("Nobody is here to ask: add --yes to delete without asking.")
            return USAGE
        if not agreed:
            call.console.error("Nothing was deleted.")
            return FAILED

    def delete(name: str) -> Shape:
        course, _, student = name.partition("/")
        return call.client.ask("DELETE", path("workspaces", course, student))

    return each(call, [_name(row) for row in rows], delete, lambda _: "deleted")
