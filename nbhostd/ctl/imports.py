"""nbhostctl import"""

from __future__ import annotations

from collections import Counter
from functools import partial

from nbhostd.core.errors import NbhostdError
from nbhostd.core.oldaccounts import read_people
from nbhostd.core.predecessor import OpenSite
from nbhostd.ctl.client import Failed, Shape, Unreachable, path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import FAILED, OK, size
from nbhostd.ctl.takeover import Plan, Planner, Sender

_MORE = """\
PATH is the predecessor's data root: the directory with db.sqlite3, students/, raw/, local/, droparea/ and
courses-git/. Nothing in it is changed. Stop the predecessor first, or give a copy.

Taken over are the courses with their settings, local/ files, drop areas, recorded events and counts, and every
student's files, which belong to that student here; users become accounts with their groups, rights and passwords. What
was known of them is kept in /var/lib/nbhostd/import/people.json.

examples:
  nbhostctl import /nbhosting/current --dry-run       what would come, how much of it, and what is wrong
  nbhostctl import /nbhosting/current
  nbhostctl import /nbhosting/current --only python-mooc

It may be interrupted: the next run does what is missing, or has changed in the source since. What students have
changed here is never overwritten."""

_KINDS = {
    "course": "courses", "local": "local layers", "droparea": "drop areas", "counts": "counts files",
    "events": "event files", "counted": "counts of what ran", "people": "people", "student": "students' spaces",
}  # fmt: skip


def add(parsers: SubParsers, open_site: OpenSite) -> None:
    """The parser; `open_site` reads the predecessor's files."""
    command = add_command(
        parsers, "import", partial(_import, open_site), "take over a predecessor's site", more=_MORE
    )
    command.add_argument("path", metavar="PATH", help="the predecessor's data root")
    command.add_argument(
        "--dry-run", action="store_true", help="only say what would be done, and what is wrong"
    )
    command.add_argument(
        "--only", metavar="COURSE", action="append", default=[], help="only this course (may be given again)"
    )
    command.add_argument(
        "--offline",
        action="store_true",
        help="take courses from the source's own repositories, not from their addresses",
    )


def _import(open_site: OpenSite, call: Call) -> int:
    try:
        site = open_site(call.args.path)
        plan = Planner(call, site, call.args.only).plan()
        settled: Shape = {}
        if not call.args.dry_run:
            _send(call, Sender(call, site, plan, offline=call.args.offline))
            settled = _settle(call, plan)
        elif not call.args.only:
            _foresee(plan, site.people)
    except NbhostdError as error:
        raise Failed(error.message, error.status, error.detail) from error
    if call.console.as_json:
        call.console.json({**plan.shape(), "dry_run": call.args.dry_run, "accounts": settled})
    else:
        _show(call, plan)
        _show_accounts(call, settled)
    failed = sum(item.state in ("failed", "incomplete") for item in plan.items)
    if failed and not call.console.as_json:
        call.console.error(f"{failed} pieces failed or are incomplete; the next run tries them again.")
    return FAILED if failed else OK


def _send(call: Call, sender: Sender) -> None:
    try:
        sender.send()
    except (KeyboardInterrupt, Failed, Unreachable):
        call.console.end_bar()
        call.console.warn("the import was interrupted; what is done stays done: run it again to go on.")
        raise


def _settle(call: Call, plan: Plan) -> Shape:
    """Make accounts of the people, once they and their courses are here."""
    settled = call.follow_quietly("POST", path("import", "accounts"), {})
    plan.problems += settled["problems"]
    plan.notes += settled["notes"]
    return settled


def _foresee(plan: Plan, people: bytes) -> None:
    """What is wrong with the people, before anything is done."""
    old = read_people(people)
    plan.problems += old.problems
    plan.notes += old.notes


def _show_accounts(call: Call, settled: Shape) -> None:
    if not settled:
        return
    made, here = len(settled["created"]), settled["here_already"]
    call.console.line(f"{made} accounts made, {here} were here already, {settled['groups']} groups made.")
    if settled["administrators"]:
        call.console.line(f"Administrators among them: {', '.join(settled['administrators'])}")
    if settled["courses"]:
        call.console.line(f"Groups and staff taken over of: {', '.join(settled['courses'])}")


def _show(call: Call, plan: Plan) -> None:
    for problem in plan.problems:
        call.console.line(f"problem: {problem}")
    for note in plan.notes:
        call.console.line(f"note: {note}")
    for item in plan.items:
        if item.kind == "course":
            call.console.line(f"course {item.course}: {item.state}")
    rows = []
    for kind, noun in _KINDS.items():
        items = [item for item in plan.items if item.kind == kind]
        if items:
            states = Counter(item.state for item in items)
            todo = [item for item in items if item.state != "done"]
            files, total = sum(item.files for item in todo), size(sum(item.size for item in todo))
            words = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            rows.append(
                (noun, words, str(files) if kind != "course" else "-", total if kind != "course" else "-")
            )
    call.console.table(("WHAT", "", "FILES", "SIZE"), rows, empty="There is nothing to import.")
    images = {wish.get("image", "") for wish in plan.wishes.values()}
    if images & {"own", "minimal", "scipy"} and any(
        i.kind == "course" and i.state != "done" for i in plan.items
    ):
        call.console.line(
            "Images are not imported: build them with nbhostctl image build (minimal, scipy, COURSE)."
        )
    if call.args.dry_run:
        call.console.line("Nothing was changed: this was a dry run.")
