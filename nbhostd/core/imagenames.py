"""What images are called: the short names that people write, and Podman's own."""

from __future__ import annotations

import hashlib
import re

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName

KINDS = ("minimal", "scipy")
"""The images that every site builds for itself."""

OWN = "own"
"""What an administrator writes for 'the image of this course's own recipe'."""

RECIPE_FILES = tuple(
    f"{directory}/{name}"
    for directory in ("nbhosting", ".nbhosting")
    for name in ("Containerfile", "Dockerfile")
)
"""Where a course's own recipe may be, the one that counts first."""

_PREFIX = "localhost/nbhosting/"
_OF_A_COURSE = re.compile(r"course-[a-z0-9]+(?:[._-][a-z0-9]+)*")
_PLAIN = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
# containers/image docker/reference: domain, path, tag or digest; what we let an administrator write of it.
_REFERENCE = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d+)?/)?(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def course_slug(course: CourseName) -> str:
    """The course's name as it can stand in an image's name; one of its own for every course."""
    if _PLAIN.fullmatch(course) and course not in KINDS and not course.startswith("x-"):
        return str(course)
    return "x-" + hashlib.sha256(course.encode()).hexdigest()[:16]


def kind_image(kind: str) -> str:
    """Podman's name of 'minimal' or 'scipy'."""
    return f"{_PREFIX}{kind}-notebook"


def course_image(course: CourseName) -> str:
    """Podman's name of the image of a course's own recipe."""
    return f"{_PREFIX}course-{course_slug(course)}"


def resolve(text: str, course: CourseName) -> str:
    """Podman's name of what an administrator wrote for a course: minimal, scipy, own, or any image's name.

    `course-NAME`, as `shown` has it, is another course's. Raises Refused(400).
    """
    if text in KINDS:
        return kind_image(text)
    if text in (OWN, course):
        return course_image(course)
    if _OF_A_COURSE.fullmatch(text):
        return _PREFIX + text
    if len(text) > 255 or not _REFERENCE.fullmatch(text):
        raise Refused(f"“{text[:60]}” is not an image's name.", reason="bad-image-name")
    return text


def shown(image: str) -> str:
    """The short name of an image, where it has one."""
    name = image.removesuffix(":latest").removeprefix(_PREFIX)
    return name.removesuffix("-notebook") if name.removesuffix("-notebook") in KINDS else name
