"""nbhostctl course rename, clear-staff and delete."""

from __future__ import annotations

from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import FAILED, OK, USAGE, size

_RENAME_MORE = """\
example:
  nbhostctl course rename python-mooc python3

Its files, its own image, its students' work and its statistics keep together under the new name; when something
fails, all is as it was. Its addresses change: the pages of the platform that name the course must be edited.
Refused while students work in it, unless --stop stops their servers first."""

_CLEAR_MORE = """\
example:
  nbhostctl course clear-staff python-mooc
  nbhostctl course clear-staff python-mooc --student 0123456789abcdef0123456789abcdef

In MOOC mode everybody keeps the notebooks as they were at the first visit. This brings the course's newest to those
who teach it, for every notebook that they have of it; theirs are kept aside, as with “Reset to Original”. These are
the course's staff, whom --student names besides, and “student”, whom Studio shows previews as (unless that is
somebody's account). Others' files are not touched."""

_DELETE_MORE = """\
examples:
  nbhostctl course delete old-course --dry-run
  nbhostctl course delete old-course --with-workspaces --with-files

Without the two options, a course in which students or teachers have files is refused. The administrator's own
directory, /var/lib/nbhostd/local/NAME, stays."""


def add(group: SubParsers) -> None:
    """The parsers."""
    rename = add_command(group, "rename", _rename, "give a course another name", more=_RENAME_MORE)
    rename.add_argument("name", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    rename.add_argument("--stop", action="store_true", help="stop its running workspaces first")
    rename.add_argument("--dry-run", action="store_true", help="say what would move, change nothing")
    clear = add_command(
        group,
        "clear-staff",
        _clear_staff,
        "bring the course's newest notebooks to teachers",
        more=_CLEAR_MORE,
    )
    clear.add_argument("name", metavar="COURSE")
    clear.add_argument(
        "-s", "--student", metavar="NAME", dest="students", action="append", default=[],
        help="somebody else, too; may be given several times",
    )  # fmt: skip
    clear.add_argument("--dry-run", action="store_true", help="say which notebooks, change nothing")
    delete = add_command(group, "delete", _delete, "delete a course", more=_DELETE_MORE)
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument(
        "--with-workspaces", action="store_true", help="delete the students' files in this course too"
    )
    delete.add_argument(
        "--with-files", action="store_true", help="delete what teachers put into its drop areas too"
    )
    delete.add_argument("--dry-run", action="store_true", help="say what would be deleted, delete nothing")


def _rename(call: Call) -> int:
    old, new = call.args.name, call.args.new
    if call.args.dry_run:
        belongings = call.client.ask("GET", path("courses", old, "belongings"))
        return _show(call, belongings, "moves with it", stop=call.args.stop)
    renamed = call.follow("POST", path("courses", old, "rename"), {"to": new, "stop": call.args.stop})
    if call.console.as_json:
        call.console.json(renamed)
    else:
        call.console.line(f"{old}: renamed to {renamed['course']['name']}")
    return OK


def _show(call: Call, belongings: Shape, fate: str, *, stop: bool = True) -> int:
    """What there is of a course; exit code 1 when what was asked for would be refused."""
    refused = bool(belongings["awake"]) and not stop
    if call.console.as_json:
        call.console.json(belongings)
        return FAILED if refused else OK
    for directory in belongings["directories"]:
        amount = f"{size(directory['size'])} in {directory['files']} files"
        stays = "stays" if directory["kept"] and fate != "moves with it" else fate
        call.console.line(f"{directory['path']}: {stays}, {amount}")
    if belongings["image"]:
        call.console.line(f"image {belongings['image']}: {fate}")
    call.console.line(f"{belongings['workspaces']} workspaces with students' files")
    if belongings["awake"]:
        call.console.line(f"{len(belongings['awake'])} of them run now: {', '.join(belongings['awake'][:5])}")
    return FAILED if refused else OK


def _clear_staff(call: Call) -> int:
    body = {"students": call.args.students, "staff": True, "dry_run": call.args.dry_run}
    told = call.follow("POST", path("courses", call.args.name, "clear"), body)["cleared"]
    if not told and not call.console.as_json:
        call.console.line("Nobody of the staff has a workspace in this course.")
    if call.console.as_json:
        call.console.json(told)
    for one in [] if call.console.as_json else told:
        if "error" in one:
            call.console.error(f"{one['student']}: {one['error']}")
        else:
            done = "would be renewed" if call.args.dry_run else "renewed, the earlier ones kept aside"
            call.console.line(f"{one['student']}: {len(one['notebooks'])} notebooks {done}")
    return FAILED if any("error" in one for one in told) else OK


def _delete(call: Call) -> int:
    name, args = call.args.name, call.args
    if args.dry_run:
        belongings = call.client.ask("GET", path("courses", name, "belongings"))
        return _show(call, belongings, "would be deleted")
    if not args.yes:
        agreed = call.confirm(_question(name, workspaces=args.with_workspaces, files=args.with_files))
        if agreed is None:
            call.console.error("Nobody is here to ask: add --yes to delete without asking.")
            return USAGE
        if not agreed:
            call.console.error("Nothing was deleted.")
            return FAILED
    body = {"with_workspaces": args.with_workspaces, "with_files": args.with_files}
    answer = call.client.ask("DELETE", path("courses", name), body)
    deleted = answer["workspaces_deleted"]
    if call.console.as_json:
        call.console.json(answer)
    else:
        call.console.line(f"{name}: deleted" + (f", with {deleted} workspaces" if deleted else ""))
    return OK


def _question(name: str, *, workspaces: bool, files: bool) -> str:
    too = ["ALL STUDENTS' FILES IN IT"] if workspaces else []
    too += ["ITS DROP AREAS"] if files else []
    return f"Delete the course {' AND '.join([name, *too])}?"
