"""nbhostctl status, stop, launch-url and show-unit."""

from __future__ import annotations

import shlex
from typing import Any

from nbhostd.ctl.client import path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import FAILED, NOT_FOUND, OK, USAGE, ago, duration, size

_STATUS_MORE = """\
phase: queued (waits for its turn), starting, ready, stopping, failed (see nbhostctl logs COURSE/STUDENT).
tabs:  browser pages that are connected.   idle: since a person last did something."""

_STOP_MORE = """\
examples:
  nbhostctl stop python-mooc/alice
  nbhostctl stop --course python-mooc
  nbhostctl stop --all

The server gets time to end; files stay. The student's next visit starts it again."""

_LAUNCH_MORE = """\
examples:
  nbhostctl launch-url python-mooc w1/w1-s1-c1-intro alice
  nbhostctl launch-url python-mooc w1/w1-s1-c1-intro.md alice --expires 3600 --forcecopy
  nbhostctl launch-url algo tp/tp1 alice --classroom      in the student's own clone of the course
  nbhostctl launch-url algo lab/tree/tp alice --page      JupyterLab itself, in that clone

The URL opens the notebook as that student, once. An LMS makes such URLs by itself: see launch.key
in nbhostd(8)."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    launch = add_command(
        parsers,
        "launch-url",
        _launch_url,
        "print a URL that opens a notebook as a student",
        more=_LAUNCH_MORE,
    )
    launch.add_argument("course", metavar="COURSE")
    launch.add_argument(
        "notebook", metavar="NOTEBOOK", help="a path in the course, with or without its suffix"
    )
    launch.add_argument("student", metavar="STUDENT")
    launch.add_argument(
        "--expires", type=int, metavar="SECONDS", default=300, help="good for so long (300; at most 3600)"
    )
    launch.add_argument(
        "--forcecopy", action="store_true", help="reset the notebook to the course's original"
    )
    kind = launch.add_mutually_exclusive_group()
    kind.add_argument(
        "--classroom", action="store_true", help="open it in the student's own git clone of the course"
    )
    kind.add_argument(
        "--page",
        action="store_true",
        help="NOTEBOOK is a page of Jupyter instead: lab, tree, lab/tree/DIRECTORY",
    )
    status = add_command(parsers, "status", _status, "show which workspaces run", more=_STATUS_MORE)
    status.add_argument(
        "-w", "--watch", action="store_true", help="again every two seconds, on the whole screen"
    )
    stop = add_command(parsers, "stop", _stop, "stop workspaces", more=_STOP_MORE)
    which = stop.add_mutually_exclusive_group(required=True)
    which.add_argument("workspace", metavar="COURSE/STUDENT", nargs="?")
    which.add_argument("--course", metavar="COURSE", help="all of a course")
    which.add_argument("--all", action="store_true", help="all there are")
    show = add_command(
        parsers, "show-unit", _show_unit, "show the systemd units of a workspace, started or not"
    )
    show.add_argument("course", metavar="COURSE")
    show.add_argument("student", metavar="STUDENT")


def _launch_url(call: Call) -> int:
    keys = ("course", "student", "expires", "forcecopy", "classroom")
    body = {key: getattr(call.args, key) for key in keys}
    body["page" if call.args.page else "notebook"] = call.args.notebook
    answer = call.client.ask("POST", path("launch-url"), body)
    for warning in answer["warnings"]:
        call.console.warn(warning)
    if call.console.as_json:
        call.console.json(answer)
    else:
        call.console.line(answer["url"])
    return OK


def _status(call: Call) -> int:
    if call.args.watch and not call.console.as_json:
        call.execute(("watch", "--interval=2", "nbhostctl", f"--socket={call.args.socket}", "status"))
        return OK
    status = call.client.ask("GET", path("status"))
    if call.console.as_json:
        call.console.json(status)
        return OK
    rows = [
        (
            f"{row['course']}/{row['student']}",
            f"queued ({row['position']})" if row["phase"] == "queued" else row["phase"],
            ago(row["since"], call.now),
            size(row["memory"]),
            duration(row["cpu"]),
            "-" if row["tasks"] is None else str(row["tasks"]),
            str(row["connections"]),
            ago(row["last_activity"], call.now),
            row["reason"] or row["usage"] or "-",
        )
        for row in status["workspaces"]
    ]
    head = ("WORKSPACE", "PHASE", "SINCE", "MEMORY", "CPU", "TASKS", "TABS", "IDLE", "WHY")
    call.console.table(head, rows, empty="No workspace runs.")
    if rows:
        counts = ", ".join(f"{count} {phase}" for phase, count in status["phases"].items() if count)
        call.console.line(counts)
    return OK


def _stop(call: Call) -> int:
    args = call.args
    if args.workspace is not None and "/" not in args.workspace:
        call.console.error("A workspace is written COURSE/STUDENT; a whole course is --course COURSE.")
        return USAGE
    wanted = {"workspace": args.workspace, "course": args.course, "all": args.all or None}
    body = {key: value for key, value in wanted.items() if value is not None}
    stopped = call.client.ask("POST", path("stop"), body)["stopped"]
    if call.console.as_json:
        call.console.json(stopped)
    elif stopped:
        call.console.line(f"stopped: {', '.join(stopped)}")
    elif args.workspace is not None:
        call.console.error(f"{args.workspace} does not run.")
        return NOT_FOUND
    else:
        call.console.line("Nothing ran.")
    return OK


def _show_unit(call: Call) -> int:
    answer = call.client.ask("GET", path("units", call.args.course, call.args.student))
    if call.console.as_json:
        call.console.json(answer)
        return OK
    for unit in answer["units"]:
        call.console.line(f"[{unit['name']}]")
        for name, value in unit["properties"]:
            for text in _values(name, value):
                call.console.line(f"{name}={text}")
        call.console.line()
    return OK


def _values(name: str, value: Any) -> list[str]:
    """A property's value as lines; lists of lists are several assignments."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if not isinstance(value, list):
        return [str(value)]
    if value and all(isinstance(item, list) for item in value):
        return [" ".join(map(str, item)) for item in value]
    return [shlex.join(map(str, value))]


def check_add(parsers: SubParsers) -> None:
    """The parser of `check`."""
    more = "exit code: 0 when nothing is at fault, 1 when something is, 2 when the configuration is refused."
    add_command(
        parsers, "check", _check, "check the configuration, the account and the kernel's limits", more=more
    )


def _check(call: Call) -> int:
    faults = call.config_faults()
    for fault in faults:
        call.console.error(fault)
    if faults:
        return USAGE
    findings = call.client.ask("GET", path("check"))["findings"]
    if call.console.as_json:
        call.console.json(findings)
    else:
        rows = [(finding["level"], finding["subject"], finding["text"]) for finding in findings]
        call.console.table(("", "WHAT", ""), rows, empty="Nothing was checked.")
    return FAILED if any(finding["level"] == "fault" for finding in findings) else OK
