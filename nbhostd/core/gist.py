"""The gist of a notebook: a digest of what a person writes in it, its cells' types and sources in their order.

Jupyter rewrites a file at its first save: header, metadata, outputs, cells' ids, blank lines between cells. None of these
is in the gist. Text formats are read line by line, without jupytext and without a YAML loader (see notebookmeta.py); the
tests compare the two. Standard library only: the desk reads students' files with this.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

LARGEST = 2 << 20
"""Bytes; a larger notebook has no gist: a parser holds the interpreter."""

_RULE = re.compile(r"---\s*")
_HTML = re.compile(r"<!--\s*#(region|endregion|md|raw)\b")
_PERCENT = re.compile(r"#\s*%%+(?:\s|$)")
_TYPE = re.compile(r"\[(markdown|md|raw)\]")
_LIGHT = re.compile(r"#\s*[+-]\s*(?:\{.*\}\s*)?$")
"""A cell's beginning or, as much, its end: which one is there depends on metadata."""
_FENCE = re.compile(r"(```+|~~~+)\s*(\{[\w-]+\}|[^\s{]*)")
_OPTION = re.compile(r":[\w-]+:")
_BLOCK_BREAK = re.compile(r"\+\+\+(?:\s*\{.*\})?\s*$")


def gist(suffix: str, content: bytes) -> str:
    """The gist (hex) of a notebook with this suffix ('.ipynb', '.py', '.md'); '' when it cannot be told."""
    if len(content) > LARGEST:
        return ""
    try:
        if suffix == ".ipynb":
            written: list[object] = list(_cells(json.loads(content)))
        else:
            written = list(_text(content.decode(), script=suffix == ".py"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError):
        return ""
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def _cells(notebook: dict[str, list[dict[str, object]]]) -> Iterator[tuple[str, str]]:
    """Type and source of the cells that have one. Raises what a hostile notebook makes it raise."""
    for cell in notebook["cells"]:
        source = cell["source"]
        text = "".join(source) if isinstance(source, list) else source
        if not isinstance(text, str):
            raise TypeError("a source is text")
        if text.strip():
            yield str(cell["cell_type"]), text


def _text(content: str, *, script: bool) -> Iterator[str]:
    """The lines that count: of marks only what they begin, blank ones once, and none beside a mark.

    A mark that says nothing but "here is a border" counts once, and in MyST only where there is no other.
    """
    blank, beside, before, border = False, True, "", False
    for line, is_mark in _lines(content, script=script):
        if not line:
            blank = True
        elif line == "+++":
            border = before != "" and not beside
        elif line != "# +" or before != line:
            if border and not is_mark:
                yield "+++"
            elif blank and not beside and not is_mark:
                yield ""
            yield line
            blank, beside, before, border = False, is_mark, line, False


def _lines(content: str, *, script: bool) -> Iterator[tuple[str, bool]]:
    """Each line after the header, without blanks at its end; and whether it is the mark of a cell."""
    lines = [line.rstrip() for line in content.removeprefix("\ufeff").split("\n")]
    lines = lines[_after_header(lines, script=script) :]
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        mark = _script_mark(line) if script else _page_mark(line)
        if mark is not None and mark.endswith("{code-cell}"):
            at = _after_options(lines, at)
        yield (line, False) if mark is None else (mark, True)


def _script_mark(line: str) -> str | None:
    """What a mark in a script begins; None for all else."""
    if _PERCENT.match(line):
        kind = _TYPE.search(line)
        return f"# %% {kind[1].replace('markdown', 'md') if kind else 'code'}"
    return "# +" if _LIGHT.fullmatch(line) else None


def _page_mark(line: str) -> str | None:
    """The same in a markdown; a fence is one, too."""
    if _BLOCK_BREAK.fullmatch(line):
        return "+++"
    if found := _HTML.match(line):
        return f"<!-- {found[1]}"
    fence = _FENCE.match(line)
    return f"{fence[1]}{fence[2]}" if fence else None


def _after_header(lines: list[str], *, script: bool) -> int:
    """The place of the first line after jupytext's header; 0 when there is none."""
    begun, named = False, False
    for at, line in enumerate(lines):
        if script and line and not line.startswith("#"):
            return 0
        text = line.removeprefix("#").removeprefix(" ") if script else line
        if _RULE.fullmatch(text):
            if begun:
                return at + 1 if named else 0
            begun = True
        elif begun:
            named = named or ":" in text
        elif text and not (script and line.startswith("#!")):
            return 0
    return 0


def _after_options(lines: list[str], at: int) -> int:
    """The place of the first line of a MyST code cell that is no option of it."""
    if at < len(lines) and _RULE.fullmatch(lines[at]):
        for end in range(at + 1, len(lines)):
            if _RULE.fullmatch(lines[end]):
                return end + 1
        return at
    while at < len(lines) and _OPTION.match(lines[at]):
        at += 1
    return at
