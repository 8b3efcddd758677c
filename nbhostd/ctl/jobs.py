"""nbhostctl job … and logs."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.names import WorkspaceId
from nbhostd.ctl.client import Failed, Shape, Unreachable, path
from nbhostd.ctl.command import Call, SubParsers, add_command, add_group
from nbhostd.ctl.console import FAILED, OK, USAGE, local_time

_JOB_MORE = "A job is anything long: a course's creation or pull, an image's build."

_LOGS_MORE = """\
examples:
  nbhostctl logs python-mooc/alice            what her server wrote
  nbhostctl logs python-mooc --follow         all servers of a course, as it comes
  nbhostctl logs daemon --since today         nbhostd itself
  nbhostctl logs job 12                       a pull or a build

Servers' and the daemon's lines come from the journal: this becomes journalctl with the right matches."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "job", "list and show pulls and builds", more=_JOB_MORE)
    listing = add_command(group, "list", _list, "list the latest jobs")
    listing.add_argument("--limit", type=int, default=20, help="how many (20)")
    show = add_command(group, "show", _show, "show a job and what it wrote")
    show.add_argument("number", metavar="NUMBER", type=int)
    show.add_argument(
        "--follow", action="store_true", help="stay until it has ended; exit code 1 if it failed"
    )
    cancel = add_command(group, "cancel", _cancel, "stop a build that runs")
    cancel.add_argument("number", metavar="NUMBER", type=int)
    logs = add_command(
        parsers, "logs", _logs, "show what a server, a job or nbhostd wrote", more=_LOGS_MORE, json=False
    )
    logs.add_argument("target", metavar="COURSE[/STUDENT]|job|daemon")
    logs.add_argument("number", metavar="NUMBER", type=int, nargs="?", help="after “job”")
    logs.add_argument("-f", "--follow", action="store_true", help="stay and show what comes")
    logs.add_argument("-n", "--lines", type=int, default=200, help="the last so many (200)")
    logs.add_argument("--since", help="as journalctl understands it: today, 10:30, '-1h'")


def _list(call: Call) -> int:
    jobs = call.client.ask("GET", f"{path('jobs')}?limit={call.args.limit}")["jobs"]
    if call.console.as_json:
        call.console.json(jobs)
        return OK
    rows = [
        (
            str(job["number"]),
            job["kind"],
            job["subject"],
            job["state"],
            local_time(job["started_at"]),
            job["message"],
        )
        for job in jobs
    ]
    head = ("JOB", "KIND", "SUBJECT", "STATE", "STARTED", "")
    call.console.table(head, rows, empty="There was no job yet.")
    return OK


def _show(call: Call) -> int:
    job = call.client.ask("GET", path("jobs", call.args.number))
    follow = call.args.follow or job["state"] != "running"
    if follow and not call.console.as_json:
        _head(call, job)
    if follow:
        job = call.follow("GET", path("jobs", call.args.number, "log"))
    if call.console.as_json:
        call.console.json(job)
    else:
        _head(call, job)
    return FAILED if call.args.follow and job["state"] != "succeeded" else OK


def _head(call: Call, job: Shape) -> None:
    ended = f", ended {local_time(job['ended_at'])}" if job["ended_at"] else ""
    message = f": {job['message']}" if job["message"] else ""
    call.console.line(
        f"job {job['number']}, {job['kind']} {job['subject']}: {job['state']},"
        f" started {local_time(job['started_at'])}{ended}{message}"
    )


def _cancel(call: Call) -> int:
    cancelled = call.client.ask("POST", path("jobs", call.args.number, "cancel"))
    if call.console.as_json:
        call.console.json(cancelled)
    return OK


def _workspace_matches(call: Call, id: WorkspaceId) -> tuple[str, ...]:
    """What the server wrote; and what systemd says of its unit, where the daemon can tell which it is."""
    own = f"SYSLOG_IDENTIFIER=nbh/{id}"
    try:
        units = call.client.ask("GET", path("units", id.course, id.student))["units"]
    except (Failed, Unreachable):
        return (own,)
    names = [unit["name"] for unit in units if unit["name"].endswith(".service")]
    return (own, *(part for name in names for part in ("+", f"USER_UNIT={name}")))


def _logs(call: Call) -> int:
    target, number = call.args.target, call.args.number
    if target == "job" and number is not None:
        call.follow("GET", path("jobs", number, "log"))
        return OK
    if number is not None:
        call.console.error("Only jobs have a number: nbhostctl logs job NUMBER")
        return USAGE
    if target == "daemon":
        matches: tuple[str, ...] = ("--unit=nbhostd.service",)
    elif "/" in target:
        try:
            matches = _workspace_matches(call, WorkspaceId.parse(target))
        except Refused as refusal:
            call.console.error(refusal.message)
            return USAGE
    else:
        course = call.client.ask("GET", path("courses", target))
        matches = (f"_SYSTEMD_USER_SLICE=nbh-c{course['number']}.slice",)
    options = [f"--lines={call.args.lines}"]
    options += ["--follow"] if call.args.follow else []
    options += [f"--since={call.args.since}"] if call.args.since else []
    call.execute(("journalctl", *options, *matches))
    return OK
