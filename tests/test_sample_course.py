"""The sample course: each format is what it says, every cell runs, and the course's own file has no fault."""

from __future__ import annotations

import shutil
from pathlib import Path

import jupytext
import pytest

from nbhostd.core.coursefile import LAYERS, read_settings
from nbhostd.core.names import NotebookPath

COURSE = Path(__file__).parents[1] / "packaging/sample-course"
FORMATS = {
    "week1/1-hello.ipynb": None,
    "week1/2-words.md": "myst",
    "week2/1-weather.py": "percent",
    "week2/2-primes.py": "light",
    "week2/3 spirals.md": "markdown",
}


def test_there_is_one_notebook_of_each_format() -> None:
    found = {str(path.relative_to(COURSE)) for week in COURSE.glob("week*") for path in week.iterdir()}
    assert found == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_a_notebook_is_in_its_format_and_all_its_cells_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = jupytext.read(COURSE / name)
    representation = notebook.metadata.get("jupytext", {}).get("text_representation", {})
    assert representation.get("format_name") == FORMATS[name]
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "·" in notebook.metadata["nbhosting"]["title"]
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) >= 2
    for folder in ("data", "media"):
        shutil.copytree(COURSE / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for source in cells:
        exec(source, names)


def test_the_courses_file_has_no_fault_and_names_every_notebook() -> None:
    files = frozenset(str(path.relative_to(COURSE)) for path in COURSE.rglob("*") if path.is_file())
    layers = [(name, (COURSE / name).read_bytes()) for name in LAYERS if name in files]
    settings = read_settings(layers, files)
    assert settings.warnings == ()
    assert [mapping.source for mapping in settings.static_mappings] == ["data", "media"]
    everything, drawing = settings.tracks
    assert [str(name) for section in everything.sections for name in section.notebooks] == list(FORMATS)
    assert [section.notebooks for section in drawing.sections] == [(NotebookPath("week2/3 spirals.md"),)]
