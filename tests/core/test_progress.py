"""Marks: opened, changed, untouched."""

from nbhostd.core.names import NotebookPath
from nbhostd.core.progress import Mark, marks

A, B, C = NotebookPath("w1/a.md"), NotebookPath("w1/b.ipynb"), NotebookPath("c.py")


def test_a_notebook_is_untouched_opened_or_changed() -> None:
    history = {A: {"1", "2"}, B: {"3"}, C: {"4"}}
    assert marks([A, B, C], ["w1/b.ipynb"], {C: "mine"}, history) == {
        A: Mark.UNTOUCHED,
        B: Mark.OPENED,
        C: Mark.CHANGED,
    }


def test_what_the_course_had_earlier_is_nobodys_work() -> None:
    assert marks([A], [], {A: "1"}, {A: {"1", "2"}}) == {A: Mark.UNTOUCHED}


def test_a_file_that_was_only_saved_is_opened_whatever_statistics_know() -> None:
    assert marks([A], [], {A: "9"}, {A: {"1"}}) == {A: Mark.CHANGED}
    assert marks([A], [], {A: "9"}, {A: {"1"}}, {A}) == {A: Mark.OPENED}


def test_what_the_course_never_had_cannot_be_changed() -> None:
    assert marks([A], ["w1/a.md"], {A: "mine"}, {}) == {A: Mark.OPENED}


def test_an_opening_counts_under_any_suffix_and_without_one() -> None:
    for name in ("w1/a", "w1/a.ipynb", "w1/a.md"):
        assert marks([A], [name], {}, {})[A] is Mark.OPENED
    assert marks([A], ["w1/a.b", "a"], {}, {})[A] is Mark.UNTOUCHED
