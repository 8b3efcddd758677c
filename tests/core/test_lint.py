"""What nbhostctl course lint says of courses, fault by fault."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from nbhostd.core.lint import Checkout, judge

GOOD = "---\njupytext: {text_representation: {format_name: myst}}\nkernelspec: {name: python3}\n---\n"
YAML = ".nbhosting/nbhosting.yaml"
TRACK = "tracks: [{name: t, sections: [{name: s, notebooks: ['w1/*']}]}]"


def lint(files: Mapping[str, str | bytes], sizes: dict[str, int] | None = None) -> list[str]:
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    lengths = {**{name: len(content) for name, content in contents.items()}, **(sizes or {})}
    checkout = Checkout(lengths, lambda name, limit: contents.get(name, b"")[:limit])
    return [str(finding) for finding in judge(checkout)]


def test_a_sound_course_has_nothing_wrong() -> None:
    files = {
        YAML: f"{TRACK}\nstatic-mappings: [{{source: data, destination: data}}]\n",
        "w1/a.md": GOOD,
        "data/x.csv": "",
        "README.md": "# read me",
        "modules/m.py": "import os",
        ".nbhosting/Containerfile": "FROM nbhosting/scipy-notebook\n",
        ".nbhosting/jupyter/jupyter_server_config.json": "{}",
        ".nbhosting/labconfig/default_setting_overrides.json": "{}",
    }
    assert lint(files) == []
    assert lint({}) == []


IPYNB = '{"metadata": {}, "cells": []}'


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({YAML: "x: 1"}, f"{YAML}:1: error: unknown “x” in the file"),
        ({YAML: "a: ["}, f"{YAML}:1: error: ignored, this is not YAML"),
        ({YAML: TRACK, "w1/a.md": GOOD, "b.md": GOOD}, "b.md: warning: is in no track"),
        ({YAML: TRACK}, f"{YAML}:1: warning: “w1/*” matches no notebook"),
        ({YAML: "", "nbhosting/nbhosting.yaml": ""}, f"nbhosting/nbhosting.yaml: warning: there is {YAML} as well"),
        ({"_toc.yml": "[{file: x}]"}, "_toc.yml:1: warning: “x” matches no notebook"),
        ({YAML: "static-mappings: [{source: a, destination: b}]"}, f"{YAML}:1: error: the course has no “b”"),
        ({YAML: "builds: [{name: a, script: x, directory: d}]"}, f"{YAML}:1: error: the course has no directory “d”"),
        ({"a.ipynb": "{"}, "a.ipynb: error: its title and kernel are not known: it is not JSON"),
        ({"a.md": "---\njupyter: [\n---\n"}, "a.md: error: its title and kernel are not known: its header is not YAML"),
        ({"a.md": b"---\n\xff\n---\n"}, "a.md: error: its title and kernel are not known: it is not UTF-8"),
        ({"a.ipynb": IPYNB}, "a.ipynb: warning: names no kernel: it opens with python3"),
        ({"a.md": GOOD.replace("python3", "bash")}, "a.md: warning: names the kernel “bash”, the site's images"),
        ({YAML: TRACK, "w1/a.md": "# text"}, "w1/a.md: warning: is in a track, but has no jupytext header"),
        ({"a\x01.md": GOOD}, "a\x01.md: error: no address can open a notebook of this name"),
        ({"a.ipynb": IPYNB, "a.py": "1"}, "a.ipynb: warning: its own address opens a.py instead"),
        ({"a.ipynb.ipynb": IPYNB}, "a.ipynb.ipynb: error: no address can open a notebook of this name"),
        ({"nbhosting/tracks.py": ""}, "nbhosting/tracks.py: warning: is not read any more: tracks are in"),
        ({".nbhosting/static-mappings": ""}, ".nbhosting/static-mappings: warning: is not read any more"),
        ({".nbhosting/nbconfig/notebook.json": ""}, ".nbhosting/nbconfig/notebook.json: warning: is not read any more"),
        ({".nbhosting/nbhosting.yml": ""}, ".nbhosting/nbhosting.yml: warning: is not read: it must be called"),
        ({"nbhosting.yaml": ""}, f"nbhosting.yaml: warning: is not read here: it must be {YAML}"),
        ({"nbhosting/Dockerfile": "FROM debian"}, "nbhosting/Dockerfile: error: starts from neither nbhosting/minimal"),
        ({"nbhosting/Dockerfile": "FROM localhost/x"}, "a course's image may not be made from “localhost/x”"),
        (
            {"nbhosting/Dockerfile": "FROM nbhosting/minimal-notebook", ".nbhosting/Dockerfile": ""},
            ".nbhosting/Dockerfile: warning: does not count, there is nbhosting/Dockerfile",
        ),
        ({"nbhosting/jupyter/x.json": "["}, "nbhosting/jupyter/x.json: error: is not a JSON object"),
        (
            {".nbhosting/labconfig/default_setting_overrides.json": "["},
            ".nbhosting/labconfig/default_setting_overrides.json: error: is not a JSON object",
        ),
        ({"w/.gitattributes": "\n*.bin filter=lfs"}, "w/.gitattributes:2: error: what is kept in git LFS"),
    ],
)  # fmt: skip
def test_a_fault_is_said_with_its_place_and_level(files: dict[str, str | bytes], wanted: str) -> None:
    said = lint(files)
    assert any(wanted in line for line in said), said


def test_sizes_are_judged_without_reading() -> None:
    said = lint({}, {"a.ipynb": 65 << 20, "b.ipynb": 51 << 20, "c.zip": 80 << 20})
    assert "a.ipynb: error: cannot be opened, it is larger than 64 MB" in said
    assert "c.zip: warning: has 80 MB, which every clone carries for ever" in said
    assert not any(line.startswith("a.ipynb: warning") for line in said)


def test_a_large_notebook_is_no_error() -> None:
    said = lint({"a.ipynb": b" " * (5 << 20)})
    assert said == ["a.ipynb: warning: its title and kernel are not known: it is larger than 4 MB"]


def test_a_kernel_of_the_courses_own_image_is_no_fault() -> None:
    files = {
        "a.md": GOOD.replace("python3", "bash"),
        "nbhosting/Dockerfile": "FROM nbhosting/minimal-notebook",
    }
    assert lint(files) == []
