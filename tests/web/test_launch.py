"""What docs/teacher/launch-urls.md tells an LMS to do opens a notebook: its samples are run against the real judge."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from nbhostd.core.access import (
    CLOCK_SKEW,
    MAX_LIFETIME,
    Keyring,
    LaunchKey,
    Verdict,
    judge_launch,
    wants_reset,
)
from nbhostd.core.urls import parse_open

PAGE = (Path(__file__).parents[2] / "docs/teacher/launch-urls.md").read_text(encoding="utf-8")
SECRET = "0123456789abcdef0123456789abcdef"
SERVER = "https://nb.example.org"

CASES = [
    ("python", "w1/n", "alice", False),
    ("python-é", "w1/a b?.ipynb", "a.b", True),
    ("c", "w1/n.md", "0123", False),
]


def _sample(language: str) -> str:
    (sample,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(sample)


def _judge(url: str) -> Verdict:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    keyring = Keyring((LaunchKey("lms", SECRET.encode()),))
    return judge_launch(keyring, (), parse_open(parts.path), query, None, datetime.now(UTC))


def _check(url: str, course: str, notebook: str, student: str, reset: bool) -> None:
    assert url.startswith(SERVER + "/")
    wanted = parse_open(urlsplit(url).path)
    assert (wanted.course, wanted.notebook, wanted.student) == (
        course,
        notebook.removesuffix(".ipynb"),
        student,
    )
    assert wants_reset(dict(parse_qsl(urlsplit(url).query))) is reset
    assert _judge(url).reason == "signed"
    assert _judge(url.replace(student, "mallory")).reason == "bad-signature"


@pytest.mark.parametrize(("course", "notebook", "student", "reset"), CASES)
def test_the_python_sample(course: str, notebook: str, student: str, reset: bool) -> None:
    names: dict[str, Callable[..., str]] = {}
    exec(_sample("python"), names)
    _check(
        names["launch_url"](SERVER, SECRET, course, notebook, student, reset),
        course,
        notebook,
        student,
        reset,
    )


@pytest.mark.skipif(shutil.which("php") is None, reason="no php on this computer")
@pytest.mark.parametrize(("course", "notebook", "student", "reset"), CASES)
def test_the_php_sample(course: str, notebook: str, student: str, reset: bool) -> None:
    arguments = json.dumps([SERVER, SECRET, course, notebook, student, reset], ensure_ascii=False)
    program = f"{_sample('php')}\necho launch_url(...json_decode($argv[1]));"
    done = subprocess.run(["php", "-r", program, "--", arguments], capture_output=True, text=True, check=True)
    _check(done.stdout, course, notebook, student, reset)


@pytest.mark.parametrize("kind", ["notebook", "classroom"])
def test_the_demonstrations_page_signs_as_documented(demo_lms: Callable[..., str], kind: str) -> None:
    for case in CASES:
        _check(demo_lms(SERVER, SECRET, kind, *case), *case)


def test_the_demonstrations_page_opens_jupyter(demo_lms: Callable[..., str]) -> None:
    url = demo_lms(SERVER, SECRET, "page", "python-é", "lab", "alice")
    assert (parse_open(urlsplit(url).path).page, _judge(url).reason) == ("lab", "signed")


def test_the_page_tells_the_limits_that_hold() -> None:
    assert MAX_LIFETIME.total_seconds() == 3600
    assert "at most one hour ahead" in PAGE
    assert CLOCK_SKEW.total_seconds() == 60
    assert "by more than a minute" in PAGE


@pytest.fixture
def demo_lms() -> Callable[..., str]:
    spec = importlib.util.spec_from_file_location(
        "demo_lms", Path(__file__).parents[2] / "packaging/demo-lms/server.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., str] = module.launch_url
    return function
