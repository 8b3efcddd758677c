"""What a notebook says of itself in its metadata: title, version, format. Of a text notebook only the header is read.

The header is jupytext's (jupytext.readthedocs.io, "Formats"): YAML between two lines '---', commented in scripts, with the
notebook's metadata below `jupyter:`, or for MyST at its top. Read here, and not by jupytext, because that would read whole
files with a YAML loader that hostile ones keep busy, and cost the service memory; the tests compare the two.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from nbhostd.core.names import NotebookPath
from nbhostd.core.said import Said

LARGEST_IPYNB = 4 << 20
"""Bytes; a larger one is not read."""

LONGEST_HEAD = 32 << 10
"""Bytes of a text notebook in which its header must end."""

_SMALL = 256 << 10
"""Bytes of an .ipynb up to which it is parsed whole."""

_LONGEST_TITLE = 200
_LONGEST_VERSION = 40
_RULE = re.compile(r"---\s*")
_CODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*[-_.a-zA-Z0-9]+")

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[{}\[\]]', re.DOTALL)

Tree = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """What a notebook says of itself, with the defaults where it says nothing."""

    title: str
    """One line: `nbhosting.title`, else `notebookname`, else its path."""
    version: str = ""
    """`nbhosting.version`, else `version`; '' when it says none, 'n/a' when it cannot be read."""
    format: str = ""
    """'ipynb', 'py:percent', 'py:light', 'md:markdown', 'md:myst', …; '' for a text that does not say."""
    show_up_down_buttons: bool = False

    @property
    def version_label(self) -> str:
        """The version as it is shown, 'v2.1': not at all when it is 1.0 or nothing but zeros."""
        plain = self.version.strip()
        return "" if plain in ("", "n/a", "1.0") or not plain.strip("0.") else f"v{plain}"


@dataclass(frozen=True, slots=True)
class NotebookHead:
    """The facts, and what only matters to those who judge the file."""

    facts: NotebookFacts
    kernel: str = ""
    """The name of its kernel, as `kernelspec` says."""
    trouble: str = ""
    """Why it cannot be read."""


def read_head(path: NotebookPath, content: bytes | None) -> NotebookHead:
    """What the beginning of a text notebook, or the whole of an .ipynb, says; None: it is too large to be read."""
    try:
        if path.suffix == ".ipynb":
            return _head(path, _json_metadata(content), "ipynb")
        return _head(path, _text_metadata(path, content or b""), "")
    except _Unreadable as error:
        format = "ipynb" if path.suffix == ".ipynb" else ""
        return NotebookHead(NotebookFacts(str(path), "n/a", format), trouble=error.why)


class _Unreadable(Exception):
    """Why."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)
        self.why = why


def _head(path: NotebookPath, metadata: Tree, format: str) -> NotebookHead:
    own, kernelspec = _tree(metadata, "nbhosting"), _tree(metadata, "kernelspec")
    title = _line(own.get("title")) or _line(metadata.get("notebookname")) or str(path)
    version = _line(own.get("version")) or _line(metadata.get("version"))
    representation = _tree(_tree(metadata, "jupytext"), "text_representation")
    name = _line(representation.get("format_name"))
    if not format and name:
        format = f"{path.suffix[1:]}:{name}"
    elif not format and metadata:
        format = path.suffix[1:]
    facts = NotebookFacts(
        title[:_LONGEST_TITLE],
        version[:_LONGEST_VERSION],
        format[:_LONGEST_VERSION],
        own.get("show_up_down_buttons") not in (None, False, 0, "", "0"),
    )
    return NotebookHead(facts, _line(kernelspec.get("name")))


def _json_metadata(content: bytes | None) -> Tree:
    if content is None or len(content) > LARGEST_IPYNB:
        raise _Unreadable(Said("it is larger than {most} MB", most=LARGEST_IPYNB >> 20))
    try:
        notebook = json.loads(content) if len(content) <= _SMALL else _outline(content)
    except RecursionError:
        raise _Unreadable(Said("it is nested too deeply")) from None
    except ValueError:
        raise _Unreadable(Said("it is not JSON")) from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("metadata"), dict):
        raise _Unreadable(Said("it is not a notebook: it has no metadata"))
    if not isinstance(notebook.get("cells"), list) and not isinstance(notebook.get("worksheets"), list):
        raise _Unreadable(Said("it is not a notebook: it has no cells"))
    metadata: Tree = notebook["metadata"]
    return metadata


def _outline(content: bytes) -> object:
    """A large notebook with its metadata and without its cells. Raises ValueError, RecursionError.

    A parser would hold the interpreter, and everybody with it, for a tenth of a second.
    """
    depth, key, start = 0, b"", 0
    found: dict[str, object] = {}
    for token in _TOKEN.finditer(content):
        text = token.group()
        if text in (b"{", b"["):
            depth += 1
            if depth == 2:
                start = token.start()
                if text == b"[":
                    found.setdefault(key.strip(b'"').decode(errors="replace"), [])
        elif text in (b"}", b"]"):
            depth -= 1
            if depth == 1 and key == b'"metadata"':
                found["metadata"] = json.loads(content[start : token.end()])
        elif depth == 1:
            key = text
    if depth:
        raise ValueError("not whole")
    return found


def _text_metadata(path: NotebookPath, content: bytes) -> Tree:
    head = content[:LONGEST_HEAD]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(content) == len(head))
    except UnicodeDecodeError:
        raise _Unreadable(Said("it is not UTF-8")) from None
    header = _header(text.splitlines(), script=path.suffix == ".py")
    if header is None:
        return {}
    try:
        root = yaml.compose(header, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", None) or "it cannot be read")
        raise _Unreadable(Said("its header is not YAML: {problem}", problem=problem[:100])) from None
    except RecursionError:
        raise _Unreadable(Said("its header is nested too deeply")) from None
    top = _Branch(root)
    if "jupyter" in top:
        return _tree(top, "jupyter")
    return top if "jupytext" in top or "kernelspec" in top else {}


def _header(lines: list[str], *, script: bool) -> str | None:
    """The YAML of a header, or None when there is none. Raises _Unreadable when it does not end."""
    rest = _stripped(lines, script=script)
    body: list[str] = []
    for line in rest:
        if _RULE.fullmatch(line):
            break
        if line.strip():
            return None
    else:
        return None
    for line in rest:
        if _RULE.fullmatch(line):
            return "\n".join(body)
        body.append(line)
    if not any(":" in line for line in body):
        return None  # a thematic break, not a header
    raise _Unreadable(Said("its header does not end"))


def _stripped(lines: list[str], *, script: bool) -> Iterator[str]:
    """Lines without what comments them out; they end where a script's comment does."""
    for number, line in enumerate(lines):
        if not script:
            if not line.strip().startswith("<!--"):
                yield line
            continue
        if number < 2 and (line.startswith("#!") or _CODING.match(line)):
            continue
        if not line.startswith("#"):
            return
        yield line[2:] if line.startswith("# ") else line[1:]


class _Branch(Mapping[str, object]):
    """A YAML mapping as it is asked for, without ever following more than that: aliases cost nothing."""

    def __init__(self, node: yaml.Node | None) -> None:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        self._values = {key.value: value for key, value in pairs if isinstance(key, yaml.ScalarNode)}

    def __getitem__(self, key: str) -> object:
        node = self._values[key]
        return _Branch(node) if isinstance(node, yaml.MappingNode) else _scalar(node)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _scalar(node: yaml.Node) -> object:
    """A plain value as it is written (1.10 is not 1.1), or as the truth value that it is."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    kind, text = node.tag.rpartition(":")[2], str(node.value)
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    return None if kind == "null" else text


def _tree(metadata: Tree, key: str) -> Tree:
    value = metadata.get(key)
    return value if isinstance(value, Mapping) else {}


def _line(value: object) -> str:
    """A plain value as one line of text; '' for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    words = " ".join(str(value).split())
    return "".join(character for character in words if character.isprintable())
