"""Globs and stems among a course's files."""

from __future__ import annotations

import time

import pytest

from nbhostd.core.model import CourseSettings, Track
from nbhostd.core.tracks import Tree, track_of

FILES = frozenset(
    {
        "README.md", "w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md", "w1/w1-s2-c1.ipynb", "w1/data.csv",
        "w10/w10-s1.md", "w1/sub/deep.py", "été/a b.md", "w2/both.ipynb", "w2/both.md", "w2/1.2-dots.md",
        ".github/hidden.md", "w2/[x].md",
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("w1/*.md", ["w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md"]),
        ("w1/w*-s*-[cx]*.md", ["w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md"]),
        ("w1/w*-s*-[cx]*", ["w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md", "w1/w1-s2-c1.ipynb"]),
        ("w1/*", ["w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md", "w1/w1-s2-c1.ipynb"]),
        ("w?/both.md", ["w2/both.md"]),
        ("*/w10-*.md", ["w10/w10-s1.md"]),
        ("**/*.py", ["w1/sub/deep.py"]),
        ("w1/**/deep.py", ["w1/sub/deep.py"]),
        ("w1/**/w1-s1-x1.md", ["w1/w1-s1-x1.md"]),
        ("**/w1/*-x1.md", ["w1/w1-s1-x1.md"]),
        ("w1/**", ["w1/w1-s1-c1-intro.md", "w1/w1-s1-x1.md", "w1/w1-s2-c1.ipynb", "w1/sub/deep.py"]),
        ("w2/both", ["w2/both.ipynb"]),
        ("w2/1.2-dots", ["w2/1.2-dots.md"]),
        ("w1/w1-s1-c1-intro", ["w1/w1-s1-c1-intro.md"]),
        ("w1/w1-s1-x?", ["w1/w1-s1-x1.md"]),
        ("été/a b.md", ["été/a b.md"]),
        ("w1/data.csv", []),
        ("w9/*.md", []),
        ("../*", []),
        ("/w1/*.md", []),
        ("", []),
        ("[", []),
        ("w2/[[]x[]].md", ["w2/[x].md"]),
    ],
)
def test_patterns(pattern: str, found: list[str]) -> None:
    assert list(Tree(FILES).notebooks(pattern)) == found


def test_without_tracks_there_is_a_section_per_directory() -> None:
    track = Tree(FILES).generic()
    assert track is not None
    assert [(section.name, list(section.notebooks)) for section in track.sections] == [
        ("w1", ["w1/w1-s2-c1.ipynb"]),
        ("w2", ["w2/both.ipynb"]),
    ]


def test_without_tracks_text_counts_where_there_is_nothing_else() -> None:
    track = Tree({"README.md", "w1/b.md", "w1/a.py", "setup.py", ".github/x.md"}).generic()
    assert track is not None
    assert [(section.name, list(section.notebooks)) for section in track.sections] == [
        ("w1", ["w1/a.py", "w1/b.md"])
    ]
    assert Tree({"README.md", "data.csv"}).generic() is None


def test_a_hostile_pattern_is_not_slow() -> None:
    tree = Tree({"/".join(["a" * 20] * 40) + "/" + "a" * 200 + ".md"})
    begin = time.process_time()
    for pattern in ("**/" * 40 + "b.md", "*a" * 60 + "b", "[a-z]*" * 60 + "!"):
        assert tree.notebooks(pattern) == ()
    assert time.process_time() - begin < 2


def test_a_track_is_looked_up_by_its_id_and_another_is_said_to_be_another() -> None:
    one, two = Track("one", "Two", "", ()), Track("two", "One", "", ())
    settings = CourseSettings(tracks=(one, two))
    assert track_of(settings, "two") == (two, "")
    assert track_of(settings, None) == track_of(settings, "") == (one, "")
    assert track_of(settings, "Two") == (one, "There is no track “Two”: this is “one”.")
    assert track_of(CourseSettings(), "one") == (None, "There is no track “one”: the course shows none.")
    assert track_of(CourseSettings(), None) == (None, "")
