"""nbhosting.yaml: what courses really write, and what nobody should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.coursefile import LARGEST, Reading, advance, read_settings, reading
from nbhostd.core.model import Build, CourseSettings, Mapping

FILES = frozenset({"w1/a.md", "w1/b.md", "w2/c.ipynb", "data/x.csv", "media/style.css"})
LOW, HIGH = ".nbhosting/nbhosting.yaml", "nbhosting/nbhosting.yaml"


def read(*texts: str) -> CourseSettings:
    return read_settings(
        [(name, text.encode()) for name, text in zip((LOW, HIGH), texts, strict=False)], FILES
    )


def test_a_course_as_they_are() -> None:
    settings = read("""
general:
  notebook-url-format: /lab/tree/{notebook}
static-mappings:
  - source: data
    destination: data/
  - source: style.css
    destination: media/style.css
tracks:
- name: the MOOC
  description: "compléments"
  sections:
  - name: '1. début'
    notebooks: [w1/b, w1/*.md]
  - name: '2. vide'
    notebooks: [w9/*.md]
- name: R&D
  id: rd
  sections: [{name: 2, notebooks: ["w2/*"]}]
builds:
- name: HTML
  id: html
  script: |
    make html
  result-folder: out
""")
    assert settings.notebook_url_format == "lab/tree/{notebook}"
    assert settings.static_mappings == (Mapping("data", "data"), Mapping("style.css", "media/style.css"))
    mooc, rd = settings.tracks
    assert (mooc.id, mooc.name, mooc.description) == ("the-MOOC", "the MOOC", "compléments")
    assert [(s.name, s.notebooks) for s in mooc.sections] == [("1. début", ("w1/b.md", "w1/a.md"))]
    assert (rd.id, rd.sections[0].name, rd.sections[0].notebooks) == ("rd", "2", ("w2/c.ipynb",))
    assert settings.builds == (Build("HTML", "html", script="make html", result_folder="out"),)
    assert settings.warnings == (f"{LOW}:16: “w9/*.md” matches no notebook",)


def test_layers_are_merged_the_low_one_first() -> None:
    settings = read(
        """
general: {notebook-url-format: "notebooks/{notebook}?low"}
static-mappings: [{source: data, destination: w1}, {source: a, destination: w2}]
tracks: [{name: one, sections: [{name: s, notebooks: [w1/a]}]}]
tracks-filter: [absent]
builds: [{name: one}]
""",
        """
general: {notebook-url-format: "lab/tree/{notebook}"}
static-mappings: [{source: data, destination: data}]
tracks: [{name: two, sections: [{name: s, notebooks: [w1/b]}]}]
tracks-filter: [two]
builds: [{name: two}]
builds-filter: [absent]
""",
    )
    assert settings.notebook_url_format == "lab/tree/{notebook}"
    assert settings.static_mappings == (Mapping("data", "data"), Mapping("a", "w2"))
    assert [track.id for track in settings.tracks] == ["two"]
    assert settings.builds == ()
    assert settings.warnings == (
        f"{HIGH}: there is {LOW} as well; this one counts over it",
        f"{HIGH}:7: builds-filter names “absent”, which hides all; there are: one, two",
    )


def test_a_higher_layer_takes_the_place_of_what_has_the_same_id() -> None:
    low = "tracks: [{id: a, name: A, sections: [{name: s, notebooks: [w1/a]}]}, {name: b, sections: []}]\n"
    low += "builds: [{id: x, name: low, script: make}, {id: y, name: y}]\n"
    high = "tracks: [{id: a, name: other, sections: [{name: s, notebooks: [w1/b]}]}]\nbuilds: [{name: x}]\n"
    settings = read(low, high)
    assert [(track.id, track.name) for track in settings.tracks] == [("a", "other")]
    assert settings.builds == (Build("x", "x"), Build("y", "y"))


def test_the_administrators_layer_counts_over_both() -> None:
    step = reading(
        FILES | {HIGH}, ("local/c/nbhosting.yaml", b"general: {notebook-url-format: 'lab/{notebook}'}")
    )
    assert advance(step) == HIGH
    answer = advance(step, b"general: {notebook-url-format: 'tree/{notebook}'}\ntracks: 3")
    assert isinstance(answer, Reading)
    assert answer.settings.notebook_url_format == "lab/{notebook}"
    assert answer.settings.static_mappings[0] == Mapping("media", "media")
    assert [str(fault) for fault in answer.faults] == [f"{HIGH}:2: tracks must be a list, “- …”"]


def test_a_filter_keeps_what_it_names_and_says_what_it_does_not_know() -> None:
    text = "builds: [{name: a}, {name: b}, {name: c}]\nbuilds-filter: [c, absent, a]\n"
    settings = read(text)
    assert [build.id for build in settings.builds] == ["a", "c"]
    assert settings.warnings == (f"{LOW}:2: builds-filter names “absent”; there are: a, b, c",)
    assert len(read("builds: [{name: a}]\nbuilds-filter: []\n").builds) == 1


def test_no_file_means_no_mapping_and_the_generic_track() -> None:
    settings = read()
    assert settings.static_mappings == ()
    assert [track.id for track in settings.tracks] == ["generic"]
    assert settings.notebook_url_format == "notebooks/{notebook}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "null", "general:\n"])
def test_a_file_that_says_nothing_means_the_default_mappings(text: str) -> None:
    settings = read(text)
    assert settings.static_mappings == (Mapping("media", "media"), Mapping("data", "data"))
    assert settings.warnings == ()


def test_an_empty_list_of_mappings_means_none() -> None:
    assert read("static-mappings: []").static_mappings == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("a: [", ":1: ignored, this is not YAML"),
        ("\n- a\n", ":2: the file must be a mapping"),
        ("trakcs: []", ":1: unknown “trakcs”"),
        ("general: {colour: red}", ":1: unknown “colour” in general"),
        ("general: 3", ":1: general must be a mapping"),
        ("general:\n  notebook-url-format: //evil.test/{notebook}/..\n", ":2: "),
        ("general: {notebook-url-format: nothing}", "cannot be a notebook-url-format"),
        ("general: {notebook-url-format: '../{notebook}'}", "cannot be a notebook-url-format"),
        ("static-mappings: {a: b}", "must be a list"),
        ("static-mappings:\n- source: ../x\n  destination: y", ":2: “../x” cannot be a mapping's source"),
        ("static-mappings: [{source: a/b, destination: y}]", "cannot be a mapping's source"),
        ("static-mappings: [{source: .ssh, destination: y}]", "cannot be a mapping's source"),
        ("static-mappings: [{source: a, destination: ../../etc}]", "cannot be a mapping's destination"),
        ("static-mappings: [{source: a, destination: /etc}]", "cannot be a mapping's destination"),
        ("static-mappings: [a]", "must be a mapping"),
        ("tracks: [{name: empty}]", "has no notebooks"),
        ("tracks: [{name: [a]}]", "must be a text"),
        ("tracks: [{name: t, sections: [{name: s, notebooks: w1/a}]}]", "notebooks must be a list"),
        ("tracks: [3]", "must be a mapping"),
        ("builds: [{script: x}]", "needs a name"),
        ("builds: [{name: a, colour: red}]", "unknown “colour” in a build"),
        ("builds: [{name: a}, {name: a}]", "already a build “a”"),
        ("builds: [{name: a, result-folder: x, result_folder: y}]", "“result_folder” is there twice"),
        ("builds: [{name: a, directory: ../..}]", "“directory: ../..” must be a path in the course"),
        ("builds: [{name: a, external_url: 'javascript:alert(1)'}]", "must be an address"),
        ("static-mappings: [{source: a, destination: none}]", "the course has no “none”: “a” leads nowhere"),
        ("builds: [{name: a, script: x, directory: w3}]", "no directory “w3” to make “a” in"),
        ("builds: [a]", "a build must be a mapping"),
        ("builds: 3", "builds must be a list"),
        (
            "builds: [{name: a}]\nbuilds-filter: [b]",
            ":2: builds-filter names “b”, which hides all; there are: a",
        ),
        ("tracks-filter: b", "tracks-filter must be a list"),
        ("tracks-filter: [[b]]", "must be a text"),
        ("tracks-filter: [absent]", "tracks-filter names “absent”, which hides all; there are: generic"),
        ("tracks: []\ntracks: []", ":2: “tracks” is there twice"),
        ("tracks: [{sections: [{name: s, notebooks: [w1/a]}]}]", "a track needs a name"),
        ("tracks: [{name: t, sections: [{notebooks: [w1/a]}]}]", "a section needs a name"),
        ("tracks: [{name: t, colour: red}]", "unknown “colour” in a track"),
        ("tracks: [{name: t, sections: [{name: s, files: [w1/a]}]}]", "unknown “files” in a section"),
        (
            "tracks: [&t {name: t, sections: [{name: s, notebooks: [w1/a]}]}, *t]",
            "there is already a track “t”",
        ),
        (
            "static-mappings: [{source: a, destination: b}, {source: a, destination: c}]",
            "already a mapping of “a”",
        ),
        ("static-mappings: [{source: a, dest: b}]", "unknown “dest” in a static mapping"),
        ("? [a]\n: b\n", "a key must be a plain word"),
        ("x: !!python/object/apply:os.system [id]", "unknown “x”"),
        ("tracks: !!python/object/apply:os.system [id]", "must be a mapping"),
        ("\tx", "not YAML"),
        ("a: \x01", "not YAML"),
    ],
)
def test_every_fault_is_a_warning_with_its_line(text: str, warning: str) -> None:
    settings = read(text)
    assert any(found.startswith(LOW) and warning in found for found in settings.warnings), settings.warnings


def test_the_rest_of_a_faulty_file_counts() -> None:
    settings = read(
        "trakcs: 1\ngeneral: [1]\ntracks: [{name: t, sections: [{name: s, notebooks: [w1/a]}]}, 5]\n"
    )
    assert [track.id for track in settings.tracks] == ["t"]
    assert len(settings.warnings) == 3


def test_not_utf8_and_too_large_are_ignored() -> None:
    settings = read_settings([(LOW, b"\xff\xfe"), (HIGH, b"#" * (LARGEST + 1))], FILES)
    assert settings.warnings[:2] == (
        f"{LOW}: ignored, it is not UTF-8",
        f"{HIGH}: ignored, it is larger than 256 kB",
    )


def test_an_alias_bomb_is_read_in_part() -> None:
    text = (
        "a: &n [" + ", ".join(["w1/a"] * 1000) + "]\n"
        "s: &s [" + ", ".join(["{name: s, notebooks: *n}"] * 1000) + "]\n"
        "tracks: [" + ", ".join(["{sections: *s}"] * 1000) + "]\n"
    )
    settings = read(text)
    assert any("it has too much in it" in warning for warning in settings.warnings)


def test_a_circle_and_a_deep_nest_end() -> None:
    assert read("tracks: &t [{sections: *t}]").warnings
    assert any("nested too deeply" in warning for warning in read("[" * 50_000).warnings)


@given(st.text(max_size=200))
def test_no_text_is_fatal(text: str) -> None:
    read(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "general",
                        "tracks",
                        "sections",
                        "notebooks",
                        "name",
                        "id",
                        "builds",
                        "source",
                        "static-mappings",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_is_fatal(shape: object) -> None:
    read(json.dumps(shape))
