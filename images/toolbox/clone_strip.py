"""Notebooks without their outputs: what a student ran is no reason for a conflict with the course."""

import json
import re
from collections.abc import Mapping
from typing import Any

LARGEST = 64 << 20  # bytes
# What Jupyter writes by itself into a notebook, at each save or at each run.
NOT_WORK = frozenset({"kernelspec", "language_info", "widgets", "toc", "varInspector"})
NOT_WORK_IN_CELL = frozenset({"execution", "ExecuteTime", "collapsed", "scrolled", "trusted"})


def read(content: bytes) -> dict[str, Any] | None:
    """The notebook in those bytes, or None when that is no notebook of format 4."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        return None
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    return notebook


def keeps_output(item: Mapping[str, Any]) -> bool:
    """Whether the notebook, or the cell, asks for its outputs to stay (`keep_output`, as the usual tools read it)."""
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return False
    tags = metadata.get("tags")
    return bool(metadata.get("keep_output")) or (isinstance(tags, list) and "keep_output" in tags)


def stripped(content: bytes, former: bytes | None) -> bytes | None:
    """The notebook without outputs, or None when there is nothing to strip.

    A notebook that was only run, whose cells are still those of `former`, becomes `former` itself to the byte; another
    is written with former's indentation, so that a merge sees only the lines that the student changed.
    """
    notebook = read(content)
    if notebook is None or keeps_output(notebook):
        return None
    known = read(former) if former is not None else None
    if former is not None and known is not None and essence(notebook) == essence(known):
        return former if former != content else None
    if not strip(notebook):
        return None
    try:
        text = json.dumps(notebook, indent=indentation(former or content), ensure_ascii=False)
        return (text + "\n" * (former or content).endswith(b"\n")).encode()
    except (UnicodeEncodeError, RecursionError):
        return None


def strip(notebook: dict[str, Any]) -> bool:
    """Take outputs and counts out of the notebook; whether there were any."""
    changed = False
    for cell in notebook["cells"]:
        if cell.get("cell_type") != "code" or keeps_output(cell):
            continue
        changed = changed or bool(cell.get("outputs")) or cell.get("execution_count") is not None
        cell["outputs"], cell["execution_count"] = [], None
        for metadata in (cell.get("metadata"),):
            if isinstance(metadata, dict):
                metadata.pop("execution", None)
                metadata.pop("ExecuteTime", None)
    return changed


def essence(notebook: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a notebook is somebody's work: cells in order, and metadata that Jupyter does not write by itself."""
    return (
        work_of(notebook.get("metadata"), NOT_WORK),
        tuple(
            (
                cell.get("cell_type"),
                text_of(cell.get("source")),
                cell.get("attachments") or None,
                work_of(cell.get("metadata"), NOT_WORK_IN_CELL),
            )
            for cell in notebook["cells"]
        ),
    )


def work_of(metadata: object, not_work: frozenset[str]) -> object:
    """The metadata without Jupyter's own."""
    if not isinstance(metadata, dict):
        return metadata
    return {key: value for key, value in metadata.items() if key not in not_work}


def text_of(source: object) -> object:
    """A cell's text, which the format writes as one string or as lines."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source


def indentation(content: bytes) -> int:
    """The indentation that a notebook's file is written with; Jupyter's own is 1."""
    match = re.match(rb"\s*\{\r?\n( {1,8})\"", content)
    return len(match[1]) if match else 1
