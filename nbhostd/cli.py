"""nbhostctl: its command line, and what becomes of errors. The commands are in `ctl/`."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from nbhostd import __version__
from nbhostd.adapters.archive import TarArchives
from nbhostd.adapters.config_file import read_config, read_keyring
from nbhostd.adapters.etcfiles import EtcFiles
from nbhostd.adapters.host import SystemClock
from nbhostd.adapters.mailtexts import mail_text_faults
from nbhostd.adapters.predecessor import DataRoot
from nbhostd.adapters.rawfiles import DiskRawFiles
from nbhostd.core.errors import ConfigError
from nbhostd.ctl import (
    audit,
    backup,
    builds,
    classroom,
    courses,
    dropareas,
    groups,
    images,
    imports,
    jobs,
    people,
    register,
    residents,
    restore,
    shares,
    stats,
    workspaces,
)
from nbhostd.ctl.client import DEFAULT_SOCKET, Client, Failed, Unreachable
from nbhostd.ctl.command import Call, WrongUsage
from nbhostd.ctl.console import FAILED, UNREACHABLE, USAGE, Console, exit_code

_CONFIG = "/etc/nbhostd/nbhostd.toml"
_LAUNCH_KEY = "/etc/nbhostd/launch.key"
_MAIL_TEXTS = "/etc/nbhostd/mail"

_DESCRIPTION = "Administers nbhostd, which hosts Jupyter notebooks for a class."

_MORE = """\
first steps:
  nbhostctl check                                   is this computer ready, and for how many students?
  nbhostctl image build minimal                     the image that notebooks run in
  nbhostctl course create NAME GIT-URL              a course from its git repository
  nbhostctl launch-url NAME NOTEBOOK STUDENT        a URL to try it with
  nbhostctl user create NAME --admin                the first administrator: prints a link to choose a password
  nbhostctl status                                  who is working

`nbhostctl COMMAND --help` has examples. It asks the daemon through a socket that only root opens.

Several courses (or students) at once: a plain word is one name, exactly; with * or ? (quote them) it is a
pattern. 'python' means the course python and never python-mooc; 'python*' means both. A word that means nothing is
an error, before anything is done.

exit codes:
  0   done                         2   wrong usage, or a refused configuration
  1   refused or failed (any)      3   there is no such course, job or workspace
  69  the daemon cannot be asked"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="nbhostctl",
        description=_DESCRIPTION,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"nbhostctl {__version__}")
    top.add_argument(
        "--socket", metavar="PATH", default=DEFAULT_SOCKET, help=f"the daemon's socket ({DEFAULT_SOCKET})"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    courses.add(commands)
    classroom.add(commands)
    people.add(commands)
    groups.add(commands)
    register.add(commands)
    dropareas.add(commands)
    images.add(commands)
    imports.add(commands, DataRoot)
    builds.add(commands)
    workspaces.add(commands)
    residents.add(commands)
    shares.add(commands)
    stats.add(commands, DiskRawFiles())
    jobs.add(commands)
    audit.add(commands)
    archives, configuration = TarArchives(), EtcFiles(Path(_CONFIG).parent)
    backup.add(commands, archives, configuration)
    restore.add(commands, archives, configuration)
    workspaces.check_add(commands)
    return top


def run(call: Call) -> int:
    """Do what the command line says; the exit code."""
    try:
        code: int = call.args.run(call)
    except WrongUsage as error:
        call.console.error(str(error))
        return USAGE
    except Unreachable as error:
        call.console.error(str(error))
        return UNREACHABLE
    except Failed as error:
        call.console.error(error.message, error.detail)
        return exit_code(error.status)
    return code


def _confirm(question: str) -> bool | None:
    if not sys.stdin.isatty():
        return None
    sys.stderr.write(f"{question} [yes/no] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _ask_secret(question: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    secret = getpass.getpass(question)
    if getpass.getpass("Once more: ") != secret:
        raise Failed("The two passwords differ.", 400)
    return secret


def _execute(command: tuple[str, ...]) -> None:
    sys.stdout.flush()
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed.", 500) from None


def _config_faults() -> tuple[str, ...]:
    faults: list[str] = []
    for read, file in ((read_config, _CONFIG), (read_keyring, _LAUNCH_KEY)):
        try:
            read(Path(file))
        except ConfigError as error:
            faults += error.faults
    return (*faults, *mail_text_faults(Path(_MAIL_TEXTS)))


def main() -> None:
    """The entry point; SystemExit(2) on wrong usage."""
    args = parser().parse_args()
    console = Console(sys.stdout, sys.stderr, as_json=args.json)
    call = Call(
        args, Client(args.socket, console.error), console, SystemClock().now(),
        confirm=_confirm, execute=_execute, config_faults=_config_faults, ask_secret=_ask_secret,
    )  # fmt: skip
    try:
        code = run(call)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130  # as a shell reports SIGINT
    except OSError as error:
        # Python must not complain about standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # else whoever read us has gone, and wants to hear nothing
            sys.stderr.write(f"nbhostctl: what was to be said could not be written: {error.strerror}\n")
        code = FAILED
    sys.exit(code)


if __name__ == "__main__":
    main()
