from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId, folded_name

NAMES = st.from_regex(r"\w[\w.\-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    "text", ["python-mooc", "0cours", "élève.dupont", "a" * 128, "d41d8cd98f00b204e9800998ecf8427e"]
)
def test_names_that_are_fine(text: str) -> None:
    assert CourseName.parse(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-x", ".git", "a/b", "a b", "a\n", "a\0", "a" * 129, "é" * 65, "../x", "a;b"]
)
def test_names_that_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        StudentName.parse(text)


def test_two_spellings_of_one_name_are_one() -> None:
    assert StudentName.parse("e\u0301ve") == StudentName.parse("\u00e9ve")


@given(NAMES, NAMES)
def test_workspaces_parse_back(course: str, student: str) -> None:
    try:
        id = WorkspaceId(CourseName.parse(course), StudentName.parse(student))
    except Refused:
        return
    assert WorkspaceId.parse(str(id)) == id


@pytest.mark.parametrize("text", ["w1/n", "a b/c.md", "w1/1.2-intro", "été/n.py", "...", "a/.hidden"])
def test_notebooks_that_are_fine(text: str) -> None:
    assert NotebookPath.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        "a\0b",
        "a\nb",
        "x" * 256,
        "/".join(["x" * 200] * 6),
        "\ud800",
    ],
)
def test_notebooks_that_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        NotebookPath.parse(text)


@given(st.text())
def test_no_notebook_path_leaves_the_course(text: str) -> None:
    try:
        path = NotebookPath.parse(text)
    except Refused:
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))


def test_stems_keep_their_dots() -> None:
    assert NotebookPath("w1/1.2-intro").stem_path == "w1/1.2-intro"
    assert NotebookPath("w1/1.2-intro.md").stem_path == "w1/1.2-intro"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("zoé.müller", "zoe.muller"),
        ("Jean-Œuvre ", "Jean-Oeuvre"),
        ("a+b", "a-b"),
        ("  . -x", "x"),
        ("文字", ""),
        ("", ""),
        ("x" * 300, "x" * 128),
    ],
)
def test_a_name_is_folded(text: str, name: str) -> None:
    assert folded_name(text) == name


@given(st.text(max_size=300))
def test_what_is_folded_is_a_name_or_nothing(text: str) -> None:
    if name := folded_name(text):
        assert StudentName.parse(name) == name
        assert name.isascii()
