"""YAML that anybody may have written: composed into nodes with their lines, walked within limits, never executed.

A fault never stops a course: it is noted with its file and line, and the rest of the file counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from nbhostd.core.said import Said

LARGEST = 256 << 10
"""Bytes of one file."""

_MOST_NODES = 20_000
_MOST_FAULTS = 50
_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where; `line` counts from 1, 0 means the whole file. `grave`: something that was written is lost."""

    file: str
    line: int
    text: str
    grave: bool = True

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}"


class TooLarge(Exception):
    """A file has more in it than any course needs: an attempt to make us work."""


@dataclass
class YamlFaults:
    """Walks the nodes of one file after another, and notes what is wrong in them."""

    file: str = ""
    faults: list[Fault] = field(default_factory=list)
    nodes: int = 0

    def warn(self, node: yaml.Node | int | None, text: str, *, grave: bool = True) -> None:
        """Note a fault at a node, at a line, or of the whole file."""
        if len(self.faults) < _MOST_FAULTS:
            line = node.start_mark.line + 1 if isinstance(node, yaml.Node) else node or 0
            self.faults.append(Fault(self.file, line, text, grave))

    def compose(self, name: str, content: bytes) -> yaml.Node | None:
        """The top of a file, or None when nothing is in it or it cannot be read. From here on faults are this file's."""
        self.file = name
        if len(content) > LARGEST:
            self.warn(None, Said("ignored, it is larger than {most} kB", most=LARGEST >> 10))
            return None
        try:
            root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
        except UnicodeDecodeError:
            self.warn(None, Said("ignored, it is not UTF-8"))
        except RecursionError:
            self.warn(None, Said("ignored, it is nested too deeply"))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or Said("it cannot be read")
            line = mark.line + 1 if mark is not None else 0
            self.warn(line, Said("ignored, this is not YAML: {problem}", problem=problem[:100]))
        else:
            return None if root is None or is_null(root) else root
        return None

    def count(self) -> None:
        """An alias costs nothing in a file and much when it is followed: count what is really walked."""
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise TooLarge

    def items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The key, its node and the value of a mapping, each key once: the last one counts."""
        if not isinstance(node, yaml.MappingNode):
            self.warn(node, Said("{what} must be a mapping, “key: value”", what=what))
            return
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            self.count()
            if not isinstance(key, yaml.ScalarNode):
                self.warn(key, Said("a key must be a plain word"))
                continue
            if key.value in found:
                self.warn(key, Said("“{key}” is there twice, the last one counts", key=key.value[:40]))
            found[key.value] = (key, value)
        for name, (key, value) in found.items():
            yield name, key, value

    def mapping(self, node: yaml.Node, what: str, known: Sequence[str]) -> dict[str, yaml.Node]:
        """The known keys of a mapping with their values; what is unknown is noted."""
        parts = {}
        for key, key_node, value in self.items(node, what):
            if key in known:
                parts[key] = value
            else:
                self.warn(key_node, unknown(key, what, known))
        return parts

    def list(self, node: yaml.Node | None, what: str) -> Iterator[yaml.Node]:
        """The items of a list; nothing is an empty list."""
        if node is None or is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            self.warn(node, Said("{what} must be a list, “- …”", what=what))
            return
        for item in node.value:
            self.count()
            yield item

    def text(self, node: yaml.Node | None) -> str | None:
        """A plain value as it is written (2024 is as good a name as any), or None."""
        if node is None or is_null(node):
            return None
        if not isinstance(node, yaml.ScalarNode) or len(node.value) > _LONGEST_TEXT:
            self.warn(
                node,
                Said("must be a text")
                if not isinstance(node, yaml.ScalarNode)
                else Said("is too long a text"),
            )
            return None
        return str(node.value).strip()


def unknown(key: str, what: str, known: Sequence[str]) -> Said:
    """What is said of a key that means nothing there."""
    return Said(
        "unknown “{key}” in {what}; known are {known}", key=key[:40], what=what, known=", ".join(known)
    )


def is_null(node: yaml.Node) -> bool:
    """Whether a value is empty, ~ or null."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
