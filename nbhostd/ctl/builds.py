"""nbhostctl build …"""

from __future__ import annotations

import argparse
from urllib.parse import quote

from nbhostd.ctl.client import path
from nbhostd.ctl.command import Call, SubParsers, add_command, add_group
from nbhostd.ctl.console import FAILED, OK, local_time

_MORE = """\
A build is a static site that a course's script makes of its content: section "builds" of its
nbhosting.yaml. The images that notebooks run in are built by nbhostctl image build."""

_RUN_MORE = """\
examples:
  nbhostctl build run python-mooc                  all of the course's builds
  nbhostctl build run python-mooc handouts         one
  nbhostctl build run python-mooc handouts --force although this commit was built before

The script runs in a container of the course's image that is thrown away. The site before stays until the
new one is whole. Ctrl-C leaves the build running: nbhostctl job list, job cancel.
With nbhostctl course set COURSE --autobuild on, a pull that brings something does it by itself."""

_URL_MORE = """\
examples:
  nbhostctl build url python-mooc handouts
  nbhostctl build url python-mooc handouts --expires 7

Whoever has the address of a course with --public-builds off may read that site until it expires."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "build", "make, list and show courses' static sites", more=_MORE)
    listing = add_command(group, "list", _list, "list the static sites")
    listing.add_argument("course", metavar="COURSE", nargs="?")
    run = add_command(group, "run", _run, "make the static sites of a course", more=_RUN_MORE)
    run.add_argument("course", metavar="COURSE")
    run.add_argument("builds", metavar="BUILD", nargs="*", help="its id (all of them)")
    run.add_argument("--force", action="store_true", help="also what was built of this commit before")
    url = add_command(group, "url", _url, "print the address of a static site", more=_URL_MORE)
    url.add_argument("course", metavar="COURSE")
    url.add_argument("build", metavar="BUILD")
    url.add_argument(
        "--expires", type=_days, metavar="DAYS", default=30, help="for members' sites: good for so long (30)"
    )


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 400:
        raise argparse.ArgumentTypeError("write 1 to 400 days")
    return int(text)


def _list(call: Call) -> int:
    query = f"?course={quote(call.args.course, safe='')}" if call.args.course else ""
    builds = call.client.ask("GET", path("builds") + query)["builds"]
    if call.console.as_json:
        call.console.json(builds)
        return OK
    rows = [
        (
            build["course"],
            build["build"],
            {"elsewhere": "elsewhere", "nowhere": "no script"}.get(build["kind"])
            or (
                (build["latest"] or "-")[:10]
                + ("" if build["current"] or not build["latest"] else " (older)")
            ),
            f"{build['last']['state']}, job {build['last']['job']}" if build["last"] else "-",
            local_time(build["last"]["at"]) if build["last"] else "-",
            "everybody" if build["public"] else "members",
            build["url"] if build["latest"] or build["kind"] == "elsewhere" else "-",
        )
        for build in builds
    ]
    head = ("COURSE", "BUILD", "PUBLISHED", "LAST TRY", "WHEN", "FOR", "ADDRESS")
    call.console.table(head, rows, empty="No course describes a build in its nbhosting.yaml.")
    return OK


def _run(call: Call) -> int:
    args = call.args
    body = {"builds": args.builds, "force": args.force}
    made = call.follow("POST", path("builds", args.course, "run"), body)["builds"]
    failed = [one for one in made if one["outcome"] == "failed"]
    if call.console.as_json:
        call.console.json(made)
        return FAILED if failed else OK
    if not made:
        call.console.line(f"{args.course} describes no build in its nbhosting.yaml.")
    for one in made:
        if one["url"]:
            call.console.line(f"{one['build']}: {one['url']}")
    for one in failed:
        call.console.error(one["complaint"])
    return FAILED if failed else OK


def _url(call: Call) -> int:
    args = call.args
    body = {"expires": args.expires * 86400}
    answer = call.client.ask("POST", path("builds", args.course, args.build, "url"), body)
    if call.console.as_json:
        call.console.json(answer)
    else:
        call.console.line(answer["url"])
    return OK
