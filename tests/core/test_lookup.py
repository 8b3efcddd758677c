"""The lookup policy: which files a launch may mean, in which order."""

from __future__ import annotations

import pytest

from nbhostd.core.lookup import candidates
from nbhostd.core.names import NotebookPath


@pytest.mark.parametrize(
    ("requested", "tried"),
    [
        ("w1/n", ["w1/n.py", "w1/n.ipynb", "w1/n.md"]),
        ("w1/n.md", ["w1/n.md"]),
        ("w1/n.py", ["w1/n.py", "w1/n.ipynb"]),
        ("w1/n.ipynb", ["w1/n.ipynb", "w1/n.py"]),
        ("w1/1.2-intro", ["w1/1.2-intro.py", "w1/1.2-intro.ipynb", "w1/1.2-intro.md"]),
        ("w1/1.2-intro.md", ["w1/1.2-intro.md"]),
        ("a b/c.d e", ["a b/c.d e.py", "a b/c.d e.ipynb", "a b/c.d e.md"]),
        ("n.", ["n..py", "n..ipynb", "n..md"]),
        (".md", [".md.py", ".md.ipynb", ".md.md"]),
        ("n.MD", ["n.MD.py", "n.MD.ipynb", "n.MD.md"]),
    ],
)
def test_the_table(requested: str, tried: list[str]) -> None:
    assert list(candidates(NotebookPath.parse(requested))) == tried


def test_what_would_be_too_long_is_not_tried() -> None:
    assert candidates(NotebookPath.parse("n" * 252)) == ("n" * 252 + ".py", "n" * 252 + ".md")
