"""nbhostctl droparea …"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group
from nbhostd.ctl.console import FAILED, OK, size

_CHUNK = 1 << 18

_MORE = """\
A drop area holds files that a teacher hands to the students of a course. Each student gets a copy, in
DROPPED/AREA/ of their space, and keeps it: nothing of theirs is ever overwritten."""

_PUT_MORE = """\
examples:
  nbhostctl droparea put python-mooc exam data.csv subject.pdf
  nbhostctl droparea put python-mooc exam week3/data.csv --below week3

A file of that name in the area is replaced; students who have it already keep theirs."""

_DEPLOY_MORE = """\
examples:
  nbhostctl droparea deploy python-mooc exam --all --dry-run
  nbhostctl droparea deploy python-mooc exam subject.pdf
  nbhostctl droparea deploy python-mooc exam --all --student alice --student 'b*'

The students are those who have opened the course at least once. Whoever has a file of that name keeps it."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "droparea", "hand files to the students of a course", more=_MORE)
    listing = add_command(group, "list", _list, "list a course's drop areas, or who has the files of one")
    listing.add_argument("course", metavar="COURSE")
    listing.add_argument("area", metavar="AREA", nargs="?", help="show its files, and how many have them")
    put = add_command(group, "put", _put, "put files into a drop area", more=_PUT_MORE)
    _course_and_area(put)
    put.add_argument("files", metavar="FILE", nargs="+", help="a file on this computer")
    put.add_argument("--below", metavar="FOLDER", default="", help="the folder of the area that they go to")
    remove = add_command(group, "remove", _remove, "remove files from a drop area; students keep theirs")
    _course_and_area(remove)
    remove.add_argument("files", metavar="FILE", nargs="*", help="as droparea list shows it")
    remove.add_argument("--all", action="store_true", help="the whole area")
    deploy = add_command(group, "deploy", _deploy, "copy files to the students", more=_DEPLOY_MORE)
    _course_and_area(deploy)
    deploy.add_argument("files", metavar="FILE", nargs="*", help="as droparea list shows it")
    deploy.add_argument("--all", action="store_true", help="every file of the area")
    deploy.add_argument(
        "--student", dest="students", metavar="NAME|PATTERN", action="append", default=[],
        help="only these; a plain word is one name, exactly; with * or ? (in quotes) it is a pattern",
    )  # fmt: skip
    deploy.add_argument("--dry-run", action="store_true", help="only say who would get what")


def _course_and_area(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("course", metavar="COURSE")
    parser.add_argument("area", metavar="AREA", help="letters, digits, '.', '_', '-'")


def _list(call: Call) -> int:
    args = call.args
    if args.area is None:
        areas = call.client.ask("GET", path("courses", args.course, "dropareas"))["areas"]
        if call.console.as_json:
            call.console.json(areas)
            return OK
        rows = [(area["area"], str(area["files"]), size(area["size"])) for area in areas]
        call.console.table(
            ("AREA", "FILES", "SIZE"), rows, empty="No drop area yet: nbhostctl droparea put --help"
        )
        return OK
    files = call.client.ask("GET", path("courses", args.course, "dropareas", args.area))["files"]
    if call.console.as_json:
        call.console.json(files)
    else:
        _show(call, files)
    return OK


def _show(call: Call, files: list[Shape]) -> None:
    rows = [
        (file["path"], f"{file['available']}/{file['total']}", f"+{file['new']}", size(file["size"]))
        for file in files
    ]
    call.console.table(("FILE", "STUDENTS", "NEW", "SIZE"), rows, empty="The area is empty.")


def _put(call: Call) -> int:
    args = call.args
    below = f"{args.below.strip('/')}/" if args.below else ""
    results = []
    for number, name in enumerate(args.files):
        call.console.bar(number, len(args.files), name)
        target = below + os.path.basename(name)
        try:
            with Path(name).open("rb") as content:
                length = os.fstat(content.fileno()).st_size
                # Slashes stand between folders; everything else is quoted.
                url = path("courses", args.course, "dropareas", args.area, "files", *target.split("/"))
                call.client.upload(url, _pieces(content), length)
        except IsADirectoryError:
            raise WrongUsage(f"{name} is a folder: give the files.") from None
        except FileNotFoundError:
            raise WrongUsage(f"There is no file {name}.") from None
        results.append({"file": target, "size": length})
        if not call.console.as_json:
            call.console.line(f"{target}: put, {size(length)}")
    call.console.end_bar()
    if call.console.as_json:
        call.console.json(results)
    return OK


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    while piece := content.read(_CHUNK):
        yield piece


def _remove(call: Call) -> int:
    args = call.args
    if bool(args.files) == args.all:
        raise WrongUsage("Say which files, or else --all.")
    area = ("courses", args.course, "dropareas", args.area)
    if args.all:
        removed = call.client.ask("DELETE", path(*area))["removed"]
    else:
        for name in args.files:
            call.client.ask("DELETE", path(*area, "files", *name.split("/")))
        removed = len(args.files)
    if call.console.as_json:
        call.console.json({"removed": removed})
    else:
        call.console.line(f"{args.area}: {removed} removed")
    return OK


def _deploy(call: Call) -> int:
    args = call.args
    if bool(args.files) == args.all:
        raise WrongUsage("Say which files, or else --all.")
    body = {"files": args.files, "all": args.all, "students": args.students, "dry_run": args.dry_run}
    url = path("courses", args.course, "dropareas", args.area, "deploy")
    done = call.follow("POST", url, {key: value for key, value in body.items() if value})
    if call.console.as_json:
        call.console.json(done)
        return FAILED if done["failed"] else OK
    _show(call, done["files"])
    for line in done["in_the_way"]:
        call.console.warn(f"{line}: something that is no plain file has this name, and stays")
    if args.dry_run:
        call.console.line("Nothing was copied: this was a dry run.")
    else:
        call.console.line(f"{done['copied']} copies made")
    if done["failed"]:
        raise Failed(f"{len(done['failed'])} students could not be reached: {'; '.join(done['failed'])}", 502)
    return OK
