"""nbhostctl share …"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from nbhostd.ctl import selection
from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group
from nbhostd.ctl.console import OK, local_time

_MORE = """\
A student shares a notebook from its own menu: everybody who has the address can then read the page,
without logging in. It goes when the student takes it back, when the workspace is deleted, and with
`nbhostctl share remove`."""

_LIST_MORE = """\
examples:
  nbhostctl share list
  nbhostctl share list python-mooc
  nbhostctl share list python-mooc/alice --json"""

_CREATE_MORE = """\
examples:
  nbhostctl share create python-mooc/alice w1/w1-s1-c1-intro.md

The notebook is rendered as it is saved now, as that student, and not executed. Sharing again replaces
the page; its address stays."""

_REMOVE_MORE = """\
examples:
  nbhostctl share remove https://nb.example.org/shared/Yk3…Q.html

The page is gone at once. The student's notebook is not touched, and when it is shared again, it
gets another address."""

_PAGE = re.compile(r"(?:.*/shared/)?([A-Za-z0-9_-]{22})(?:\.html)?(?:[?#].*)?")


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "share", "list, make and take down static versions of notebooks", more=_MORE)
    listing = add_command(group, "list", _list, "list the static versions", more=_LIST_MORE)
    listing.add_argument("where", metavar="COURSE[/STUDENT]", nargs="?", help="only these")
    create = add_command(group, "create", _create, "make a static version of a notebook", more=_CREATE_MORE)
    create.add_argument("workspace", metavar="COURSE/STUDENT")
    create.add_argument("notebook", metavar="NOTEBOOK", help="a path in the student's files, with its suffix")
    remove = add_command(group, "remove", _remove, "take static versions down", more=_REMOVE_MORE)
    remove.add_argument("pages", metavar="ADDRESS", nargs="+", help="of a page, or the 22 characters in it")


def _list(call: Call) -> int:
    course, _, student = (call.args.where or "").partition("/")
    query = {key: value for key, value in (("course", course), ("student", student)) if value}
    shares = call.client.ask("GET", f"{path('shares')}?{urlencode(query)}")["shares"]
    if call.console.as_json:
        call.console.json(shares)
        return OK
    rows = [
        (f"{one['course']}/{one['student']}", one["notebook"], local_time(one["shared_at"]), one["url"])
        for one in shares
    ]
    call.console.table(("WORKSPACE", "NOTEBOOK", "SHARED", "ADDRESS"), rows, empty="Nothing is shared.")
    return OK


def _create(call: Call) -> int:
    course, slash, student = call.args.workspace.partition("/")
    if not slash:
        raise WrongUsage("A workspace is written COURSE/STUDENT.")
    body = {"course": course, "student": student, "notebook": call.args.notebook}
    share = call.follow("POST", path("shares"), body)
    if call.console.as_json:
        call.console.json(share)
    else:
        call.console.line(share["url"])
    return OK


def _remove(call: Call) -> int:
    tokens = {}
    for page in call.args.pages:
        found = _PAGE.fullmatch(page)
        if found is None:
            raise WrongUsage(f"“{page}” is not the address of a static version: see nbhostctl share list.")
        tokens[page] = found[1]

    def remove(page: str) -> Shape:
        return call.client.ask("DELETE", path("shares", tokens[page]))

    def told(share: Shape) -> str:
        return f"taken down: {share['notebook']} of {share['course']}/{share['student']}"

    return selection.each(call, list(tokens), remove, told)
