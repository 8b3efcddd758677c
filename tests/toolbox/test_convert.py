"""A student's work under a notebook's new suffix: the course's format and header, the student's cells, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from tests.toolbox.tools import TOOLS, loaded

convert = loaded("convert")
MISSING, UNREADABLE, TOO_LARGE, UNWRITABLE = 3, 4, 5, 6
MYST = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
nbhosting:
  title: "A title:  as it is written"
---

# New

```{code-cell}
new
```
"""
PERCENT = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   nbhosting:
#     title: T
# ---

# %%
new
"""
IPYNB = {
    "nbformat": 4, "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "P"}, "mine": 1},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Mine é"},
        {
            "cell_type": "code", "id": "b", "metadata": {"tags": ["raises-exception"]}, "source": "%time 6 * 7",
            "execution_count": 3,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "42"}],
        },
    ],
}  # fmt: skip


class Student:
    def __init__(self, place: Path) -> None:
        self.work, self.tree = place / "work", place / "tree"
        for folder in (self.work, self.tree):
            (folder / "w1").mkdir(parents=True)
        self.give("n.ipynb", json.dumps(IPYNB))

    def give(self, name: str, content: str) -> None:
        (self.work / "w1" / name).write_text(content)

    def publish(self, name: str, content: str) -> None:
        (self.tree / "w1" / name).write_text(content)

    def request(self, earlier: str, notebook: str) -> dict[str, str]:
        return {
            "earlier": f"w1/{earlier}", "notebook": f"w1/{notebook}",
            "work": str(self.work), "tree": str(self.tree),
        }  # fmt: skip

    def convert(self, earlier: str, notebook: str) -> object:
        """What the tool answers, or the status that it ends with."""
        try:
            return convert.convert(self.request(earlier, notebook))
        except convert.Complaint as complaint:
            return complaint.status

    def text(self, name: str) -> str:
        return (self.work / "w1" / name).read_text()

    @property
    def names(self) -> set[str]:
        return {path.name for path in (self.work / "w1").iterdir()}


@pytest.fixture
def student(tmp_path: Path) -> Student:
    return Student(tmp_path)


CONVERTED = {"converted": True}


def test_the_header_is_the_courses_and_the_cells_are_the_students(student: Student) -> None:
    student.publish("n.md", MYST)
    before = student.text("n.ipynb")
    assert student.convert("n.ipynb", "n.md") == CONVERTED
    header = MYST[: MYST.index("# New")]
    assert student.text("n.md") == (
        header + "# Mine é\n\n```{code-cell}\n:tags: [raises-exception]\n\n%time 6 * 7\n```\n"
    )
    assert student.text("n.ipynb") == before
    assert student.names == {"n.ipynb", "n.md"}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("n.md", MYST), ("n.py", PERCENT), ("n.md", "# New\n\n```python\nnew\n```\n"), ("n.py", "# # New\n\nnew\n"),
        ("n.md", MYST.replace("\n", "\r\n")), ("n.py", "# %%\nnew\n"),
    ],
)  # fmt: skip
def test_every_format_reads_back_as_it_was(student: Student, name: str, model: str) -> None:
    student.publish(name, model)
    assert student.convert("n.ipynb", name) == CONVERTED
    notebook = jupytext.reads(student.text(name), fmt={"extension": name[1:]})
    assert [cell.source for cell in notebook.cells] == ["# Mine é", "%time 6 * 7"]
    told = jupytext.reads(model.replace("\r\n", "\n"), fmt={"extension": name[1:]}).metadata
    assert notebook.metadata.get("nbhosting") == told.get("nbhosting")
    if name == "n.py" and "# %%" in model:
        assert "# %%" in student.text(name)


def test_back_to_ipynb(student: Student) -> None:
    student.publish("n.md", MYST)
    student.convert("n.ipynb", "n.md")
    os.unlink(student.work / "w1/n.ipynb")
    student.publish("n.ipynb", json.dumps(IPYNB | {"metadata": {"nbhosting": {"title": "T"}}}))
    assert student.convert("n.md", "n.ipynb") == CONVERTED
    document = json.loads(student.text("n.ipynb"))
    assert ["".join(cell["source"]) for cell in document["cells"]] == ["# Mine é", "%time 6 * 7"]
    assert document["metadata"]["nbhosting"] == {"title": "T"}
    assert all(cell["id"] for cell in document["cells"])


def test_nothing_is_overwritten(student: Student) -> None:
    student.publish("n.md", MYST)
    student.give("n.md", "mine already")
    assert student.convert("n.ipynb", "n.md") == {"converted": False}
    assert student.text("n.md") == "mine already"
    os.unlink(student.work / "w1/n.md")
    (student.work / "w1/n.md").symlink_to("elsewhere")
    assert student.convert("n.ipynb", "n.md") == {"converted": False}
    assert not (student.work / "w1/elsewhere").exists()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("{nope", UNREADABLE), ("[]", UNREADABLE), ("[" * 100_000, UNREADABLE),
        (" " * ((64 << 20) + 1), TOO_LARGE), (None, MISSING),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_stays_and_nothing_is_left(
    student: Student, content: str | None, status: int
) -> None:
    student.publish("n.md", MYST)
    os.unlink(student.work / "w1/n.ipynb")
    if content is None:
        os.mkfifo(student.work / "w1/n.ipynb")
    else:
        student.give("n.ipynb", content)
    assert student.convert("n.ipynb", "n.md") == status
    assert student.names == {"n.ipynb"}


def test_a_course_without_the_new_file(student: Student) -> None:
    assert student.convert("n.ipynb", "n.md") == MISSING
    assert student.names == {"n.ipynb"}


def test_the_program_says_why_and_ends_with_a_status(student: Student) -> None:
    def run() -> tuple[int, str, str]:
        argv = (
            sys.executable,
            "-I",
            str(TOOLS / "convert.py"),
            json.dumps(student.request("n.ipynb", "n.md")),
        )
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout, done.stderr

    assert run() == (MISSING, "", "n.md: No such file or directory\n")
    student.publish("n.md", MYST)
    assert run() == (0, '{"converted": true}\n', "")
