"""What every command of nbhostctl has: its arguments, the daemon to ask, and where to write."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbhostd.ctl.client import Client, Shape
from nbhostd.ctl.console import WARNINGS, Console


class WrongUsage(Exception):
    """Arguments that do not go together, where argparse cannot see it: exit code 2."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of nbhostctl."""

    args: argparse.Namespace
    client: Client
    console: Console
    now: datetime
    confirm: Callable[[str], bool | None]
    """Asks a person yes or no; None when nobody is there to answer."""
    execute: Callable[[tuple[str, ...]], None]
    """Becomes another program."""
    config_faults: Callable[[], tuple[str, ...]]
    """What is wrong with the configuration files on this computer."""
    ask_secret: Callable[[str], str] = input
    """Asks a person for a password, unseen; from standard input where nobody is there."""

    def follow(self, method: str, url: str, body: Shape | None = None) -> Shape:
        """Ask for something long and show its lines as they come, and how far it is; its result."""
        return self._follow(method, url, body, self.console.progress)

    def follow_quietly(self, method: str, url: str, body: Shape | None = None) -> Shape:
        """The same, showing only its warnings and how far it is: for one of several."""

        def warnings_only(line: str) -> None:
            if line.startswith(WARNINGS):
                self.console.progress(line)

        return self._follow(method, url, body, warnings_only)

    def _follow(self, method: str, url: str, body: Shape | None, on_line: Callable[[str], None]) -> Shape:
        result: Shape = {}
        for shape in self.client.stream(method, url, body):
            if "line" in shape:
                on_line(shape["line"])
            elif "progress" in shape:
                self.console.bar(*shape["progress"])
            else:
                result = shape["result"]
        self.console.end_bar()
        return result


Run = Callable[[Call], int]
SubParsers = Any  # argparse's own name for it is private


def add_command(
    parsers: SubParsers, name: str, run: Run, summary: str, *, more: str = "", json: bool = True
) -> argparse.ArgumentParser:
    """A subcommand's parser, with `--json` unless it makes no sense there; `more` is shown under its options."""
    parser: argparse.ArgumentParser = parsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=more or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, json=False)
    if json:
        parser.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    return parser


def add_group(parsers: SubParsers, name: str, summary: str, *, more: str = "") -> SubParsers:
    """A command that only has subcommands."""
    parser = parsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=more or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def on_or_off(text: str) -> bool:
    """An argparse type."""
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError("write on or off")
    return text == "on"
