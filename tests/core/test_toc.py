"""Tracks from a book's table of contents: both kinds of book, as they are written, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.coursefile import LARGEST, read_settings
from nbhostd.core.model import CourseSettings

FILES = frozenset(
    {
        *("README.md", "intro.md", "w1/index.md", "w1/a.md", "w1/b.ipynb", "w1/c [1].py"),
        *("w2/d.md", "w2/e.md", "w2/deep/f.md", "book/g.md", "figure.png"),
    }
)


def read(others: dict[str, str], *layers: str) -> CourseSettings:
    return read_settings(
        [("nbhosting/nbhosting.yaml", text.encode()) for text in layers],
        FILES,
        {name: text.encode() for name, text in others.items()},
    )


def sections(settings: CourseSettings) -> list[tuple[str, list[str]]]:
    (track,) = settings.tracks
    return [(section.name, [str(path) for path in section.notebooks]) for section in track.sections]


def test_a_jupyter_book_in_parts() -> None:
    settings = read(
        {
            "_toc.yml": """
format: jb-book
root: intro
options: {numbered: true}
parts:
- caption: Week one
  chapters:
  - file: w1/a
    sections:
    - file: w1/b
      sections:
      - file: w1/c [1]
        title: other
    - url: https://example.org
      title: elsewhere
- caption: Week two
  numbered: false
  chapters:
  - file: w2/e
  - glob: w2/**
- chapters:
  - file: README
"""
        }
    )
    assert settings.tracks[0].id == "toc"
    assert sections(settings) == [
        ("Contents", ["intro.md"]),
        ("Week one", ["w1/a.md", "w1/b.ipynb", "w1/c [1].py"]),
        ("Week two", ["w2/e.md", "w2/d.md", "w2/deep/f.md"]),
        ("part 4", ["README.md"]),
    ]
    assert settings.warnings == ("_toc.yml:14: an address is left out: a track has notebooks only",)


def test_a_jupyter_book_in_chapters() -> None:
    text = "format: jb-book\nroot: README\nchapters:\n- file: intro\n- file: w1/index\n  title: One\n"
    text += "  sections:\n  - file: w1/a\n- file: w2/d\n  sections: [{file: w2/e}]\n- file: w1/b\n"
    assert sections(read({"_toc.yml": text})) == [
        ("Contents", ["README.md", "intro.md"]),
        ("One", ["w1/index.md", "w1/a.md"]),
        ("d", ["w2/d.md", "w2/e.md"]),
        ("Contents", ["w1/b.ipynb"]),
    ]


def test_an_article() -> None:
    settings = read({"_toc.yml": "format: jb-article\nroot: intro\nsections:\n- file: w1/a\n- file: w1/b\n"})
    assert sections(settings) == [("Contents", ["intro.md", "w1/a.md", "w1/b.ipynb"])]


def test_the_list_of_old_jupyter_books() -> None:
    text = """
- file: intro
  numbered: true
- part: One
  chapters:
  - file: w1/a
- header: Two
- file: w2/d
- url: /w2/e
- part: Three
- file: README
"""
    assert sections(read({"_toc.yml": text})) == [
        ("Contents", ["intro.md"]),
        ("One", ["w1/a.md"]),
        ("Two", ["w2/d.md", "w2/e.md"]),
        ("Three", ["README.md"]),
    ]


def test_myst_with_its_contents_in_a_file_that_it_extends() -> None:
    settings = read(
        {
            "myst.yml": "version: 1\nproject:\n  title: My course\nsite: {options: {logo: x}}\n"
            "extends:\n  - https://example.org/base.yml\n  - parts/toc.yml\n",
            "parts/toc.yml": """
project:
  title: not this
  toc:
  - file: README.md
  - title: week 1
    children:
    - file: w1/b.ipynb
    - pattern: w1/*.*
    - title: nested
      children: [{file: intro.md}]
    - file: w2/e.md
      hidden: true
  - file: w2/d.md
    children:
    - file: w2/deep/f.md
  - title: elsewhere
    url: https://example.org
  - title: empty
    children: []
""",
        }
    )
    assert settings.tracks[0].name == "My course"
    assert sections(settings) == [
        ("My course", ["README.md"]),
        ("week 1", ["w1/b.ipynb", "w1/a.md", "w1/c [1].py", "w1/index.md", "intro.md"]),
        ("d", ["w2/d.md", "w2/deep/f.md"]),
    ]
    assert settings.warnings == (
        "myst.yml:6: “https://example.org/base.yml” is not a file of the course, and not read",
        "parts/toc.yml:18: an address is left out: a track has notebooks only",
    )


def test_a_page_that_is_named_is_where_it_is_named_and_nowhere_else() -> None:
    text = "project: {toc: [{title: t, children: [{pattern: w1/*}, {file: w1/a.md}, {file: w1/a.md}]}]}"
    (section,) = read({"myst.yml": text}).tracks[0].sections
    assert [str(path) for path in section.notebooks] == [
        "w1/b.ipynb",
        "w1/c [1].py",
        "w1/index.md",
        "w1/a.md",
    ]


def test_which_contents_count() -> None:
    myst, book = "project: {toc: [{file: w1/a.md}]}", "[{file: w2/d}]"
    tracks = "tracks: [{name: own, sections: [{name: s, notebooks: [w1/b]}]}]"
    assert sections(read({"myst.yml": myst, "_toc.yml": book})) == [("Contents", ["w1/a.md"])]
    assert sections(read({"myst.yml": "project: {}", "_toc.yml": book})) == [("Contents", ["w2/d.md"])]
    assert sections(read({"myst.yml": myst}, tracks)) == [("s", ["w1/b.ipynb"])]
    assert sections(read({"myst.yml": myst}, "builds: []")) == [("Contents", ["w1/a.md"])]
    assert read({"myst.yml": "project: {toc: []}"}).tracks[0].id == "generic"


def test_a_book_in_a_directory_that_is_built() -> None:
    settings = read({"book/_toc.yml": "[{file: g}]"}, "builds: [{name: book, directory: ./book/}]")
    assert sections(settings) == [("Contents", ["book/g.md"])]


def test_a_filter_counts_for_contents_too() -> None:
    assert read({"_toc.yml": "[{file: w2/d}]"}, "tracks-filter: [none]").tracks == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[{file: absent}]", "_toc.yml:1: “absent” matches no notebook"),
        ("[{file: figure.png}]", "_toc.yml:1: “figure.png” matches no notebook"),
        ("[{file: ../../etc/passwd}]", "matches no notebook"),
        ("[{glob: '/etc/*'}]", "matches no notebook"),
        ("[{file: [w1/a]}]", "must be a text"),
        ("[w1/a]", "must be a mapping"),
        ("format: jb-book\nparts: 3\n", ":2: a table of contents must be a list"),
        ("3", "this must be a mapping"),
        ("[", "not YAML"),
        ("chapters: &a [{file: w1/a, sections: *a}]", "nested too deeply"),
        ("[" * 60_000, "nested too deeply"),
        ("#" * (LARGEST + 1), "larger than"),
    ],
)
def test_a_fault_is_a_warning_with_its_line(text: str, warning: str) -> None:
    settings = read({"_toc.yml": text})
    assert any(warning in found for found in settings.warnings), settings.warnings


def test_files_that_extend_each_other_end() -> None:
    others = {"myst.yml": "extends: [a.yml, a.yml]", "a.yml": "extends: [myst.yml, a.yml]"}
    assert read(others).tracks[0].id == "generic"


def test_an_alias_bomb_is_read_in_part() -> None:
    text = "a: &a [" + ", ".join(["{file: w1/a}"] * 500) + "]\n"
    text += "chapters: [" + ", ".join(["{file: w1/b, sections: *a}"] * 500) + "]\n"
    assert "_toc.yml: read in part, it has too much in it" in read({"_toc.yml": text}).warnings


_KEYS = (
    "file",
    "glob",
    "pattern",
    "url",
    "children",
    "sections",
    "parts",
    "chapters",
    "title",
    "toc",
    "project",
    "extends",
)


@given(
    st.sampled_from(["_toc.yml", "myst.yml"]),
    st.recursive(
        st.none() | st.booleans() | st.sampled_from(["w1/a", "w1/*", "**", "x"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
        max_leaves=20,
    ),
)  # fmt: skip
def test_no_shape_is_fatal(name: str, shape: object) -> None:
    read({name: repr(shape)})
