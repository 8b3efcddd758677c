"""nbhostctl register"""

from __future__ import annotations

import sys
from pathlib import Path

from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command
from nbhostd.ctl.console import FAILED, OK, local_time

_LARGEST = 512 << 10
_MORE = """\
FILE.csv is a table with `,` `;` or tab between its columns; the first line says what is in which:
  email        must be there
  username     else what is left of the @, without accents
  first_name, last_name   else from an address such as first.last@example.org
  group        one or several, with | between
  password     better left out: people choose theirs, with the links that are printed or sent

examples:
  nbhostctl register class.csv --dry-run
  nbhostctl register class.csv --group "class 1" --mail
  nbhostctl register class.csv --group "class 1" --links > links.txt

It may be run again, with more people in the file: those who have an account already keep it, and join the
groups. Nothing is done while the file has a fault. --remind makes new links for those who never used theirs."""


def add(parsers: SubParsers) -> None:
    """The parser."""
    command = add_command(
        parsers, "register", _register, "make accounts for all people in a table", more=_MORE
    )
    command.add_argument("file", metavar="FILE.csv", help="the table; - is standard input")
    command.add_argument(
        "--group", metavar="GROUP", help="everybody in the table joins it; made when missing"
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command.add_argument("--remind", action="store_true", help="also who has an account and never was in it")
    command.add_argument("--language", metavar="en|fr", help="of the accounts, and so of the letters")
    command.add_argument("--yes", action="store_true", help="do not ask")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--mail", action="store_true", help="send each link to its owner")
    how.add_argument(
        "--links", action="store_true", help="print the links only, one person a line, for a list on paper"
    )


def _register(call: Call) -> int:
    args = call.args
    body: Shape = {"table": _content(args.file), "remind": args.remind, "mail": args.mail}
    body |= {key: value for key in ("group", "language") if (value := getattr(args, key)) is not None}
    prospect = call.follow("POST", path("register"), {**body, "dry_run": True})
    if prospect["faults"]:
        return _faults(call, prospect)
    if args.dry_run:
        return _tell(call, prospect)
    if not args.links and not call.console.as_json:
        _show(call, prospect)
    if prospect["conflicts"] and not args.yes:
        agrees = call.confirm(f"{len(prospect['conflicts'])} people are left out. Register the others?")
        if not agrees:
            raise WrongUsage("Nothing was done: say --yes to leave out those in conflict.")
    done = call.follow("POST", path("register"), body)
    if done["faults"]:
        return _faults(call, done)
    return _links(call, done)


def _content(name: str) -> str:
    """The file's bytes, one character each."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_LARGEST + 1)
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror}.", 400) from error
    return data.decode("latin-1")


def _faults(call: Call, prospect: Shape) -> int:
    if call.console.as_json:
        call.console.json(prospect)
    for fault in prospect["faults"]:
        call.console.error(f"{call.args.file}: {fault}")
    return FAILED


def _tell(call: Call, prospect: Shape) -> int:
    if call.console.as_json:
        call.console.json(prospect)
        return OK
    _show(call, prospect)
    call.console.line("Nothing was changed: this was a dry run.")
    return OK


def _show(call: Call, prospect: Shape) -> None:
    for warning in prospect["warnings"]:
        call.console.warn(warning)
    rows = [
        (
            one["name"],
            one["email"],
            f"{one['first_name']} {one['last_name']}".strip(),
            ", ".join(one["groups"]),
        )
        for one in prospect["new"]
    ]
    if rows:
        call.console.table(("NEW", "E-MAIL", "WHO", "GROUPS"), rows, empty="")
    for conflict in prospect["conflicts"]:
        call.console.warn(f"line {conflict['line']}: {conflict['email']} is left out: {conflict['why']}")
    counts = (len(prospect["new"]), len(prospect["known"]), len(prospect["conflicts"]))
    call.console.line("{} new, {} have an account already, {} left out".format(*counts))


def _links(call: Call, done: Shape) -> int:
    links = done["links"]
    failed = [link for link in links if link["trouble"]]
    if call.console.as_json:
        call.console.json(done)
        return FAILED if failed else OK
    if call.args.links:
        for link in links:
            call.console.line(f"{link['name']}\t{link['email']}\t{link['url']}")
        return OK
    if call.args.mail:
        call.console.line(f"{len(links) - len(failed)} letters sent.")
    for link in failed if call.args.mail else links:
        trouble = f"  (no letter: {link['trouble']})" if link["trouble"] else ""
        call.console.line(f"{link['name']}: {link['url']}{trouble}")
    if links:
        call.console.line(f"The links work once, until {local_time(links[0]['expires_at'])}.")
    return FAILED if failed else OK
