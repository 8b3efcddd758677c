"""nbhostctl group …, and nbhostctl course people"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command, add_group
from nbhostd.ctl.console import OK
from nbhostd.ctl.selection import RULE, chosen

_MORE = """\
A group is a set of accounts, for instance a class. Who shares a group with a course may open it; to all others
it does not exist: nbhostctl course people"""

_ADD_MORE = """\
examples:
  nbhostctl group add "class 1" alice bob
  nbhostctl group add "class 1" 'm*'"""

_PEOPLE_MORE = """\
examples:
  nbhostctl course people python                                 whose course it is
  nbhostctl course people python --group "class 1" --staff carol --staff @assistants
  nbhostctl course people python --no-group "class 1"

Members of its groups are its students. Its staff teaches it: names of accounts (of students of a platform, too),
or @GROUP."""


def add(parsers: SubParsers) -> None:
    """The parsers of groups."""
    group = add_group(parsers, "group", "make groups, and say who is in them", more=_MORE)
    add_command(group, "list", _list, "list groups, with their members and courses")
    create = add_command(group, "create", _create, "make groups")
    create.add_argument("groups", metavar="GROUP", nargs="+")
    rename = add_command(group, "rename", _rename, "give a group another name")
    rename.add_argument("group", metavar="GROUP")
    rename.add_argument("to", metavar="NEW")
    for name, key, summary in (
        ("add", "add", "put accounts into a group"),
        ("remove", "remove", "take accounts out of a group"),
    ):
        command = add_command(group, name, _change, summary, more=_ADD_MORE if name == "add" else "")
        command.set_defaults(key=key)
        command.add_argument("group", metavar="GROUP")
        command.add_argument("names", metavar="NAME|PATTERN", nargs="+", help=RULE)
    delete = add_command(group, "delete", _delete, "delete a group; its members and courses stay")
    delete.add_argument("group", metavar="GROUP")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def add_to_courses(group: SubParsers) -> None:
    """The parser of `nbhostctl course people`."""
    people = add_command(group, "people", _people, "show or say whose course it is", more=_PEOPLE_MORE)
    people.add_argument("course", metavar="COURSE")
    for option, key, what in (
        ("--group", "add_groups", "whose members are its students"),
        ("--no-group", "remove_groups", "whose members are not"),
        ("--staff", "add_staff", "who teaches it: a name, or @GROUP"),
        ("--no-staff", "remove_staff", "who does not"),
    ):
        people.add_argument(
            option, dest=key, metavar="NAME", action="append", default=[], help=f"{what} (again for more)"
        )


def add_owners(create: ArgumentParser) -> None:
    """The options of `nbhostctl course create` that are about people, read by `say_whose`."""
    for option, key, what in (
        ("--group", "groups", "a group whose members are its students"),
        ("--staff", "staff", "who teaches it: a name, or @GROUP"),
    ):
        create.add_argument(
            option, dest=key, metavar="NAME", action="append", default=[], help=f"{what} (again for more)"
        )


def add_filters(listing: ArgumentParser) -> None:
    """The options of `nbhostctl course list` that are about people, read by `whose`."""
    for option, what in (
        ("--group", "only courses of this group"),
        ("--user", "only courses that this account is a student of, by its groups"),
        ("--staff", "only courses that this name, or @GROUP, teaches"),
    ):
        listing.add_argument(
            option, dest=f"of_{option[2:]}", metavar="NAME|PATTERN", action="append", default=[],
            help=f"{what} (again for more)",
        )  # fmt: skip


def whose(call: Call, courses: Sequence[str]) -> list[str]:
    """Those of the courses that the filters leave. Raises Failed(404): no group, account or staff is called so."""
    args, left = call.args, set(courses)
    if args.of_group or args.of_user:
        groups = call.client.ask("GET", path("groups"))["groups"]
        of_course = {group["name"]: group["courses"] for group in groups}
        if args.of_group:
            wanted = chosen(args.of_group, of_course, "group")
            left &= {course for group in wanted for course in of_course[group]}
        if args.of_user:
            users = [user["name"] for user in call.client.ask("GET", path("users"))["users"]]
            names = set(chosen(args.of_user, users, "account"))
            left &= {course for group in groups if names & {*group["members"]} for course in group["courses"]}
    if args.of_staff:
        access = call.client.ask("GET", path("access"))["access"]
        entries = set(
            chosen(args.of_staff, sorted({entry for one in access for entry in one["staff"]}), "staff")
        )
        left &= {one["course"] for one in access if entries & {*one["staff"]}}
    return [course for course in courses if course in left]


def say_whose(call: Call, course: str) -> None:
    """Let the groups and the staff of `nbhostctl course create` have the new course."""
    body = {"add_groups": call.args.groups, "add_staff": call.args.staff}
    if any(body.values()):
        call.client.ask("PATCH", path("courses", course, "people"), body)


def check_groups(call: Call) -> None:
    """Return when the groups of `nbhostctl course create` are there. Raises Failed(404)."""
    if call.args.groups:
        known = {group["name"] for group in call.client.ask("GET", path("groups"))["groups"]}
        for group in call.args.groups:
            if group not in known:
                raise Failed(f"There is no group “{group}”.", 404)


def _list(call: Call) -> int:
    groups = call.client.ask("GET", path("groups"))["groups"]
    if call.console.as_json:
        call.console.json(groups)
        return OK
    rows = [
        (one["name"], ", ".join(one["members"]) or "-", ", ".join(one["courses"]) or "-") for one in groups
    ]
    call.console.table(
        ("GROUP", "MEMBERS", "COURSES"), rows, empty="No group yet: nbhostctl group create --help"
    )
    return OK


def _create(call: Call) -> int:
    made = [call.client.ask("POST", path("groups"), {"name": name}) for name in call.args.groups]
    return _tell(call, made, ", ".join(f"“{group['name']}”" for group in made) + " is there.")


def _tell(call: Call, shape: object, sentence: str) -> int:
    if call.console.as_json:
        call.console.json(shape)
    else:
        call.console.line(sentence)
    return OK


def _rename(call: Call) -> int:
    group = call.client.ask("PATCH", path("groups", call.args.group), {"name": call.args.to})
    return _tell(call, group, f"“{call.args.group}” is “{group['name']}” now.")


def _change(call: Call) -> int:
    args = call.args
    users = [user["name"] for user in call.client.ask("GET", path("users"))["users"]]
    names = chosen(args.names, users, "account")
    group = call.client.ask("PATCH", path("groups", args.group), {args.key: names})
    what = "new in" if args.key == "add" else "out of"
    return _tell(
        call, group, f"{group['changed']} accounts {what} “{group['name']}”, {len(group['members'])} in it."
    )


def _delete(call: Call) -> int:
    if not call.args.yes:
        agrees = call.confirm(f"Delete the group “{call.args.group}”?")
        if not agrees:
            raise WrongUsage("Nothing was deleted: say --yes where nobody is there to ask.")
    return _tell(call, call.client.ask("DELETE", path("groups", call.args.group)), "The group is deleted.")


def _people(call: Call) -> int:
    keys = ("add_groups", "remove_groups", "add_staff", "remove_staff")
    body: Shape = {key: value for key in keys if (value := getattr(call.args, key))}
    url = path("courses", call.args.course, "people")
    access = call.client.ask("PATCH", url, body) if body else call.client.ask("GET", url)
    if call.console.as_json:
        call.console.json(access)
        return OK
    call.console.line(
        f"groups: {', '.join(access['groups']) or 'none: only its staff can open it with an account'}"
    )
    call.console.line(f"staff:  {', '.join(access['staff']) or 'none'}")
    return OK
