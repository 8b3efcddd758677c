"""nbhostctl course …"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nbhostd.ctl import catalog, groups, lint, selection, upkeep
from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, add_command, add_group, on_or_off
from nbhostd.ctl.console import OK, USAGE, local_time

_CREATE_MORE = """\
GIT-URL is one of
  https://HOST/PATH.git       also https://USER:TOKEN@HOST/PATH.git; the token is never shown again
  ssh://USER@HOST/PATH        or USER@HOST:PATH; with the key in /var/lib/nbhostd/.ssh
  /a/path                     a repository or a git bundle that the user nbhostd can read
                              (not below /home, /root or /tmp, which the service cannot see)

examples:
  nbhostctl course create python-mooc https://git.example.org/python-mooc.git
  nbhostctl course create algo /srv/bundles/algo.bundle --image scipy --branch main
  nbhostctl course create algo /srv/algo.git --group "class 1" --staff carol

Without --image, a course that has its own nbhosting/Containerfile (or Dockerfile) uses the image
built from it, and any other the default of /etc/nbhostd/nbhostd.toml."""

_PULL_MORE = """\
examples:
  nbhostctl course pull python-mooc         shows what goes on
  nbhostctl course pull python-mooc 'algo*' one line for each
  nbhostctl course pull --all

What fails stops no other; the exit code is 1 when any failed."""

_LIST_MORE = """\
  -l     how many students have files in it, how many work now
  -ll    its repository and branch
  -lll   how many notebooks, tracks and sites it has, how many faults in its files

examples:
  nbhostctl course list -l 'python*'
  nbhostctl course list -lll --json         everything, whatever the number of l
  nbhostctl course list --group "class 1"   whose course: nbhostctl course people
  nbhostctl course list --staff carol --staff '@*'

An image in parentheses is not on this computer: nbhostctl image build."""

_NO_COURSE = "There is no course yet: nbhostctl course create --help"

_SET_MORE = """\
examples:
  nbhostctl course set python-mooc --autopull on
  nbhostctl course set python-mooc --image own      its own nbhosting/Containerfile
  nbhostctl course set python-mooc --branch ''      whatever branch the repository prefers

A new address or branch counts from the next pull on, a new image from each workspace's next start on."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "course", "create, pull, show and delete courses")
    create = add_command(group, "create", _create, "make a course from a git repository", more=_CREATE_MORE)
    create.add_argument("name", metavar="NAME", help="letters, digits, '.', '_', '-'; it is part of the URLs")
    create.add_argument("git_url", metavar="GIT-URL", help="where the course's repository is")
    create.add_argument("--image", help="minimal, scipy, own, or any image's name")
    create.add_argument("--branch", help="the branch to publish (default: the repository's own choice)")
    groups.add_owners(create)
    pull = add_command(group, "pull", _pull, "bring courses' newest content", more=_PULL_MORE)
    selection.add_courses(pull)
    listing = add_command(group, "list", _list, "list the courses", more=_LIST_MORE)
    listing.add_argument("names", metavar="NAME|PATTERN", nargs="*", help=selection.RULE)
    groups.add_filters(listing)
    how = listing.add_mutually_exclusive_group()
    how.add_argument("-l", "--long", action="count", default=0, help="more, up to three times")
    how.add_argument("--names", dest="only_names", action="store_true", help="the names, at once")
    show = add_command(group, "show", _show, "show a course: settings, tracks, faults in its files")
    show.add_argument("name", metavar="NAME")
    change = add_command(group, "set", _set, "change a course", more=_SET_MORE)
    change.add_argument("name", metavar="NAME")
    change.add_argument(
        "--autopull", type=on_or_off, metavar="on|off", help="pull by itself every few minutes"
    )
    change.add_argument(
        "--archived", type=on_or_off, metavar="on|off", help="out of sight; never pulled by itself"
    )
    change.add_argument(
        "--autobuild",
        type=on_or_off,
        metavar="on|off",
        help="make its static sites after each pull that brings something",
    )
    change.add_argument(
        "--public-builds",
        type=on_or_off,
        metavar="on|off",
        help="its static sites are for everybody (on), or need a signed address",
    )
    change.add_argument("--image", help="minimal, scipy, own, or any image's name")
    change.add_argument("--branch", help="the branch to publish")
    change.add_argument("--url", dest="git_url", metavar="GIT-URL", help="where the repository is now")
    catalog.add(group)
    lint.add(group)
    upkeep.add(group)
    groups.add_to_courses(group)


def _create(call: Call) -> int:
    args = call.args
    body = {"name": args.name, "git_url": _absolute(args.git_url), "image": args.image, "branch": args.branch}
    groups.check_groups(call)
    result = call.follow("POST", path("courses"), body)
    groups.say_whose(call, args.name)
    if call.console.as_json:
        call.console.json(result)
    else:
        course = result["course"]
        call.console.line(f"{course['name']}: created at {course['commit'][:10]}, image {course['image']}")
    return OK


def _absolute(git_url: str) -> str:
    """A path as the daemon must see it, which works elsewhere; any other address as it is."""
    if git_url.startswith((".", "~")) or ("://" not in git_url and Path(git_url).exists()):
        return os.path.abspath(os.path.expanduser(git_url))
    return git_url


def _pull(call: Call) -> int:
    names = selection.courses(call)
    follow = call.follow if len(names) == 1 else call.follow_quietly

    def pull(name: str) -> Shape:
        return dict(follow("POST", path("courses", name, "pull"))["report"])

    return selection.each(call, names, pull, lambda report: str(report["summary"]))


def _list(call: Call) -> int:
    if call.args.only_names:
        query = ""
    else:
        query = f"?detail={3 if call.console.as_json else min(call.args.long, 3)}"
    known = call.client.ask("GET", path("courses") + query)["courses"]
    if call.args.names:
        wanted = selection.chosen(call.args.names, [course["name"] for course in known], "course")
        known = [course for course in known if course["name"] in wanted]
    left = groups.whose(call, [course["name"] for course in known])
    known = [course for course in known if course["name"] in left]
    if call.console.as_json:
        call.console.json([course["name"] for course in known] if call.args.only_names else known)
        return OK
    if call.args.only_names:
        for course in known:
            call.console.line(course["name"])
        return OK
    columns = [(head, cell) for level, head, cell in _COLUMNS if level <= call.args.long]
    rows = [[cell(course) for _, cell in columns] for course in known]
    empty = "No course is like that." if _is_filtered(call) else _NO_COURSE
    call.console.table([head for head, _ in columns], rows, empty=empty)
    return OK


def _is_filtered(call: Call) -> bool:
    args = call.args
    return bool(args.names or args.of_group or args.of_user or args.of_staff)


def _image(course: Shape) -> str:
    return f"({course['image']})" if course["image_here"] is False else str(course["image"])


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _flags(course: Shape) -> str:
    return " ".join(word for word in ("autopull", "autobuild", "archived") if course.get(word)) or "-"


_COLUMNS: tuple[tuple[int, str, Callable[[Shape], str]], ...] = (
    (0, "COURSE", lambda course: course["name"]),
    (0, "IMAGE", _image),
    (0, "COMMIT", lambda course: (course["commit"] or "-")[:10]),
    (0, "PULLED", lambda course: local_time(course["pulled_at"])),
    (0, "FLAGS", _flags),
    (1, "STUDENTS", lambda course: str(course["workspaces"])),
    (1, "NOW", lambda course: str(course["awake"])),
    (3, "NOTEBOOKS", lambda course: _count(course["notebooks"])),
    (3, "TRACKS", lambda course: _count(course["tracks"])),
    (3, "SITES", lambda course: _count(course["builds"])),
    (3, "FAULTS", lambda course: _count(course["faults"])),
    (
        2,
        "REPOSITORY",
        lambda course: course["git_url"] + (f" @{course['branch']}" if course["branch"] else ""),
    ),
)
"""From which -l on, its head, its cell."""


def _show(call: Call) -> int:
    course = call.client.ask("GET", path("courses", call.args.name))
    if call.console.as_json:
        call.console.json(course)
        return OK
    settings = course["settings"]
    facts = {
        "course": f"{course['name']} (number {course['number']})",
        "repository": f"{course['git_url']}, branch {course['branch'] or 'as the repository prefers'}",
        "commit": f"{course['commit'] or '-'}, looked at {local_time(course['pulled_at'])}",
        "flags": ", ".join(
            f"{flag.replace('_', ' ')} {_word(course[flag])}"
            for flag in ("autopull", "autobuild", "public_builds", "archived")
        ),
        "image": f"{course['image']}, {(course['image_digest'] or 'NOT BUILT YET')[:19]}",
        "own recipe": course["recipe"] or "none",
        "workspaces": str(course["workspaces"]),
        "opens with": settings["notebook_url_format"],
        "mappings": ", ".join(f"{m['source']} → {m['destination']}" for m in settings["static_mappings"])
        or "none",
        "builds": ", ".join(f"{build['id']} ({build['name']})" for build in settings["builds"]) or "none",
    }
    for name, value in facts.items():
        call.console.line(f"{name + ':':<13}{value}")
    for track in settings["tracks"]:
        _show_track(call, track)
    for warning in settings["warnings"]:
        call.console.warn(warning)
    return OK


def _show_track(call: Call, track: Shape) -> None:
    description = f": {track['description']}" if track["description"] else ""
    call.console.line(f"{'track:':<13}{track['id']} “{track['name']}”{description}")
    for section in track["sections"]:
        call.console.line(f"{'':<15}{section['name']} ({len(section['notebooks'])} notebooks)")


def _word(flag: bool) -> str:
    return "on" if flag else "off"


def _set(call: Call) -> int:
    keys = ("autopull", "archived", "autobuild", "public_builds", "image", "branch", "git_url")
    body = {key: value for key in keys if (value := getattr(call.args, key)) is not None}
    if not body:
        call.console.error("Nothing to change was given: see nbhostctl course set --help")
        return USAGE
    if "git_url" in body:
        body["git_url"] = _absolute(body["git_url"])
    answer = call.client.ask("PATCH", path("courses", call.args.name), body)
    for warning in answer["warnings"]:
        call.console.warn(warning)
    if call.console.as_json:
        call.console.json(answer["course"])
    return OK
