"""The predecessor's words: lines of events of every age, names of images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.names import CourseName
from nbhostd.core.predecessor import event, image

AT = "2018-09-01T08:00:00"
TOLD = "2018-09-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("w1/n created 7000", ("open", "w1/n")),
        ("w1/n existing 7000", ("open", "w1/n")),
        ("w1/n existing", ("open", "w1/n")),
        ("w1/n", ("open", "w1/n")),
        ("w1/n.ipynb created 7000", ("open", "w1/n")),
        ("w1/n.md created 7000", ("open", "w1/n.md")),
        ("w1/un nom à espaces existing 7000", ("open", "w1/un nom à espaces")),
        ("w1/chapter 12 existing 7000", ("open", "w1/chapter 12")),
        ("w1/chapter 12", ("open", "w1/chapter 12")),
        ("created created 7000", ("open", "created")),
        ("existing", ("open", "existing")),
        ("two  blanks existing 7000", ("open", "two  blanks")),
        ("killing - -", ("stop", "")),
        ("- killing -", ("stop", "")),
        ("w1/n killing 7000", ("stop", "")),
        ("w1/killing created 7000", ("open", "w1/killing")),
    ],
)
def test_a_line_of_any_age_is_understood(words: str, expected: tuple[str, str]) -> None:
    assert event(f"{AT} python alice {words}\n") == (TOLD, "alice", *expected)


def test_a_line_without_a_notebook_says_nothing() -> None:
    assert event(f"{AT} python alice - created 7000") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        f"{AT} python alice",
        f"{AT} python -x w1/n created 1",
        "2018-13-01T08:00:00 python alice n",
    ],
)
def test_what_is_no_event_is_told(line: str) -> None:
    with pytest.raises(ValueError):
        event(line)


@given(st.text())
def test_no_line_breaks_the_reading(line: str) -> None:
    try:
        found = event(f"{AT} python alice {line}")
    except ValueError:
        return
    assert found is None or found[2] in ("open", "stop")


COURSES = {"python": CourseName("python"), "Vieux cours".replace(" ", "_"): CourseName("Vieux_cours")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", None),
        ("", None),
        ("nbhosting/minimal-notebook", "minimal"),
        ("localhost/nbhosting/scipy-notebook:nb6", "scipy"),
        ("python", "own"),
        ("Vieux_cours", "localhost/nbhosting/course-x-"),
        ("quay.io/jupyter/r-notebook:latest", "quay.io/jupyter/r-notebook:latest"),
        ("Not An Image", None),
    ],
)
def test_an_image_is_called_as_here(text: str, expected: str | None) -> None:
    chosen, note = image(text, CourseName("python"), COURSES)
    assert chosen == expected or (expected is not None and chosen is not None and chosen.startswith(expected))
    assert bool(note) == (text in ("Vieux_cours", "quay.io/jupyter/r-notebook:latest", "Not An Image"))
