"""Commands that take several names at once: which ones, one result for each, and an exit code that tells."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from nbhostd.core.selection import is_pattern, select
from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call, WrongUsage
from nbhostd.ctl.console import FAILED, OK

RULE = "a plain word is one name, exactly; with * or ? (in quotes) it is a pattern: 'python-*'"


def add_courses(parser: argparse.ArgumentParser) -> None:
    """`NAME|PATTERN… | --all`, read by `courses`."""
    parser.add_argument("names", metavar="NAME|PATTERN", nargs="*", help=RULE)
    parser.add_argument("--all", action="store_true", help="every course there is")


def courses(call: Call) -> list[str]:
    """The courses that the command line means, by name. Raises WrongUsage, Failed(404)."""
    given: Sequence[str] = call.args.names
    if bool(given) == call.args.all:
        raise WrongUsage("Say which courses: names or patterns, or else --all.")
    if len(given) == 1 and not is_pattern(given[0]):
        return [given[0]]  # the daemon knows best whether it exists
    known = [course["name"] for course in call.client.ask("GET", path("courses"))["courses"]]
    return known if call.args.all else chosen(given, known, "course")


def chosen(words: Sequence[str], names: Iterable[str], noun: str) -> list[str]:
    """The names that the words mean. Raises Failed(404) when a word means none: a slip must not pass for success."""
    selection = select(words, names)
    if selection.strangers:
        word = selection.strangers[0]
        what = f"No {noun} matches" if is_pattern(word) else f"There is no {noun}"
        raise Failed(f"{what} “{word}”.", 404)
    return list(selection.names)


def each(call: Call, names: Sequence[str], work: Callable[[str], Shape], told: Callable[[Shape], str]) -> int:
    """Do one thing for each name, tell each one's result on a line (or all in JSON); what fails stops no other.

    The exit code is 1 when any of several failed. Raises Failed when there is only one and it fails.
    """
    results: list[Shape] = []
    for done, name in enumerate(names):
        if len(names) > 1:
            call.console.bar(done, len(names), name)
        try:
            result = work(name)
        except Failed as error:
            if len(names) == 1:
                raise
            call.console.error(f"{name}: {error.message}", error.detail)
            results.append({"name": name, "error": error.message, "status": error.status})
        else:
            results.append({"name": name, **result})
            if not call.console.as_json:
                call.console.line(f"{name}: {told(result)}")
    call.console.end_bar()
    if call.console.as_json:
        call.console.json(results)
    return FAILED if any("error" in result for result in results) else OK
