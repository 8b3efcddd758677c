"""nbhostctl course lint on directories: what it looks at, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nbhostd.core.gitindex import tracked
from tests.ctl.test_nbhostctl import Ctl, Said

SAMPLE = Path(__file__).parents[2] / "packaging/sample-course"
BUNDLES = Path(__file__).parents[3] / "shared/courses"


def lint(*arguments: str) -> Said:
    return Ctl(Path("/nonexistent")).call("course", "lint", *arguments)


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(("git", *identity, *arguments), cwd=directory, check=True, capture_output=True)


def test_the_sample_course_has_nothing_wrong() -> None:
    assert lint(str(SAMPLE), "--strict") == Said(0, "Nothing is wrong.\n", "")


def test_warnings_count_when_strict_and_errors_always(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"metadata": {}, "cells": []}')
    said = lint(str(tmp_path))
    assert (said.code, said.out.splitlines()) == (
        0,
        ["a.ipynb: warning: names no kernel: it opens with python3", "1 warning"],
    )
    assert lint(str(tmp_path), "--strict").code == 1
    (tmp_path / "b.ipynb").write_text("{")
    said = lint(str(tmp_path))
    assert (said.code, said.out.splitlines()[-1]) == (1, "1 error, 1 warning")
    findings = json.loads(lint(str(tmp_path), "--json").out)
    assert findings[0] == {
        "file": "a.ipynb", "line": 0, "level": "warning", "text": "names no kernel: it opens with python3",
    }  # fmt: skip


def test_the_present_directory_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.ipynb").write_text("{")
    monkeypatch.chdir(tmp_path)
    assert "b.ipynb: error: " in lint().out


def test_what_is_no_directory_is_wrong_usage(tmp_path: Path) -> None:
    said = lint(str(tmp_path / "absent"))
    assert (said.code, "is not a directory" in said.err) == (2, True)


def test_no_link_is_followed_out(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "w1").mkdir(parents=True)
    (tmp_path / "secret.ipynb").write_text("{")
    (course / "w1/real.ipynb").write_text("{")
    (course / "out.ipynb").symlink_to("../secret.ipynb")
    (course / "absolute.ipynb").symlink_to(course / "w1/real.ipynb")
    (course / "nowhere.ipynb").symlink_to("w1/absent.ipynb")
    (course / "inside.ipynb").symlink_to("w1/real.ipynb")
    (course / "directory").symlink_to("..")
    os.mkfifo(course / "pipe.ipynb")
    assert [line.partition(": error: ")[0::2] for line in lint(str(course)).out.splitlines()[:-1]] == [
        ("absolute.ipynb", "is left out, this link leads out of the course"),
        ("directory", "is left out, this link leads out of the course"),
        ("inside.ipynb", "its title and kernel are not known: it is not JSON"),
        ("nowhere.ipynb", "is left out, this link leads nowhere in the course"),
        ("out.ipynb", "is left out, this link leads out of the course"),
        ("w1/real.ipynb", "its title and kernel are not known: it is not JSON"),
    ]


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_only_what_git_tracks_is_looked_at(tmp_path: Path, version: str) -> None:
    names = [
        "a.ipynb",
        "d/é b.ipynb",
        "d/" + "long" * 40 + ".ipynb",
        "d/later.ipynb",
        "gone.ipynb",
        "z/x.ipynb",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    (tmp_path / "untracked.ipynb").write_text("{")
    if version == "3":  # entries with extended flags
        (tmp_path / "intended.ipynb").write_text("{")
        git(tmp_path, "add", "-N", "intended.ipynb")
        names.append("intended.ipynb")
    else:
        git(tmp_path, "update-index", "--index-version", version)
    assert (tmp_path / ".git/index").read_bytes()[7] == int(version)
    (tmp_path / "gone.ipynb").unlink()
    said = lint(str(tmp_path)).out.splitlines()[:-1]
    assert [line.partition(": ")[0] for line in said] == sorted(set(names) - {"gone.ipynb"})


def test_a_name_that_is_not_utf8_is_said(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.md"), "wb"):
        pass
    assert lint(str(tmp_path)).out.startswith("caf\\xe9.md: error: is left out, its name is not UTF-8")


@pytest.mark.parametrize(
    "index", [b"", b"DIRC", b"DIRC\0\0\0\2\0\0\0\5", b"x" * 100, b"DIRC\0\0\0\4\0\0\0\1" + b"\xff" * 80]
)
def test_what_is_no_index_is_none(index: bytes) -> None:
    assert tracked(index) is None


@pytest.mark.skipif(not BUNDLES.is_dir(), reason="the two real courses are not beside this checkout")
@pytest.mark.parametrize(
    ("bundle", "code", "summary"),
    [("python-mooc", 1, "1 error, 18 warnings"), ("flotbioinfo", 0, "11 warnings")],
)
def test_real_courses(tmp_path: Path, bundle: str, code: int, summary: str) -> None:
    git(tmp_path, "clone", "-q", "-b", "main", str(BUNDLES / f"{bundle}.bundle"), "course")
    said = lint(str(tmp_path / "course"))
    assert (said.code, said.out.splitlines()[-1]) == (code, summary)
