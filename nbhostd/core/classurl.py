"""Addresses of the classroom's page: `/auditor/notebook/COURSE[:TRACK][@VIEW][/PATH]`, the predecessor's, both ways."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from nbhostd.core.errors import Refused
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import OpenRequest, launch_stem, open_path

PREFIX = "/auditor/notebook/"


class View(enum.StrEnum):
    """What the page shows beside its list of notebooks."""

    NOTEBOOK = ""
    LAB = "jlab"
    TREE = "classic"
    """Jupyter's own list of files."""
    BUILD = "build"


_JUPYTER = {View.LAB: "lab", View.TREE: "tree"}


@dataclass(frozen=True, slots=True)
class ClassAddress:
    """What a classroom's page is about. `path` is a notebook, a path in Jupyter, or a build's id; '' for none."""

    course: CourseName
    track: str = ""
    view: View = View.NOTEBOOK
    path: str = ""


def parse_class(raw_path: str) -> ClassAddress:
    """What an address asks for, given as it came, percent-encoded. Raises Refused(400).

    Of a notebook up to two trailing `.ipynb` are dropped, as in launches; doubled and trailing slashes do not matter.
    """
    parts = [_decoded(part) for part in raw_path.removeprefix(PREFIX).split("/") if part]
    if not parts:
        raise Refused(
            "A classroom's address is /auditor/notebook/COURSE.", status=404, reason="not-a-classroom"
        )
    head, path = parts[0], "/".join(parts[1:])
    head, view = _view(head)
    course, _, track = head.partition(":")
    if view is View.NOTEBOOK and path:
        path = NotebookPath.parse(launch_stem(path))
    elif path:
        NotebookPath.parse(path)
    return ClassAddress(CourseName.parse(course), track, view, path)


def _view(head: str) -> tuple[str, View]:
    before, at, last = head.rpartition("@")
    if at and last and last in set(View):
        return before, View(last)
    return head, View.NOTEBOOK


def _decoded(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeError as error:
        raise Refused("This address is not UTF-8.", reason="bad-encoding") from error


def class_path(address: ClassAddress) -> str:
    """The address, percent-encoded; it parses back to the same."""
    head = quote(address.course, safe="")
    if address.track:
        head += ":" + quote(address.track, safe="")
    if address.view is not View.NOTEBOOK:
        head += f"@{address.view.value}"
    return PREFIX + head + (f"/{quote(address.path, safe='/')}" if address.path else "")


def frame_path(address: ClassAddress, student: StudentName) -> str:
    """The launch that the page's frame shows: a notebook's or Jupyter's, for a student who is logged in."""
    if address.view is View.NOTEBOOK:
        notebook = NotebookPath.parse(address.path)
        return open_path(OpenRequest(address.course, notebook, student, Mode.CLASSROOM))
    page = _JUPYTER[address.view]
    if address.path:
        page += ("/tree/" if address.view is View.LAB else "/") + quote(address.path, safe="/")
    return open_path(OpenRequest(address.course, None, student, Mode.CLASSROOM, page))


def notebook_address(course: CourseName, track: str, notebook: NotebookPath) -> ClassAddress:
    """The page of one notebook, called as launches call it."""
    return ClassAddress(course, track, View.NOTEBOOK, launch_stem(notebook))
