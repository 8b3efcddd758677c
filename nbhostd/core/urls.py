"""URLs, both ways: what an LMS asks for, and where a browser is sent.

The two launch names are the predecessor's; courses out there depend on them, so they never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlencode, urlsplit

from nbhostd.core.errors import Refused
from nbhostd.core.headers import host_name
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId

LAUNCH_NAMES = ("ipythonExercice", "notebookLazyCopy")
"""First segments of a launch in MOOC mode; the first one is the oldest and the one we write."""

DEFAULT_NOTEBOOK_URL = "notebooks/{notebook}"

_LABEL = re.compile(r"[a-z2-7]{26}")
_PLACEHOLDER = "{notebook}"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A launch URL's path, parsed: `parse_open(open_path(r)) == r`."""

    course: CourseName
    notebook: NotebookPath
    student: StudentName

    @property
    def workspace(self) -> WorkspaceId:
        """Whose files, in which course."""
        return WorkspaceId(self.course, self.student)


def parse_open(path: str) -> OpenRequest:
    """What `/ipythonExercice/COURSE/NOTEBOOK/STUDENT` asks for; `path` is percent-encoded.

    The last segment is the student, the notebook may have slashes and spaces, up to two trailing `.ipynb` are
    dropped, doubled and trailing slashes do not matter. Raises Refused: 404 when it is no launch, 400 for a
    bad name.
    """
    parts = [part for part in _decoded(path).split("/") if part]
    if len(parts) < 4 or parts[0] not in LAUNCH_NAMES:
        raise Refused(
            "A notebook's address is /ipythonExercice/COURSE/NOTEBOOK/STUDENT.",
            status=404,
            reason="not-a-launch",
        )
    _, course, *notebook, student = parts
    return OpenRequest(
        CourseName.parse(course),
        NotebookPath.parse(launch_stem("/".join(notebook))),
        StudentName.parse(student),
    )


def launch_stem(notebook: str) -> str:
    """The notebook as launches name it: without its up to two trailing `.ipynb`."""
    return notebook.removesuffix(".ipynb").removesuffix(".ipynb")


def open_path(request: OpenRequest) -> str:
    """The launch URL's path, percent-encoded; parses back to the same request."""
    suffix = ".ipynb.ipynb" if request.notebook.endswith(".ipynb") else ".ipynb"
    return "/" + "/".join(
        quote(part, safe="/")
        for part in (LAUNCH_NAMES[0], request.course, request.notebook + suffix, request.student)
    )


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
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}{urlencode({'course': request.course, 'student': request.student})}"


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
