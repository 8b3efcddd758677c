"""A word means itself; only a pattern means more, and a word that means nothing is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.names import CourseName
from nbhostd.core.selection import Selection, finds, is_pattern, means, select

NAMES = st.from_regex(r"\w[\w.\-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("word", "name", "meant"),
    [
        ("python", "python", True),
        ("python", "python-mooc", False),
        ("python", "a-python", False),
        ("python*", "python-mooc", True),
        ("*mooc", "python-mooc", True),
        ("p?thon", "python", True),
        ("p?thon", "pthon", False),
        ("*", "anything", True),
        ("a.c", "abc", False),
        ("a+", "aaa", False),
        ("[ab]", "a", False),
        ("Python", "python", False),
        ("e\u0301te", "été"[0] + "te", True),
        ("", "python", False),
    ],
)
def test_what_a_word_means(word: str, name: str, meant: bool) -> None:
    assert means(word, name) is meant


@given(NAMES, NAMES)
def test_a_name_means_itself_and_nothing_else(word: str, name: str) -> None:
    word, name = CourseName.parse(word), CourseName.parse(name)
    assert not is_pattern(word)
    assert means(word, name) is (word == name)


def test_every_name_once_in_their_order_and_strangers_are_told() -> None:
    assert select(("c*", "a", "cd", "x", "y*"), ("a", "b", "cc", "cd")) == Selection(
        ("a", "cc", "cd"), ("x", "y*")
    )


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", True), ("|", True), ("PYTHON", True), ("java|ooc", True), ("java", False), ("^python", True),
        ("^mooc", False), ("mooc$", True), ("python$", False), ("py*mooc", True), ("py.*mooc", True),
        ("mooc*py", False), ("^py*oc$", True), ("(((", False), ("*" * 1000, True),
    ],
)  # fmt: skip
def test_a_search_finds_words_and_is_no_regular_expression(pattern: str, found: bool) -> None:
    assert finds(pattern, "Python-mooc") is found
