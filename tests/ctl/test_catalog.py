"""nbhostctl course tracks and notebooks."""

from __future__ import annotations

import json

import pytest
import yaml

from nbhostd.core.coursefile import read_settings
from tests.ctl.test_nbhostctl import Ctl, ctl, scene
from tests.services.test_courses import URL
from tests.web.test_control import ControlScene

__all__ = ["ctl", "scene"]

FILES = {
    "nbhosting/nbhosting.yaml": "tracks: [{name: Thé & café, sections: [{name: '1', notebooks: [w1/*, absent]}]}]",
    "w1/a.md": "---\njupytext: {text_representation: {format_name: myst}}\nnbhosting: {title: Début, version: 2}\n---\n",
    "w1/b.py": "import os\n",
    "c.ipynb": '{"cells": [], "metadata": {"nbhosting": {"title": "\\u001b[31mred"}}}',
}


@pytest.fixture
async def course(scene: ControlScene, ctl: Ctl) -> None:
    scene.git.upstream(URL, "main", {path: text.encode() for path, text in FILES.items()})
    await ctl("course", "create", "python", URL)


@pytest.mark.usefixtures("course")
async def test_tracks_are_shown_with_titles_and_what_is_wrong(ctl: Ctl) -> None:
    said = await ctl("course", "tracks", "python")
    assert said.out.splitlines() == [
        "Thé-and-café “Thé & café”",
        "  1",
        "    w1/a.md  Début",
        "    w1/b.py",
    ]
    assert said.err == "warning: nbhosting/nbhosting.yaml:1: “absent” matches no notebook\n"


@pytest.mark.usefixtures("course")
async def test_tracks_as_yaml_can_be_read_again(ctl: Ctl) -> None:
    said = await ctl("course", "tracks", "python", "--yaml")
    assert yaml.safe_load(said.out)["tracks"][0]["sections"] == [
        {"name": "1", "notebooks": ["w1/a.md", "w1/b.py"]}
    ]
    again = read_settings([("nbhosting/nbhosting.yaml", said.out.encode())], frozenset(FILES))
    assert again.warnings == ()
    assert [track.id for track in again.tracks] == ["Thé-and-café"]
    answer = json.loads((await ctl("course", "tracks", "python", "--json")).out)
    assert answer["tracks"][0]["sections"][0]["notebooks"][0] == {
        "path": "w1/a.md",
        "title": "Début",
        "version": "2",
    }


@pytest.mark.usefixtures("course")
async def test_notebooks_are_listed_with_what_they_say(ctl: Ctl) -> None:
    said = await ctl("course", "notebooks", "python")
    assert [line.split() for line in said.out.splitlines()] == [
        ["NOTEBOOK", "TITLE", "VERSION", "FORMAT", "TRACKS"],
        ["c.ipynb", "[31mred", "-", "ipynb", "-"],
        ["w1/a.md", "Début", "2", "md:myst", "Thé-and-café"],
        ["w1/b.py", "-", "-", "-", "Thé-and-café"],
    ]
    rows = json.loads((await ctl("course", "notebooks", "python", "--json")).out)
    assert rows[1]["show_up_down_buttons"] is False


@pytest.mark.parametrize("command", ["tracks", "notebooks"])
async def test_a_course_that_is_not_there(ctl: Ctl, command: str) -> None:
    said = await ctl("course", command, "absent")
    assert (said.code, said.err) == (3, "nbhostctl: There is no course “absent”.\n")
