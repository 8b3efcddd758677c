"""Launch URLs: the predecessor's micro-cases, hostile ones, and that what we write we can read."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import (
    OWN_PARAMETERS,
    OpenRequest,
    host_label,
    inner,
    is_inner,
    notebook_url,
    open_path,
    parse_open,
    with_identity,
    with_query,
    workspace_origin,
)

LABEL = "abcdefghijklmnopqrstuvwx23"

_name = st.from_regex(r"\A\w[\w.\-]{0,20}\Z").filter(lambda text: len(text.encode()) <= 100)
_part = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=20
).filter(lambda text: text not in (".", ".."))


def _request(course: str, notebook: str, student: str, mode: Mode = Mode.MOOC) -> OpenRequest:
    return OpenRequest(
        CourseName.parse(course), NotebookPath.parse(notebook), StudentName.parse(student), mode
    )


def _page(course: str, student: str, page: str) -> OpenRequest:
    return OpenRequest(CourseName.parse(course), None, StudentName.parse(student), Mode.CLASSROOM, page)


def _parse(url: str) -> OpenRequest:
    path, _, query = url.partition("?")
    return parse_open(path, query)


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


@pytest.mark.parametrize("suffix", ["", ".ipynb", ".ipynb.ipynb"])
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_classroom_launches_are_written_as_the_others(suffix: str, end: str) -> None:
    for path in (
        f"/notebookGitRepo/c/w1/a%20b{suffix}/s{end}",
        f"//notebookGitRepo//c/w1//a%20b{suffix}/s{end}",
    ):
        assert parse_open(path) == _request("c", "w1/a b", "s", Mode.CLASSROOM)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("/ipythonForward/c/s/lab", "lab"),
        ("/ipythonForward/c/s/tree/", "tree"),
        ("//ipythonForward//c/s//lab//tree/w1%20a/", "lab/tree/w1%20a"),
        (
            "/ipythonForward/c/s/lab/tree/w1%3Fa.md?factory=Markdown&reset",
            "lab/tree/w1%3Fa.md?factory=Markdown&reset",
        ),
        ("/ipythonForward/c/s/lab?expires=1&x=1&nonce=2&sign%61ture=3&key=4&forcecopy=5&y", "lab?x=1&y"),
        ("/ipythonForward/c/s/lab?course=other&student=bob&token=t", "lab"),
    ],
)
def test_pages_of_jupyter(url: str, page: str) -> None:
    assert _parse(url) == _page("c", "s", page)


@pytest.mark.parametrize(
    ("url", "status", "reason"),
    [
        ("/ipythonForward/c/s", 404, "not-a-launch"),
        ("/ipythonForward/c/s/", 404, "not-a-launch"),
        ("/ipythonForward/c/s/git-pull?repo=https://evil.example", 403, "bad-page"),
        ("/ipythonForward/c/s/api/contents", 403, "bad-page"),
        ("/ipythonForward/c/s/labs", 403, "bad-page"),
        ("/ipythonForward/c/s/treehouse", 403, "bad-page"),
        ("/ipythonForward/c/s/lab/../api", 403, "bad-page"),
        ("/ipythonForward/c/s/lab/%2e%2e/api", 403, "bad-page"),
        ("/ipythonForward/c/s/lab%2F..%2Fapi", 403, "bad-page"),
        ("/ipythonForward/c/s/lab/a%0Ab", 403, "bad-page"),
        ("/ipythonForward/c/s/lab?x=a b", 403, "bad-page"),
        ("/ipythonForward/-c/s/lab", 400, "bad-course-name"),
        ("/ipythonForward/c/%2E/lab", 400, "bad-student-name"),
        ("/ipythonForward/c%2Fs/lab/x", 400, "bad-course-name"),
        ("/notebookGitRepo/c/n", 404, "not-a-launch"),
        ("/notebookGitRepo/c/../n/s", 400, "bad-notebook-path"),
    ],
)
def test_refused_classroom_launches(url: str, status: int, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        _parse(url)
    assert (caught.value.status, caught.value.reason) == (status, reason)


@given(_name, st.lists(_part, min_size=1, max_size=4), _name, st.sampled_from(Mode))
def test_what_we_write_we_read(course: str, parts: list[str], student: str, mode: Mode) -> None:
    try:
        request = _request(course, "/".join(parts), student, mode)
    except Refused:
        return
    assert parse_open(open_path(request)) == request


_own_query = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8"), max_size=8), st.text(st.characters(codec="utf-8"), max_size=8)
    )
    .filter(lambda pair: pair[0] not in OWN_PARAMETERS)
    .map(lambda pair: f"{quote(pair[0], safe='')}={quote(pair[1], safe='')}"),
    max_size=3,
)


@given(_name, _name, st.sampled_from(["lab", "tree"]), st.lists(_part, max_size=3), _own_query)
def test_a_page_that_we_write_we_read(
    course: str, student: str, first: str, parts: list[str], query: list[str]
) -> None:
    page = (
        "/".join([first, *(quote(part, safe="") for part in parts)])
        + ("?" if query else "")
        + "&".join(query)
    )
    try:
        request = _page(course, student, page)
    except Refused:
        return
    assert _parse(open_path(request)) == request
    signed = with_query(open_path(request), "expires=1&nonce=n&signature=s")
    assert _parse(signed) == request


@given(st.text(max_size=60))
def test_any_path_is_parsed_or_refused(text: str) -> None:
    for path in (
        text,
        "/ipythonExercice/" + text,
        "/notebookLazyCopy/c/" + quote(text, errors="replace") + "/s",
        "/ipythonForward/c/s/lab/" + text,
    ):
        try:
            request = _parse(path)
        except Refused:
            continue
        assert ".." not in request.wanted.partition("?")[0].split("/")


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
