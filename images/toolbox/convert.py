"""A student's notebook under its new suffix: `convert.py '<request JSON>'`, what was done as JSON on standard output.

A course that turns `n.ipynb` into `n.md` leaves the student's work under the old name. This writes the new file beside
it, in the course's new format, with the student's cells and without results; it never overwrites, and the earlier file
stays. Runs in a throw-away container, as the student, and executes nothing.

Request: `earlier` and `notebook` (paths below `work`; `notebook` is also the course's file below `tree`), and optionally
`work` and `tree`. Answer: `{"converted": true}`, or false when there is a file of the new name already. Exit status:
0, or one of those below with the reason on standard error.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat

MISSING, UNREADABLE, TOO_LARGE, UNWRITABLE = 3, 4, 5, 6
"""Exit status: one of the two is not there; no notebook; larger than LARGEST; the new file could not be written."""

LARGEST = 64 << 20
_HEADER = {
    ".md": re.compile(r"\A---\n.*?\n---\n\n*", re.DOTALL),
    ".py": re.compile(r"\A# ---\n(?:#.*\n)*?# ---\n\n*"),
}
_MALFORMED = (
    AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError,
    nbformat.ValidationError, nbformat.reader.NotJSONError, jupytext.formats.JupytextFormatError,
)  # fmt: skip


class Complaint(Exception):
    """Why nothing was written; `status` is what the program ends with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def read_text(path: Path) -> str:
    """The text of a regular file. Raises Complaint."""
    try:
        # A pipe or a device would make us wait.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Complaint(MISSING, f"{path.name} is no plain file")
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Complaint(TOO_LARGE, f"{path.name} is too large")
        return content.decode().replace("\r\n", "\n")
    except OSError as error:
        raise Complaint(MISSING, f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Complaint(UNREADABLE, f"{path.name} is not UTF-8") from error


def read_notebook(path: Path) -> Any:
    """The notebook in a file of any of the three kinds. Raises Complaint."""
    text = read_text(path)
    try:
        return nbformat.reads(text, as_version=4) if path.suffix == ".ipynb" else _read(text, path.suffix)
    except _MALFORMED as error:
        raise Complaint(UNREADABLE, f"{path.name} is not a notebook: {type(error).__name__}") from error


def _read(text: str, suffix: str) -> Any:
    return jupytext.reads(text, fmt={"extension": suffix})


def converted(earlier: Any, course: str, suffix: str) -> str:
    """The student's cells in the format of the course's file, under its own header. Raises Complaint."""
    try:
        model = nbformat.reads(course, as_version=4) if suffix == ".ipynb" else _read(course, suffix)
        notebook = nbformat.v4.new_notebook(metadata=model.metadata)
        if "kernelspec" not in notebook.metadata and "kernelspec" in earlier.metadata:
            notebook.metadata["kernelspec"] = earlier.metadata["kernelspec"]
        notebook.cells = [_without_results(cell) for cell in earlier.cells]
        if suffix == ".ipynb":
            for cell in notebook.cells:
                cell.setdefault("id", secrets.token_hex(4))
            return str(nbformat.writes(notebook, version=4))
        told = model.metadata.get("jupytext", {}).get("text_representation", {})
        form = {"extension": suffix} | ({"format_name": told["format_name"]} if "format_name" in told else {})
        text = str(jupytext.writes(notebook, fmt=form))
    except _MALFORMED as error:
        raise Complaint(UNREADABLE, f"cannot be converted: {type(error).__name__}: {error}") from error
    # jupytext would leave out what it does not know of: the header is the course's, letter by letter.
    own = _HEADER[suffix].match(course)
    return (own[0].rstrip("\n") + "\n\n" if own else "") + _HEADER[suffix].sub("", text, count=1)


def _without_results(cell: Any) -> Any:
    if cell.cell_type == "code":
        cell.outputs = []
        cell.execution_count = None
    return cell


def place(path: Path, text: str) -> bool:
    """Give the whole text its name, at once; False when something has that name. Raises Complaint."""
    temporary = path.with_name(f".nbh-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(text.encode(errors="replace"))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        raise Complaint(UNWRITABLE, f"{path.name}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return True


def convert(request: dict[str, Any]) -> dict[str, bool]:
    """Do it. Raises Complaint."""
    work, tree = (
        Path(request.get("work", "/home/jovyan/work")),
        Path(request.get("tree", "/srv/course/current")),
    )
    target = work / request["notebook"]
    if os.path.lexists(target):
        return {"converted": False}
    earlier = read_notebook(work / request["earlier"])
    course = read_text(tree / request["notebook"])
    return {"converted": place(target, converted(earlier, course, target.suffix))}


def main() -> int:
    """Write the answer to standard output; the exit status."""
    try:
        answer = convert(json.loads(sys.argv[1]))
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\n")
        return complaint.status
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
