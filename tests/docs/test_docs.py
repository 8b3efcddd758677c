"""What README and docs/ say is what the programs do: links, commands, settings, samples and messages."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from nbhostd.cli import parser
from nbhostd.core.config import Config, parse_config
from nbhostd.core.coursefile import LAYERS, read_settings
from nbhostd.web import faults

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
ADMINISTRATOR = ROOT / "docs/administrator"
PARSER = parser()

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_CODE = re.compile(r"`([^`\n]+)`")
_PLACEHOLDERS = {"NUMBER": "12", "COURSE/STUDENT": "c/s", "minimal|scipy|COURSE": "minimal"}
"""What stands for a value that the parser would look into."""
_NOT_STUDENTS = ("context.py",)
_STUDENTS_FLOORS = ("web", "adapters/desk_files.py", "adapters/desk_paths.py", "core/access.py", "core/urls.py",
                    "core/tickets.py")  # fmt: skip
# Said to an administrator about a course's file, or a drop area's, only.
_NEVER_SHOWN = {"bad-notebook-url-format", "no-such-file"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as the usual viewers make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def samples(text: str) -> Iterator[str]:
    """The lines of indented samples, and of fenced ones without a language or in sh."""
    for language, block in _FENCE.findall(text):
        if language in ("", "sh"):
            yield from block.splitlines()
    yield from re.findall(r"^    +(?! )(.+)$", _FENCE.sub("", text), re.M)


def in_sentences(text: str) -> list[str]:
    """What stands in code style inside of sentences and tables."""
    return _CODE.findall(_FENCE.sub("", text))


def commands(text: str) -> Iterator[str]:
    """Every nbhostctl command of a page: a line of a sample, or code in a sentence."""
    for sample in [*samples(text), *in_sentences(text)]:
        if (found := re.search(r"(?:^|-- |sudo )(nbhostctl .+)$", sample)) is not None:
            yield re.sub(r"\s+#.*$", "", found[1])


COMMANDS = sorted(
    {(name(page), command) for page in PAGES for command in commands(page.read_text(encoding="utf-8"))}
)


def settings() -> list[str]:
    return [f"{section.name}.{key}" for section in fields(Config) for key in section.default.__slots__]  # type: ignore[union-attr]


def fenced(language: str) -> list[tuple[str, str]]:
    return [
        (name(page), block)
        for page in PAGES
        for found, block in _FENCE.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        assert not fragment or fragment in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_found_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {
        (ROOT / link.partition("#")[0]).resolve() for link in _LINK.findall(readme) if "://" not in link
    }
    assert {name(page) for page in (ROOT / "docs").rglob("*.md")} <= {
        name(page) for page in linked if page.is_relative_to(ROOT)
    }


def is_a_name(words: list[str]) -> bool:
    """Whether these words are the name of a command (or of a group of them), nothing less and nothing more."""
    at = PARSER
    for word in words:
        groups = [action for action in at._actions if isinstance(action, argparse._SubParsersAction)]
        if not groups or word not in groups[0].choices:
            return False
        at = groups[0].choices[word]
    return bool(words)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_nbhostctl_line_is_one(page: str, command: str) -> None:
    for placeholder, value in _PLACEHOLDERS.items():
        command = command.replace(placeholder, value)
    if "|" in command or "COMMAND" in command:
        return  # a scheme, not a command: `nbhostctl course create|pull|…`
    words = shlex.split(command)[1:]
    if is_a_name(words):
        return
    try:
        PARSER.parse_args(words)
    except SystemExit as end:
        assert end.code == 0, f"{page}: {command}"


def test_commands_are_looked_at() -> None:
    assert len(COMMANDS) > 40
    assert {"README.md", "docs/administrator/operation.md"} <= {page for page, _ in COMMANDS}


@pytest.mark.parametrize(("page", "sample"), fenced("toml"))
def test_every_sample_of_the_configuration_is_accepted(page: str, sample: str) -> None:
    parse_config(tomllib.loads(sample))


@pytest.mark.parametrize(("page", "sample"), fenced("yaml"))
def test_every_sample_of_a_courses_file_is_without_fault(page: str, sample: str) -> None:
    files = frozenset({"w1/intro.md", "w1/w1-s1.md", "w2/b/c.ipynb", "w0/data/x.csv", "media/y.svg"})
    assert read_settings([(LAYERS[0], sample.encode())], files).warnings == ()


def test_there_are_samples_of_both() -> None:
    assert fenced("toml")
    assert fenced("yaml")


@pytest.mark.parametrize("setting", settings())
def test_every_setting_is_in_the_manual_and_explained(setting: str) -> None:
    section, _, key = setting.partition(".")
    manual = (ROOT / "packaging/man/nbhostd.toml.5").read_text(encoding="utf-8")
    of_section = manual.partition(f".SH [{section}]")[2].partition(".SH [")[0]
    assert f"\\fB{key}\\fP" in of_section
    pages = "".join(page.read_text(encoding="utf-8") for page in ADMINISTRATOR.glob("*.md"))
    assert f"`{key}`" in pages or f"{key} =" in pages or (section == "paths" and "`[paths]`" in pages)


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [*samples(text), *in_sentences(text)]
        named = {found[1] for line in lines if (found := re.match(r"make ([a-z]+)\b", line))}
        assert named <= targets | {"book"}, name(page)


def test_every_file_of_ours_that_is_named_exists() -> None:
    """Paths of the checkout in code style; those of an installed system begin with a slash."""
    top = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build"}
    for page in PAGES:
        for code in in_sentences(page.read_text(encoding="utf-8")):
            path = code.split()[0]
            if path.partition("/")[0] in top and "/" in path and not re.search(r"[*…]|COURSE", path):
                assert (ROOT / path).exists(), f"{name(page)}: {code}"


def test_pages_that_the_source_names_exist() -> None:
    for source in [*(ROOT / "nbhostd").rglob("*.py"), *(ROOT / "packaging").rglob("*")]:
        if source.is_file() and source.suffix in ("", ".py", ".sh", ".8", ".5"):
            for page in re.findall(r"docs/[\w/-]+\.md", source.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{name(source)}: {page}"


def reasons() -> Iterator[str]:
    """Every reason that a student may be shown: of pages, of failed starts, of the proxy and the desk."""
    yield from faults._WORDS
    yield from faults._FAILURES
    yield from ("asleep", "start", "timeout", "crashed")
    for floor in _STUDENTS_FLOORS:
        path = ROOT / "nbhostd" / floor
        for source in [path] if path.is_file() else path.glob("*.py"):
            if source.name not in _NOT_STUDENTS and not source.name.startswith("control"):
                for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                    if (
                        isinstance(node, ast.keyword)
                        and node.arg == "reason"
                        and isinstance(node.value, ast.Constant)
                    ):
                        yield str(node.value.value)


@pytest.mark.parametrize("reason", sorted(set(reasons()) - _NEVER_SHOWN))
def test_every_reason_shown_to_students_is_explained(reason: str) -> None:
    rows = (ADMINISTRATOR / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    assert any(f"`{reason}`" in row.split("|")[1] for row in rows if row.startswith("|"))


@cache
def said() -> str:
    """Every text in the source of the package, one per line, with U+2026 for what is filled in."""
    texts = []
    for source in (ROOT / "nbhostd").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                texts.append("".join(map(str, parts)))
    return "\n".join(texts)


def quotes() -> list[str]:
    """The messages that the table for administrators quotes, in italics; those of other programs name them."""
    text = (ADMINISTRATOR / "troubleshooting.md").read_text(encoding="utf-8")
    table = text.partition("## What administrators see")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    found = [quote for cell in cells if "(Podman)" not in cell for quote in re.findall(r"\*([^*]+)\*", cell)]
    return [quote for quote in found if quote != "activating"]  # systemctl's own word


_FILLED_IN = re.compile(r"“?…”?|nbh-N\.service|\bN\b|/run/nbhostd/control\.sock|\w[\w-]+\.socket|: ")
"""What a quoted message does not say literally: names, numbers, and where two texts are put together."""


@pytest.mark.parametrize("quote", quotes())
def test_every_message_that_is_quoted_is_said(quote: str) -> None:
    for part in _FILLED_IN.split(quote):
        assert part.strip(" .,") in said(), quote


@pytest.mark.parametrize("floor", ["core", "adapters", "services", "web"])
def test_every_module_stands_once_on_the_map_of_the_code(floor: str) -> None:
    text = (ROOT / "docs/contributor/architecture.md").read_text(encoding="utf-8")
    section = re.search(rf"^\*\*{floor}\*\*$(.*?)(?=^\*\*|^Outside)", text, re.M | re.S)
    assert section
    named = re.findall(r"`(\w+)`", section[1])
    assert [name for name in set(named) if named.count(name) > 1] == []
    rooms = {path.stem for path in (ROOT / "nbhostd" / floor).glob("*.py")} - {"__init__"}
    # The rooms of the control API are one line together.
    missing = {name for name in rooms - set(named) if not name.startswith("control_")}
    assert (missing, set(named) - rooms) == (set(), set())
