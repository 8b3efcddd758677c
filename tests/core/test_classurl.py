"""Addresses of the classroom's page, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.classurl import ClassAddress, View, class_path, frame_path, parse_class
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName

C, ALICE = CourseName("c"), StudentName("alice")
PLAIN = st.text("abcé ._-'%?#&", min_size=1, max_size=8).filter(lambda text: text.strip(".") != "")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("c", ClassAddress(C)),
        ("c/", ClassAddress(C)),
        ("c:t1/w1/n.ipynb", ClassAddress(C, "t1", View.NOTEBOOK, "w1/n")),
        ("c:t1/w1/n.ipynb.ipynb/", ClassAddress(C, "t1", View.NOTEBOOK, "w1/n")),
        ("c@classic/w1/n.md", ClassAddress(C, "", View.TREE, "w1/n.md")),
        ("c@jlab", ClassAddress(C, "", View.LAB)),
        ("c:a%20track@jlab/a%20b", ClassAddress(C, "a track", View.LAB, "a b")),
        ("c:t@nothing", ClassAddress(C, "t@nothing")),
        ("c//w1//n", ClassAddress(C, "", View.NOTEBOOK, "w1/n")),
        ("c@build/book", ClassAddress(C, "", View.BUILD, "book")),
    ],
)
def test_what_an_address_means(path: str, expected: ClassAddress) -> None:
    assert parse_class(f"/auditor/notebook/{path}") == expected


@pytest.mark.parametrize(
    "path", ["", "c/../d", "c/%2e%2e/d", "c/a%00", "%ff", "-x", "c@jlab/a/%2e%2e/b", "a%2Fb"]
)
def test_what_is_none(path: str) -> None:
    with pytest.raises(Refused):
        parse_class(f"/auditor/notebook/{path}")


@given(st.sampled_from(list(View)), PLAIN | st.just(""), st.lists(PLAIN, max_size=3))
def test_an_address_parses_back(view: View, track: str, path: list[str]) -> None:
    address = ClassAddress(C, track, view, "/".join(path))
    assert parse_class(class_path(address)) == address


@pytest.mark.parametrize(
    ("address", "frame"),
    [
        (ClassAddress(C, "t", View.NOTEBOOK, "w 1/n.md"), "/notebookGitRepo/c/w%201/n.md.ipynb/alice"),
        (ClassAddress(C, "t", View.LAB), "/ipythonForward/c/alice/lab"),
        (ClassAddress(C, "t", View.LAB, "w?/é"), "/ipythonForward/c/alice/lab/tree/w%3F/%C3%A9"),
        (ClassAddress(C, "t", View.TREE, "w1"), "/ipythonForward/c/alice/tree/w1"),
    ],
)
def test_what_the_frame_shows(address: ClassAddress, frame: str) -> None:
    assert frame_path(address, ALICE) == frame
