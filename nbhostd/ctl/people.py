"""nbhostctl user …"""

from __future__ import annotations

import argparse

from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group, on_or_off
from nbhostd.ctl.console import FAILED, OK, local_time
from nbhostd.ctl.selection import RULE, chosen, each

_CREATE_MORE = """\
examples:
  nbhostctl user create alice --admin --email alice@example.org
  nbhostctl user create bob --email bob@example.org --group "class 1" --mail

The first one makes the first administrator. A link is printed with which they choose their password, once, within
14 days; with --mail it is also sent. An account's name is also the name of the student: alice works in COURSE/alice.
Many accounts at once: nbhostctl register"""

_LIST_MORE = """\
examples:
  nbhostctl user list
  nbhostctl user list 'a*' --group "class 1" --json"""

_LINK_MORE = """\
examples:
  nbhostctl user link alice                 a link with which alice chooses a password, within two hours
  nbhostctl user link 'a*' --mail

Who never had a password gets an invitation, good for 14 days. An earlier link of theirs ends."""

_PASSWORD_MORE = """\
The password is asked for, or read from standard input:
  nbhostctl user password alice < file

Better let people choose theirs: nbhostctl user link. All their sessions end."""

_FLAGS = ("admin", "staff", "active")
_TEXTS = {
    "email": ("ADDRESS", "where letters go"),
    "first_name": ("NAME", "first name"),
    "last_name": ("NAME", "last name"),
    "language": ("en|fr", "the language of pages and letters; '' is the browser's"),
}


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "user", "make and change people's accounts")
    create = add_command(group, "create", _create, "make an account", more=_CREATE_MORE)
    create.add_argument("name", metavar="NAME")
    _add_texts(create)
    create.add_argument("--admin", action="store_true", help="may do everything")
    create.add_argument("--staff", action="store_true", help="teaches every course, and makes new ones")
    create.add_argument(
        "--group", dest="groups", metavar="GROUP", action="append", default=[], help="a group of theirs (again for more)"
    )  # fmt: skip
    create.add_argument("--mail", action="store_true", help="send the link, too")
    listing = add_command(group, "list", _list, "list accounts", more=_LIST_MORE)
    listing.add_argument("names", metavar="NAME|PATTERN", nargs="*", help=RULE)
    listing.add_argument("--group", metavar="GROUP", help="only members of this group")
    show = add_command(group, "show", _show, "show an account")
    show.add_argument("name", metavar="NAME")
    change = add_command(group, "set", _set, "change an account")
    change.add_argument("name", metavar="NAME")
    _add_texts(change)
    for flag in _FLAGS:
        change.add_argument(f"--{flag}", type=on_or_off, metavar="on|off")
    _add_ways_in(group)
    delete = add_command(group, "delete", _delete, "delete accounts; workspaces and their files stay")
    delete.add_argument("names", metavar="NAME|PATTERN", nargs="+", help=RULE)
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_ways_in(group: SubParsers) -> None:
    link = add_command(
        group, "link", _link, "make a link with which somebody chooses a password", more=_LINK_MORE
    )
    link.add_argument("names", metavar="NAME|PATTERN", nargs="+", help=RULE)
    link.add_argument("--mail", action="store_true", help="send it, too")
    password = add_command(group, "password", _password, "set somebody's password", more=_PASSWORD_MORE)
    password.add_argument("name", metavar="NAME")
    logout = add_command(group, "logout", _logout, "log somebody out everywhere")
    logout.add_argument("name", metavar="NAME")


def _add_texts(parser: argparse.ArgumentParser) -> None:
    for key, (metavar, what) in _TEXTS.items():
        parser.add_argument(f"--{key.replace('_', '-')}", dest=key, metavar=metavar, help=what)


def _given(call: Call, keys: tuple[str, ...]) -> Shape:
    return {key: value for key in keys if (value := getattr(call.args, key)) is not None}


def _users(call: Call) -> dict[str, Shape]:
    return {user["name"]: user for user in call.client.ask("GET", path("users"))["users"]}


def _create(call: Call) -> int:
    args = call.args
    body = {"name": args.name, "groups": args.groups, "link": True, "mail": args.mail}
    body |= {"admin": args.admin, "staff": args.staff, **_given(call, tuple(_TEXTS))}
    user = call.client.ask("POST", path("users"), body)
    if call.console.as_json:
        call.console.json(user)
        return OK
    call.console.line(f"{user['name']} has an account. They choose their password here, once:")
    return show_link(call, user["link"])


def show_link(call: Call, link: Shape) -> int:
    """A link on a line of its own, until when it works, and what became of the letter."""
    call.console.line(link["url"])
    call.console.line(f"It works until {local_time(link['expires_at'])}.")
    if link["mailed"]:
        call.console.line(f"A letter with it went to {link['email']}.")
    elif link["trouble"]:
        call.console.error(f"No letter: {link['trouble']}")
        return FAILED
    return OK


def _list(call: Call) -> int:
    users = _users(call)
    names = chosen(call.args.names, users, "account") if call.args.names else list(users)
    group = call.args.group
    rows = [users[name] for name in names if group is None or group in users[name]["groups"]]
    if call.console.as_json:
        call.console.json(rows)
        return OK
    cells = [
        (user["name"], _full_name(user), user["email"], _rights(user), ", ".join(user["groups"]), local_time(user["last_login"]))
        for user in rows
    ]  # fmt: skip
    head = ("NAME", "WHO", "E-MAIL", "RIGHTS", "GROUPS", "LAST LOGIN")
    call.console.table(head, cells, empty="There is no such account: nbhostctl user create --help")
    return OK


def _full_name(user: Shape) -> str:
    return f"{user['first_name']} {user['last_name']}".strip()


def _rights(user: Shape) -> str:
    words = [flag for flag in ("admin", "staff") if user[flag]]
    return " ".join(words + ([] if user["active"] else ["shut"])) or "-"


def _show(call: Call) -> int:
    user = call.client.ask("GET", path("users", call.args.name))
    if call.console.as_json:
        call.console.json(user)
        return OK
    for label, value in (
        ("name", user["name"]), ("who", _full_name(user) or "-"), ("e-mail", user["email"] or "-"),
        ("rights", _rights(user)), ("groups", ", ".join(user["groups"]) or "-"), ("language", user["language"] or "-"),
        ("password", "set" if user["has_password"] else "none yet"), ("made", local_time(user["created_at"])),
        ("last login", local_time(user["last_login"])),
    ):  # fmt: skip
        call.console.line(f"{label + ':':12}{value}")
    return OK


def _set(call: Call) -> int:
    body = _given(call, (*_TEXTS, *_FLAGS))
    if not body:
        raise WrongUsage("Say what to change, for instance --email.")
    user = call.client.ask("PATCH", path("users", call.args.name), body)
    if call.console.as_json:
        call.console.json(user)
    else:
        call.console.line(f"{user['name']} is changed.")
    return OK


def _named(call: Call) -> list[str]:
    return chosen(call.args.names, _users(call), "account")


def _link(call: Call) -> int:
    worst = OK
    links = [
        call.client.ask("POST", path("users", name, "link"), {"mail": call.args.mail})
        for name in _named(call)
    ]
    if call.console.as_json:
        call.console.json(links)
    for link in [] if call.console.as_json else links:
        call.console.line(f"{link['name']}: a link for {_PURPOSES[link['purpose']]}")
        worst = max(worst, show_link(call, link))
    return worst


_PURPOSES = {"invitation": "the first password", "reset": "a new password"}


def _password(call: Call) -> int:
    password = call.ask_secret(f"New password of {call.args.name}: ")
    call.client.ask("POST", path("users", call.args.name, "password"), {"password": password})
    if call.console.as_json:
        call.console.json({})
    else:
        call.console.line(f"{call.args.name} has a new password, and is logged out everywhere.")
    return OK


def _logout(call: Call) -> int:
    answer = call.client.ask("POST", path("users", call.args.name, "logout"), {})
    if call.console.as_json:
        call.console.json(answer)
    else:
        call.console.line(f"{answer['ended']} sessions ended.")
    return OK


def _delete(call: Call) -> int:
    names = _named(call)
    if not call.args.yes:
        agrees = call.confirm(f"Delete {len(names)} accounts ({', '.join(names[:5])})?")
        if not agrees:
            raise WrongUsage("Nothing was deleted: say --yes where nobody is there to ask.")
    return each(call, names, lambda name: call.client.ask("DELETE", path("users", name)), lambda _: "deleted")
