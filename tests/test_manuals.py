"""The manual pages and the completion know what the programs know."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbhostd.cli import parser

ROOT = Path(__file__).parents[1]
MAN = ROOT / "packaging/man"


def commands(of: argparse.ArgumentParser, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that does something, as its words."""
    groups = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield so_far
    for group in groups:
        for name, sub in group.choices.items():
            yield from commands(sub, (*so_far, name))


COMMANDS = sorted(commands(parser()))


def complete(*words: str) -> list[str]:
    """What the completion offers for the last word."""
    script = (
        f'source {ROOT}/packaging/completion/nbhostctl; nbhostctl() {{ :; }}; COMP_WORDS=("$@");'
        ' COMP_CWORD=$(($# - 1)); _nbhostctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    argv = ("bash", "-euc", script, "bash", "nbhostctl", *words)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_manual(words: tuple[str, ...]) -> None:
    page = (MAN / "nbhostctl.8").read_text().replace("\\-", "-").replace('"', "")
    assert any(line.startswith(".") and f" {' '.join(words)}" in line for line in page.splitlines())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_completed(words: tuple[str, ...]) -> None:
    for place in range(len(words)):
        assert words[place] in complete(*words[:place], words[place][:2])


def test_the_configurations_page_is_what_the_program_says() -> None:
    argv = (sys.executable, str(MAN / "config-page"))
    page = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert page == (MAN / "nbhostd.toml.5").read_text(), "run packaging/man/config-page again"
