"""nbhostctl audit"""

from __future__ import annotations

from urllib.parse import urlencode

from nbhostd.ctl.client import path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import OK, local_time

_MORE = """\
examples:
  nbhostctl audit                                     the latest hundred
  nbhostctl audit --action course. --since 2026-09-01
  nbhostctl audit --who alice --refused
  nbhostctl audit --subject python-mooc --json

What changes something is in it: from pages, by programs with a token, and by nbhostctl (as root)."""


def add(parsers: SubParsers) -> None:
    """The parser."""
    audit = add_command(parsers, "audit", _audit, "show who did what, the latest first", more=_MORE)
    audit.add_argument("--who", metavar="NAME", help="by this account, or root for nbhostctl")
    audit.add_argument("--action", metavar="WORD", help="actions that begin so: course. or user.create")
    audit.add_argument(
        "--subject", metavar="NAME", help="what it was done to: a course, COURSE/STUDENT, an account"
    )
    audit.add_argument("--since", metavar="DATE", help="from this day on: 2026-01-31 (UTC)")
    audit.add_argument("--until", metavar="DATE", help="until this day, included")
    audit.add_argument("--refused", action="store_true", help="only what was refused or failed")
    audit.add_argument("--limit", type=int, default=100, help="how many (100; at most 1000)")


def _audit(call: Call) -> int:
    args = call.args
    asked = {key: getattr(args, key) for key in ("who", "action", "subject", "since", "until")}
    query = {key: value for key, value in asked.items() if value} | {"limit": args.limit}
    query |= {"refused": "true"} if args.refused else {}
    entries = call.client.ask("GET", f"{path('audit')}?{urlencode(query)}")["entries"]
    if call.console.as_json:
        call.console.json(entries)
        return OK
    rows = [
        (
            local_time(entry["at"]), entry["who"] or "-", entry["action"], entry["subject"] or "-", entry["outcome"],
            entry["address"] or entry["via"], entry["detail"],
        )
        for entry in entries
    ]  # fmt: skip
    head = ("WHEN", "WHO", "ACTION", "SUBJECT", "OUTCOME", "FROM", "DETAILS")
    call.console.table(head, rows, empty="Nothing like that was done.")
    return OK
