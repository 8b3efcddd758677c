"""Images' names: short for people, whole for Podman, and one for each course."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.imagenames import KINDS, course_image, course_slug, resolve, shown
from nbhostd.core.names import CourseName

COURSE = CourseName("python-mooc")


@pytest.mark.parametrize(
    ("text", "name", "short"),
    [
        ("minimal", "localhost/nbhosting/minimal-notebook", "minimal"),
        ("scipy", "localhost/nbhosting/scipy-notebook", "scipy"),
        ("own", "localhost/nbhosting/course-python-mooc", "course-python-mooc"),
        ("python-mooc", "localhost/nbhosting/course-python-mooc", "course-python-mooc"),
        ("registry.example.org:5000/a/b:1.2", "registry.example.org:5000/a/b:1.2", None),
        ("registry.example.org/a@sha256:" + "0" * 64, "registry.example.org/a@sha256:" + "0" * 64, None),
    ],
)
def test_what_administrators_write(text: str, name: str, short: str | None) -> None:
    assert resolve(text, COURSE) == name
    assert shown(name) == (short or name)
    assert shown(f"{name}:latest") == shown(name) if short else True


@pytest.mark.parametrize(
    "text", ["", "A", "-x", "a b", "a\n", "--help", "../x", "a;b", "é", "a" * 256, "a:b:c"]
)
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        resolve(text, COURSE)


@given(st.from_regex(r"\w[\w.\-]{0,30}", fullmatch=True), st.from_regex(r"\w[\w.\-]{0,30}", fullmatch=True))
def test_every_course_has_an_image_of_its_own(one: str, other: str) -> None:
    first, second = CourseName(one), CourseName(other)
    assert (course_image(first) == course_image(second)) == (first == second)
    assert resolve(course_image(first), first) == course_image(first)


@pytest.mark.parametrize("name", ["minimal", "scipy", "Été", "A", "a__b", "x-0123456789abcdef"])
def test_a_course_takes_nobody_elses_name(name: str) -> None:
    slug = course_slug(CourseName(name))
    assert slug not in KINDS
    assert slug != name
