"""nbhostctl image …"""

from __future__ import annotations

import argparse
from urllib.parse import quote

from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, add_command, add_group
from nbhostd.ctl.console import FAILED, OK, size

_BUILD_MORE = """\
examples:
  nbhostctl image build minimal                 JupyterLab, Notebook, jupytext: some minutes the first time
  nbhostctl image build scipy                   the same with the scientific packages
  nbhostctl image build python-mooc             from the course's own recipe
  nbhostctl image build python-mooc --no-cache  every step anew

A course's recipe is /var/lib/nbhostd/local/COURSE/Containerfile (the administrator's), else
nbhosting/Containerfile or .nbhosting/Containerfile in its repository; Dockerfile will do too.
The image in use stays until the new one is whole; running workspaces keep the one they were started
with: nbhostctl image status. A base that is missing is built first, and what the new image has
replaced is removed when nothing runs on it. Ctrl-C leaves the build running: nbhostctl job list."""

_ROLL_OUT_MORE = """\
examples:
  nbhostctl image roll-out python-mooc --dry-run
  nbhostctl image roll-out python-mooc          stops those that nobody uses now
  nbhostctl image roll-out python-mooc --all    also those with a browser connected or a cell running

A stopped workspace starts with the new image at its next visit. Its files stay, its kernels' variables do
not. Without this command, each workspace takes the new image whenever it is started next."""

_DETAILS_MORE = """\
examples:
  nbhostctl image details scipy
  nbhostctl image details python-mooc           the image that this course uses

The versions come from a container of that image which has no network and is thrown away."""

_FIRST = ("jupyterlab", "notebook", "jupyter_server", "jupytext", "ipykernel")


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "image", "build, list and roll out the images that notebooks run in")
    build = add_command(group, "build", _build, "build an image", more=_BUILD_MORE)
    build.add_argument("target", metavar="minimal|scipy|COURSE")
    build.add_argument("--no-cache", dest="fresh", action="store_true", help="use nothing of earlier builds")
    build.add_argument("--fresh", action="store_true", help=argparse.SUPPRESS)
    add_command(group, "list", _list, "list the images")
    details = add_command(group, "details", _details, "show what is in an image", more=_DETAILS_MORE)
    details.add_argument("target", metavar="IMAGE|COURSE")
    status = add_command(group, "status", _status, "show who still runs an earlier image")
    status.add_argument("course", metavar="COURSE", nargs="?")
    roll_out = add_command(
        group, "roll-out", _roll_out, "stop workspaces that run an earlier image", more=_ROLL_OUT_MORE
    )
    roll_out.add_argument("course", metavar="COURSE")
    roll_out.add_argument("--all", action="store_true", help="also those that are in use")
    roll_out.add_argument("--dry-run", action="store_true", help="say who, stop nobody")
    add_command(group, "prune", _prune, "remove images that a newer build has replaced")


def _build(call: Call) -> int:
    body = {"target": call.args.target, "fresh": call.args.fresh}
    built = call.follow("POST", path("images", "build"), body)
    if call.console.as_json:
        call.console.json(built)
        return OK
    call.console.line(f"{built['name']}: built, {built['digest'][:19]}")
    try:
        rows = call.client.ask("GET", path("images", "status"))["courses"]
    except Failed:
        return OK  # it is built: that nobody can be counted just now changes nothing
    for row in rows:
        if row["digest"] == built["digest"] and row["old"]:
            call.console.line(
                f"{row['course']}: {len(row['old'])} of {row['running']} running workspaces still have the image"
                f" before; hurry them: nbhostctl image roll-out {row['course']}"
            )
    return OK


def _list(call: Call) -> int:
    images = call.client.ask("GET", path("images"))["images"]
    if call.console.as_json:
        call.console.json(images)
        return OK
    rows = [
        (image["name"], image["digest"][:19], size(image["size"]), " ".join(image["courses"]) or "-")
        for image in images
    ]
    empty = "There is no image yet: nbhostctl image build minimal"
    call.console.table(("IMAGE", "DIGEST", "SIZE", "COURSES"), rows, empty=empty)
    return OK


def _details(call: Call) -> int:
    details = call.client.ask("GET", f"{path('images', 'details')}?image={quote(call.args.target, safe='')}")
    if call.console.as_json:
        call.console.json(details)
        return OK
    packages = details["packages"]
    call.console.line(f"{details['name']}, {details['digest'][:19]}")
    call.console.line(f"python {details['python'] or '(did not say)'}")
    first = [name for name in _FIRST if name in packages]
    for name in (*first, *(name for name in packages if name not in first)):
        call.console.line(f"{name} {packages[name]}")
    return OK


def _status(call: Call) -> int:
    query = f"?course={quote(call.args.course, safe='')}" if call.args.course else ""
    courses = call.client.ask("GET", path("images", "status") + query)["courses"]
    if call.console.as_json:
        call.console.json(courses)
        return OK
    rows = [
        (
            row["course"],
            row["image"],
            (row["digest"] or "NOT BUILT YET")[:19],
            str(row["running"]),
            str(len(row["old"])),
        )
        for row in courses
    ]
    head = ("COURSE", "IMAGE", "DIGEST", "RUNNING", "WITH AN EARLIER ONE")
    call.console.table(head, rows, empty="There is no course yet: nbhostctl course create --help")
    for old in (old for row in courses for old in row["old"]):
        call.console.line(f"{old['workspace']}: {old['in_use'] or 'nobody uses it now'}")
    return OK


def _roll_out(call: Call) -> int:
    args = call.args
    body: Shape = {"course": args.course, "all": args.all, "dry_run": args.dry_run}
    done = call.follow("POST", path("images", "roll-out"), body)
    if call.console.as_json:
        call.console.json(done)
    elif not args.dry_run:
        left = f", {len(done['left'])} left because they are in use (--all)" if done["left"] else ""
        failed = f", {len(done['failed'])} not stopped" if done["failed"] else ""
        call.console.line(f"{args.course}: {len(done['stopped'])} stopped{left}{failed}")
    return FAILED if done["failed"] else OK


def _prune(call: Call) -> int:
    pruned = call.follow("POST", path("images", "prune"))
    if call.console.as_json:
        call.console.json(pruned)
    return OK
