"""What a recipe may start from."""

from __future__ import annotations

import pytest

from nbhostd.core.recipe import bases, foreign


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM nbhosting/scipy-notebook\nRUN x", ("minimal", "scipy")),
        ("from --platform=x localhost/nbhosting/minimal-notebook:latest AS y", ("minimal",)),
        ("ARG X\nFROM debian AS a1\nFROM nbhosting/minimal-notebook\n", ("minimal",)),
        ("FROM \\\n  nbhosting/scipy-notebook\n", ("minimal", "scipy")),
        ("\ufeffFROM nbhosting/minimal-notebook", ("minimal",)),
        ("FROM debian\n# FROM nbhosting/scipy-notebook", ()),
        ("FROM nbhosting/scipy-notebook-other", ()),
        ("FROM nbhosting/minimal-notebook\nCOPY --from=nbhosting/scipy-notebook /a /b", ("minimal", "scipy")),
        ("", ()),
    ],
)
def test_our_bases_are_found(text: str, wanted: tuple[str, ...]) -> None:
    assert bases(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "FROM nbhosting/scipy-notebook\nRUN pip install plotly",
        "FROM nbhosting/scipy-notebook AS base\nFROM nbhosting/minimal-notebook\nCOPY --from=base /a /b",
        "FROM debian:trixie-slim",
        "FROM docker.io/library/debian:trixie",
        "ARG TAG=1\nFROM quay.io/jupyter/scipy-notebook:$TAG",
        "FROM registry.example.org:5000/a/b@sha256:" + "a" * 64,
        "FROM scratch",
        "FROM Builder",
        "FROM debian\nRUN --mount=type=cache,target=/x make",
        "FROM debian\nRUN curl https://example.org/?from=localhost/x",
        "FROM --platform=linux/amd64 \\\n   debian",
        "",
    ],
)
def test_what_a_registry_serves_and_our_own_two_are_free(text: str) -> None:
    assert foreign(text) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM localhost/nbhosting/course-other", "localhost/nbhosting/course-other"),
        ("FROM nbhosting/course-other:latest", "nbhosting/course-other:latest"),
        ("FROM Nbhosting/course-other", "Nbhosting/course-other"),
        ("from --x=y \\\n localhost/nbhosting/course-other", "localhost/nbhosting/course-other"),
        ("ARG A=localhost/nbhosting/course-other\nFROM $A", "$A"),
        ("ARG A=l\nFROM ${A}ocalhost/nbhosting/course-other", "${A}ocalhost/nbhosting/course-other"),
        ("FROM 014fe36bf2d4", "014fe36bf2d4"),
        ("FROM 7", "7"),
        ("FROM sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("FROM containers-storage:localhost/nbhosting/course-other", "containers-storage:localhost/nbhosting/course-other"),
        ("FROM oci-archive:/etc/x", "oci-archive:/etc/x"),
        ('FROM "localhost/nbhosting/course-other"', '"localhost/nbhosting/course-other"'),
        ("FROM localhost:5000/x", "localhost:5000/x"),
        ("FROM debian\nCOPY --from=localhost/nbhosting/course-other /a /b", "localhost/nbhosting/course-other"),
        ("FROM debian\nCOPY --from=0 /a /b", "0"),
        ("FROM debian\nRUN --mount=type=bind,from=nbhosting/course-x,target=/m ls", "nbhosting/course-x"),
        ("FROM debian\nRUN a `\nFROM nbhosting/course-x", "nbhosting/course-x"),
        ("FROM debian\nRUN cat <<EOF\nFROM nbhosting/course-x", "nbhosting/course-x"),
        ("FROM debian\nRUN --mount=type=bind,\\\nfrom=nbhosting/course-x ls", "nbhosting/course-x"),
        ("\ufeffFROM nbhosting/course-x", "nbhosting/course-x"),
    ],
)  # fmt: skip
def test_what_could_be_somebody_elses_image_is_named(text: str, named: str) -> None:
    assert foreign(text) == named
