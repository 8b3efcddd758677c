"""Launch URLs: the predecessor's micro-cases, hostile ones, and that what we write we can read."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import (
    OpenRequest,
    host_label,
    inner,
    is_inner,
    notebook_url,
    open_path,
    parse_open,
    with_identity,
    workspace_origin,
)

LABEL = "abcdefghijklmnopqrstuvwx23"

_name = st.from_regex(r"\A\w[\w.\-]{0,20}\Z").filter(lambda text: len(text.encode()) <= 100)
_part = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=20
).filter(lambda text: text not in (".", ".."))


def _request(course: str, notebook: str, student: str) -> OpenRequest:
    return OpenRequest(CourseName.parse(course), NotebookPath.parse(notebook), StudentName.parse(student))


@pytest.mark.parametrize(
    ("path", "course", "notebook", "student"),
    [
        ("/notebookLazyCopy/c/w1/n.ipynb/s", "c", "w1/n", "s"),
        ("/notebookLazyCopy/c/w1/n.ipynb.ipynb/s", "c", "w1/n", "s"),
        ("/notebookLazyCopy/c/w1/n.ipynb.ipynb.ipynb/s", "c", "w1/n.ipynb", "s"),
        ("/notebookLazyCopy/c/w1/n.md/s", "c", "w1/n.md", "s"),
        ("/notebookLazyCopy/c/w1/a%20b/s/", "c", "w1/a b", "s"),
        ("/notebookLazyCopy/c/w1/n/", "c", "w1", "n"),
        ("/ipythonExercice/c/w1/n/s", "c", "w1/n", "s"),
        ("//ipythonExercice/c/w1//n/s//", "c", "w1/n", "s"),
        ("/ipythonExercice/c/w1/1.2-intro/s", "c", "w1/1.2-intro", "s"),
        ("/ipythonExercice/c/w1%2Fn/s", "c", "w1/n", "s"),
        (
            "/ipythonExercice/python%C3%A9/n/2fd4e1c67a2d28fced849ee1bb76e739",
            "pythoné",
            "n",
            "2fd4e1c67a2d28fced849ee1bb76e739",
        ),
    ],
)
def test_launch_paths(path: str, course: str, notebook: str, student: str) -> None:
    assert parse_open(path) == _request(course, notebook, student)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/notebookLazyCopy/c/n", 404, "not-a-launch"),
        ("/", 404, "not-a-launch"),
        ("/other/c/n/s", 404, "not-a-launch"),
        ("/ipythonExercice/-c/n/s", 400, "bad-course-name"),
        ("/ipythonExercice/c/n/..", 400, "bad-student-name"),
        ("/ipythonExercice/c/../../etc/passwd/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/%2e%2e/x/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/w1%2F..%2Fx/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/a%00b/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/a%0Ab/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/.ipynb/s", 400, "bad-notebook-path"),
        ("/ipythonExercice/c/%ff/s", 400, "bad-encoding"),
        ("/ipythonExercice/c/\udcff/s", 400, "bad-encoding"),
        ("/ipythonExercice/" + "c" * 129 + "/n/s", 400, "bad-course-name"),
        ("/ipythonExercice/c/" + "n/" * 600 + "s", 400, "bad-notebook-path"),
    ],
)
def test_refused_paths(path: str, status: int, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_open(path)
    assert (caught.value.status, caught.value.reason) == (status, reason)


@given(_name, st.lists(_part, min_size=1, max_size=4), _name)
def test_what_we_write_we_read(course: str, parts: list[str], student: str) -> None:
    try:
        request = _request(course, "/".join(parts), student)
    except Refused:
        return
    assert parse_open(open_path(request)) == request


@given(st.text(max_size=60))
def test_any_path_is_parsed_or_refused(text: str) -> None:
    for path in (
        text,
        "/ipythonExercice/" + text,
        "/notebookLazyCopy/c/" + quote(text, errors="replace") + "/s",
    ):
        try:
            request = parse_open(path)
        except Refused:
            continue
        assert ".." not in request.notebook.split("/")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("notebooks/{notebook}", "notebooks/w1/a%20b%3Fc.md"),
        ("/edit/{notebook}?factory=Jupytext%20Notebook", "edit/w1/a%20b%3Fc.md?factory=Jupytext%20Notebook"),
        ("lab/tree/{notebook}", "lab/tree/w1/a%20b%3Fc.md"),
    ],
)
def test_notebook_urls_are_relative_and_quoted(template: str, expected: str) -> None:
    assert notebook_url(template, NotebookPath.parse("w1/a b?c.md")) == expected


@pytest.mark.parametrize(
    "template",
    [
        "",
        "lab",
        "../{notebook}",
        "x/%2e%2e/../{notebook}",
        "a b/{notebook}",
        "{notebook}#x",
        "\\\\evil/{notebook}",
        "é/{notebook}",
    ],
)
def test_a_course_cannot_lead_elsewhere(template: str) -> None:
    with pytest.raises(Refused):
        notebook_url(template, NotebookPath.parse("n.md"))


def test_a_template_cannot_reach_attributes() -> None:
    with pytest.raises(Refused):
        notebook_url("x/{notebook.__class__}", NotebookPath.parse("n.md"))


def test_identity_is_appended_after_what_is_there() -> None:
    workspace = _request("c", "n", "s").workspace
    assert with_identity("notebooks/n.md", workspace) == "notebooks/n.md?course=c&student=s"
    assert with_identity("edit/n?f=1", workspace) == "edit/n?f=1&course=c&student=s"


@pytest.mark.parametrize(
    "url", ["lab", "lab/tree/a%20b.md?x=1#frag", "", "notebooks/%C3%A9.md", "a/..b/c...d"]
)
def test_inner_urls(url: str) -> None:
    assert inner(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "/lab",
        "//evil.example",
        "..",
        "a/../b",
        "a/%2e%2e/b",
        "a/.%2E",
        "a\\b",
        "a%5C..%5Cb",
        "a b",
        "a\nb",
        "é",
        "%ff",
        "./x",
    ],
)
def test_outer_urls(url: str) -> None:
    assert not is_inner(url)
    with pytest.raises(Refused):
        inner(url)


@pytest.mark.parametrize(
    ("public", "domain", "origin"),
    [
        ("https://nb.example.org", "ws.example.org", f"https://{LABEL}.ws.example.org"),
        ("http://nb.localhost:8123", "ws.localhost", f"http://{LABEL}.ws.localhost:8123"),
        ("http://nb.localhost:8123", "", "http://nb.localhost:8123"),
        ("http://[::1]:8123", "", "http://[::1]:8123"),
    ],
)
def test_origins(public: str, domain: str, origin: str) -> None:
    assert workspace_origin(public, domain, LABEL) == origin


@pytest.mark.parametrize(
    ("host", "label"),
    [
        (f"{LABEL}.ws.localhost", LABEL),
        (f"{LABEL.upper()}.ws.localhost:8000", LABEL),
        (f"{LABEL}.ws.localhost.", LABEL),
        (f"x.{LABEL}.ws.localhost", None),
        (f"x{LABEL}.ws.localhost", None),
        ("www.ws.localhost", None),
        ("ws.localhost", None),
        (f"{LABEL}.ws.localhost.evil.org", None),
        (f"{LABEL}.", None),
        ("[::1]:80", None),
        ("", None),
    ],
)
def test_labels_are_matched_whole(host: str, label: str | None) -> None:
    assert host_label(host, "ws.localhost") == label
    assert host_label(host, "") is None
