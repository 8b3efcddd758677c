"""nbhostctl pull-students."""

from __future__ import annotations

from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command
from nbhostd.ctl.console import FAILED
from nbhostd.ctl.selection import add_courses, courses, each

_MORE = """\
examples:
  nbhostctl pull-students algo                          everybody, after pulling the course if its autopull is on
  nbhostctl pull-students algo --dry-run                who is behind, and who would get a conflict
  nbhostctl pull-students algo -k -s alice -s 'grp2-*'  some students, the course as it is published
  nbhostctl pull-students algo -s bob --reset-if-needed bob's clone as the course is, if nothing else works
  nbhostctl pull-students algo -s eve --resync          eve's files put aside, and a new clone

For each student the first that works: fast-forward; merge; the outputs stripped from changed
notebooks, what is changed committed, and merged; else nothing, and the report says which files conflict. A
student's work is never lost: the report says under which name what was there is kept. Servers
that run are left alone, and are not told. Ctrl-C leaves it running: nbhostctl job list, job cancel.

exit code: 1 when some student could not be brought what the course has."""


def add(parsers: SubParsers) -> None:
    """The parser."""
    command = add_command(
        parsers, "pull-students", _pull_students, "bring a course's new commits into its students' clones", more=_MORE
    )  # fmt: skip
    add_courses(command)
    command.add_argument(
        "-s", "--student", metavar="NAME|PATTERN", action="append", default=[], dest="students",
        help="only these students; may be given several times",
    )  # fmt: skip
    command.add_argument("-k", "--skip-course", action="store_true", help="do not pull the course first")
    command.add_argument("-n", "--dry-run", action="store_true", help="say what would happen, change nothing")
    how = command.add_mutually_exclusive_group()
    how.add_argument(
        "-r", "--reset-if-needed", action="store_const", const="if-needed", dest="reset",
        help="where no merge is possible, put the branch where the course is",
    )  # fmt: skip
    how.add_argument(
        "-R", "--reset", action="store_const", const="always", dest="reset",
        help="put each branch where the course is, whatever is in it (with -s)",
    )  # fmt: skip
    how.add_argument(
        "--resync", action="store_true", help="put the student's files aside and clone anew (with -s)"
    )
    command.set_defaults(reset="no")


def _pull_students(call: Call) -> int:
    args = call.args
    if (args.resync or args.reset == "always") and not args.students:
        raise WrongUsage(
            "A reset or resync of every clone is not a default: name the students, -s '*' for all."
        )
    body = {
        "students": args.students,
        "reset": args.reset,
        "resync": args.resync,
        "dry_run": args.dry_run,
        "skip_course": args.skip_course,
    }
    reports: list[Shape] = []

    def pull(name: str) -> Shape:
        report = call.follow("POST", path("courses", name, "pull-students"), body)
        reports.append(report)
        return report

    code = each(call, courses(call), pull, lambda report: str(report["summary"]))
    well = all(one["good"] for report in reports for one in report["students"])
    return code if well else FAILED
