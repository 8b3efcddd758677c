"""The notebook extension as it is shipped, without a browser: its sentences, and what its files name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXTENSION = Path(__file__).parents[1] / "images/minimal/labextension"
STATIC = EXTENSION / "static"
SOURCES = sorted(STATIC.glob("*.js"))


def words() -> dict[str, dict[str, str]]:
    text = (STATIC / "words.js").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = json.loads(text.partition("const WORDS = ")[2].rstrip().rstrip(";"))
    return table


def test_every_sentence_is_in_both_languages_with_the_same_gaps() -> None:
    for key, sentence in words().items():
        assert set(sentence) == {"en", "fr"}, key
        assert all(text.strip() for text in sentence.values()), key
        gaps = [sorted(re.findall(r"\{(\w+)\}", sentence[language])) for language in ("en", "fr")]
        assert gaps[0] == gaps[1], key
        if not key.startswith(("id-course", "category")):
            assert sentence["en"] != sentence["fr"], key


def test_every_sentence_is_said_and_none_is_missing() -> None:
    program = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "words.js")
    quoted = set(re.findall(r'"([a-z][a-z-]*)"', program))
    said = set(re.findall(r'\b(?:say|#say)\(\s*"([a-z-]+)"', program))
    assert said <= set(words())
    assert set(words()) <= quoted


def test_the_files_that_are_named_are_there() -> None:
    package: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    assert package["name"] == "nbhosting"
    build = package["jupyterlab"]["_build"]
    assert (EXTENSION / build["load"]).is_file()
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'(?:from|URL\()\s*"(?:\./)?([\w.]+)"', text):
            assert (STATIC / name).is_file(), f"{path.name} names {name}"


def test_the_tools_of_the_schema_are_those_of_the_program() -> None:
    schema = json.loads((EXTENSION / "schemas/nbhosting/plugin.json").read_text(encoding="utf-8"))
    tools = {tool["name"] for tool in schema["jupyter.lab.toolbars"]["Notebook"]}
    program = (STATIC / "main.js").read_text(encoding="utf-8")
    assert tools == set(re.findall(r'addFactory\("Notebook", "([\w-]+)"', program))


def test_jupyters_own_resolver_is_off_because_ours_is_there() -> None:
    settings = EXTENSION.parent / "settings/page_config.json"
    disabled = json.loads(settings.read_text(encoding="utf-8"))["disabledExtensions"]
    assert disabled["@jupyterlab/apputils-extension:resolver"] is True
    assert "provides: apputils.IWindowResolver" in (STATIC / "resolver.js").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not there: a browser test finds the same")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_is_valid_javascript(path: Path) -> None:
    argv = ("node", "--input-type=module", "--check")
    done = subprocess.run(argv, input=path.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
