"""URLs, both ways: what an LMS asks for, and where a browser is sent.

The launch names are the predecessor's; courses out there depend on them, so they never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, unquote_to_bytes, urlencode, urlsplit

from nbhostd.core.errors import Refused
from nbhostd.core.headers import host_name
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId

MOOC_NAMES = ("ipythonExercice", "notebookLazyCopy")
"""First segments of a launch in MOOC mode; the first one is the oldest and the one we write."""
CLASSROOM_NAME = "notebookGitRepo"
"""First segment of a launch that opens a notebook in the student's own clone of the course."""
PAGE_NAME = "ipythonForward"
"""First segment of a launch that opens a page of Jupyter itself, in that clone."""
LAUNCH_NAMES = (*MOOC_NAMES, CLASSROOM_NAME, PAGE_NAME)

OWN_PARAMETERS = ("expires", "nonce", "key", "signature", "forcecopy", "course", "student", "token")
"""Query parameters that belong to a launch or that we add ourselves: Jupyter's page does not get them from a link."""
_PAGES = ("lab", "tree")

DEFAULT_NOTEBOOK_URL = "notebooks/{notebook}"

_LABEL = re.compile(r"[a-z2-7]{26}")
_PLACEHOLDER = "{notebook}"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A launch URL, parsed: a notebook in one of the two modes, or else a page of Jupyter.

    `parse_open(*open_path(r).split("?"))` is `r` again.
    """

    course: CourseName
    notebook: NotebookPath | None
    student: StudentName
    mode: Mode = Mode.MOOC
    page: str = ""
    """Relative to Jupyter's base_url, as it stands in the link, with its own query: 'lab/tree/w1%20a?reset'."""

    @property
    def workspace(self) -> WorkspaceId:
        """Whose files, in which course."""
        return WorkspaceId(self.course, self.student)

    @property
    def wanted(self) -> str:
        """The notebook or the page, for people."""
        return self.notebook or self.page


def parse_open(path: str, query: str = "") -> OpenRequest:
    """What `/ipythonExercice/COURSE/NOTEBOOK/STUDENT` and its sisters ask for; `path` and `query` are percent-encoded.

    Of a notebook's launch the last segment is the student, the notebook may have slashes and spaces, up to two trailing
    `.ipynb` are dropped. `/ipythonForward/COURSE/STUDENT/PAGE` means a page of Jupyter, with its own query. Doubled
    and trailing slashes do not matter. Raises Refused: 404 when it is no launch, 400 for a bad name, 403 for a page
    that is none of lab and tree.
    """
    if _first_segment(path) == PAGE_NAME:
        return _parse_page(path, query)
    parts = [part for part in _decoded(path).split("/") if part]
    if len(parts) < 4 or parts[0] not in (*MOOC_NAMES, CLASSROOM_NAME):
        raise Refused(
            "A notebook's address is /ipythonExercice/COURSE/NOTEBOOK/STUDENT.",
            status=404,
            reason="not-a-launch",
        )
    name, course, *notebook, student = parts
    return OpenRequest(
        CourseName.parse(course),
        NotebookPath.parse(launch_stem("/".join(notebook))),
        StudentName.parse(student),
        Mode.CLASSROOM if name == CLASSROOM_NAME else Mode.MOOC,
    )


def _first_segment(path: str) -> str:
    return next((_decoded(part) for part in path.split("/") if part), "")


def _parse_page(path: str, query: str) -> OpenRequest:
    # Not decoded before it is split: a page is handed on to Jupyter as it was written.
    _, *parts = [part for part in path.split("/") if part]
    if len(parts) < 3:
        raise Refused(
            "A page's address is /ipythonForward/COURSE/STUDENT/lab.", status=404, reason="not-a-launch"
        )
    course, student, *page = parts
    return OpenRequest(
        CourseName.parse(_decoded(course)),
        None,
        StudentName.parse(_decoded(student)),
        Mode.CLASSROOM,
        jupyter_page("/".join(page), query),
    )


def jupyter_page(path: str, query: str = "") -> str:
    """A page of JupyterLab or of the file list, with what of `query` is its own. Raises Refused(403)."""
    own = [
        piece
        for piece in query.split("&")
        if piece and unquote_plus(piece.partition("=")[0]) not in OWN_PARAMETERS
    ]
    page = "/".join(part for part in path.split("/") if part)
    page += "?" + "&".join(own) if own else ""
    if page.partition("?")[0].split("/")[0] not in _PAGES or "#" in page or not is_inner(page):
        raise Refused("Only Jupyter's own pages lab and tree open here.", status=403, reason="bad-page")
    if any(ord(character) < 0x20 or character == "\x7f" for character in _decoded(page.partition("?")[0])):
        raise Refused("Only Jupyter's own pages lab and tree open here.", status=403, reason="bad-page")
    return page


def launch_stem(notebook: str) -> str:
    """The notebook as launches name it: without its up to two trailing `.ipynb`."""
    return notebook.removesuffix(".ipynb").removesuffix(".ipynb")


def open_path(request: OpenRequest) -> str:
    """The launch URL's path (a page's with its own query), percent-encoded; parses back to the same request."""
    if request.notebook is None:
        names = "/".join(quote(part, safe="") for part in (PAGE_NAME, request.course, request.student))
        return f"/{names}/{request.page}"
    name = CLASSROOM_NAME if request.mode is Mode.CLASSROOM else MOOC_NAMES[0]
    suffix = ".ipynb.ipynb" if request.notebook.endswith(".ipynb") else ".ipynb"
    return "/" + "/".join(
        quote(part, safe="/") for part in (name, request.course, request.notebook + suffix, request.student)
    )


def with_query(url: str, query: str) -> str:
    """The same URL with more parameters, after those that it has."""
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _decoded(path: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeError as error:
        raise Refused("This address is not UTF-8.", reason="bad-encoding") from error


def notebook_url(template: str, notebook: NotebookPath) -> str:
    """Where Jupyter shows a notebook, relative to base_url; `template` is a course's `notebook-url-format`.

    Raises Refused when the template leads elsewhere than below base_url: courses are not trusted.
    """
    relative = template.lstrip("/")
    if _PLACEHOLDER not in relative or "#" in relative or not is_inner(relative.replace(_PLACEHOLDER, "n")):
        raise Refused(f"“{template[:80]}” cannot be a notebook-url-format.", reason="bad-notebook-url-format")
    return relative.replace(_PLACEHOLDER, quote(notebook, safe="/"))


def with_identity(url: str, request: WorkspaceId) -> str:
    """The same relative URL with `course` and `student` as query parameters, for the scripts in notebooks."""
    return with_query(url, urlencode({"course": request.course, "student": request.student}))


def is_inner(url: str) -> bool:
    """Whether a relative URL stays below the path it is appended to, whatever browser reads it."""
    path = url.partition("?")[0].partition("#")[0]
    if any(ord(c) <= 0x20 or ord(c) > 0x7E or c == "\\" for c in url) or url.startswith("/"):
        return False
    try:
        segments = _decoded(path).replace("\\", "/").split("/")
    except Refused:
        return False
    return not any(segment in (".", "..") for segment in segments)


def inner(url: str) -> str:
    """The same URL, proven inner. Raises Refused(400)."""
    if not is_inner(url):
        raise Refused("This address leads outside the workspace.", reason="bad-inner-url")
    return url


def workspace_origin(public_url: str, workspace_domain: str, label: str) -> str:
    """The origin that a workspace's pages have: its own under `workspace_domain`, else everybody's."""
    public = urlsplit(public_url)
    host = f"{label}.{workspace_domain}" if workspace_domain else public.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{host}{port}"


def host_label(host: str, workspace_domain: str) -> str | None:
    """The label when a request's Host (port allowed) is a workspace's own, matched whole; else None."""
    label, dot, domain = host_name(host).removesuffix(".").partition(".")
    if not workspace_domain or not dot or domain != workspace_domain:
        return None
    return label if _LABEL.fullmatch(label) else None
