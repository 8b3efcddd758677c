"""The page of a shared notebook: what is shown, what stays out, and what becomes of notebooks made to do harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import html5lib
import pytest

from tests.toolbox.tools import TOOLS, loaded

render = loaded("render")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
MISSING, UNREADABLE, TOO_LARGE = 3, 4, 5
MYST = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
---
# T

```{code-cell}
6 * 7
```
"""


class Student:
    """A workspace, a course beside it, and the tool."""

    def __init__(self, place: Path) -> None:
        self.work, self.tree = place / "work", place / "tree"
        for folder in (self.work / "w1", self.tree / "media"):
            folder.mkdir(parents=True)

    def write(self, name: str, content: str) -> str:
        (self.work / name).write_text(content)
        return name

    def cells(self, *cells: dict[str, Any], name: str = "w1/n.ipynb", **metadata: Any) -> str:
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}
        return self.write(name, json.dumps(document))

    def request(self, notebook: str, **more: str) -> dict[str, str]:
        return {"notebook": notebook, "work": str(self.work), "tree": str(self.tree), **more}

    def page(self, notebook: str, **more: str) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages' own; in the image they go to the journal
            page = str(render.page(self.request(notebook, **more)).decode())
        assert "<script" not in page.lower()
        return page

    def refused(self, notebook: str) -> int:
        with pytest.raises(render.Complaint) as complaint:
            self.page(notebook)
        return int(complaint.value.status)


@pytest.fixture
def student(tmp_path: Path) -> Student:
    return Student(tmp_path)


def text(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source, **more}


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": "c", "metadata": {}, "source": source, "execution_count": 1,
        "outputs": list(outputs),
    }  # fmt: skip


def shows(**data: Any) -> dict[str, Any]:
    kinds = {
        name.replace("__", "/").replace("_", "+", name.count("svg_")): value for name, value in data.items()
    }
    return {"output_type": "display_data", "metadata": {}, "data": kinds}


def test_a_page_has_its_texts_code_and_results(student: Student) -> None:
    page = student.page(
        student.cells(
            text("# Title é\n\n[here](#Title-é), *em*\n\n|a|b|\n|-|-|\n|1|2|"),
            code("print('x')  # <b>", {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m <i>"}),
            code("1/0", {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["Zero", "Division"]}),
            code("table", shows(text__html="<table><tr><td>7</td></tr></table>", text__plain="plain")),
            code("plot", shows(image__png=PNG, text__plain="<Figure>")),
        ),
        course="python", date="2026-11-23", language="fr",
    )  # fmt: skip
    html5lib.HTMLParser(strict=False).parse(page)
    for said in (
        '<html lang="fr">', "Version statique · python · w1/n.ipynb · 2026-11-23", '<h1 id="Title-é">Title é</h1>',
        "<em>em</em>", "<td>1</td>", '<span class="ansi-red-fg">red</span> &lt;i&gt;', "Zero\nDivision",
        "<td>7</td>", f"data:image/png;base64,{PNG}", "&lt;b&gt;",
    ):  # fmt: skip
        assert said in page, said
    assert "plain" not in page.partition("<main>")[2].replace("text/plain", "")
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md", MYST),
        ("a.md", "# T\n\n```python\n6 * 7\n```\n"),
        ("a.py", "# %% [markdown]\n# # T\n# %%\n6 * 7\n"),
        ("a.py", "# # T\n\n6 * 7\n"),
        ("a.md", "# T\r\n\r\n```python\r\n6 * 7\r\n```\r\n"),
    ],
)
def test_every_format_is_read(student: Student, name: str, content: str) -> None:
    page = student.page(student.write(name, content))
    assert '<h1 id="T">T</h1>' in page
    assert '<span class="mi">6</span>' in page


def test_formulas_are_set_without_a_script(student: Student) -> None:
    page = student.page(
        student.cells(
            text("$a<b$ and $$\\int_0^1 \\frac{x}{2}$$\n\n\\begin{align}a&=b\\\\c&=d\\end{align}"),
            text("$$\\begin{aligned}x&=y\\end{aligned}$$ costs 5$ and 6$"),
            code("s", shows(text__latex="$\\displaystyle \\frac{x}{2}$", text__plain="x/2")),
            code("t", shows(text__latex="\\begin{tabular}{l}a\\end{tabular} b")),
            text("$\\frac{$, $x_$, $\\text{<img src=x onerror=alert(1)>}$"),
        )
    )
    assert page.count("<math") == 7
    assert "<mo>&lt;</mo>" in page
    assert "<mi>&amp;</mi>" not in page
    assert '<code class="tex">\\frac{</code>' in page
    assert "<pre>\\begin{tabular}" in page
    assert "<img src=x" not in page


def test_pictures_come_along_from_the_workspace_and_the_course_only(student: Student, tmp_path: Path) -> None:
    (student.work / "w1/a b.png").write_bytes(b"mine")
    (student.tree / "media/c.svg").write_text("<svg/>")
    (student.work / "w1/media").symlink_to(student.tree / "media")
    (tmp_path / "outside.png").write_bytes(b"secret")
    (student.work / "w1/out.png").symlink_to(tmp_path / "outside.png")
    (student.work / "w1/zero.png").symlink_to("/dev/zero")
    os.mkfifo(student.work / "w1/pipe.png")
    (student.work / "w1/big.png").write_bytes(b"x" * ((16 << 20) + 1))
    (student.work / "w1/notes.txt").write_text("notes")
    page = student.page(
        student.cells(
            text(
                "![m](a%20b.png) <img alt='' src='media/c.svg' width=3> ![o](out.png) ![u](../../outside.png)"
                " ![z](zero.png) ![p](pipe.png) ![b](big.png) ![t](notes.txt) ![h](https://x.example/y.png)"
                " ![a](attachment:a.png) ![n](attachment:no.png)",
                attachments={"a.png": {"image/png": PNG}},
            ),
            code("h", shows(text__html="<b>x</b><img src='a b.png'>")),
        )
    )
    assert page.count("data:image/png;base64,bWluZQ==") == 2
    assert "data:image/svg+xml;base64,PHN2Zy8+" in page
    assert f"data:image/png;base64,{PNG}" in page
    assert "c2VjcmV0" not in page
    for kept in ("out.png", "zero.png", "pipe.png", "big.png", "notes.txt", "https://x.example/y.png"):
        assert f'src="{kept}"' in page
    assert len(page) < 100_000


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (
            {"text__html": "<div id=p></div><script>draw()</script>", "text__plain": "Figure"},
            "interactive figure",
        ),
        ({"text__html": "<script>draw()</script>", "image__png": PNG}, f"base64,{PNG}"),
        ({"text__html": "<p>words</p><script>draw()</script>"}, "<p>words</p>"),
        ({"application__javascript": "draw()"}, ""),
        ({"application__vnd.plotly.v1+json": {}, "text__plain": "Figure"}, "interactive figure"),
        (
            {"application__vnd.jupyter.widget-view+json": {}, "text__plain": "IntSlider()"},
            "interactive figure",
        ),
        ({"image__svg_xml": "<svg><script>x()</script></svg>"}, "data:image/svg+xml;base64,"),
    ],
)
def test_nothing_runs_and_what_would_have_says_so(student: Student, data: dict[str, Any], shown: str) -> None:
    assert shown in student.page(student.cells(code("x", shows(**data))))


def test_names_and_titles_are_text(student: Student) -> None:
    name = student.cells(
        text("x"), name="w1/<b>&.ipynb", nbhosting={"title": "</title><script>alert(1)</script>"}
    )
    page = student.page(name, course="{{ 7*7 }}")
    assert "&lt;/title&gt;&lt;script&gt;" in page
    assert "w1/&lt;b&gt;&amp;.ipynb" in page
    assert "{{ 7*7 }}" in page
    assert "{{ 6*7 }}" in student.page(student.cells(text("{{ 6*7 }} {% raw %}")))


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("n.ipynb", "{nope", UNREADABLE),
        ("n.ipynb", "", UNREADABLE),
        ("n.ipynb", "[]", UNREADABLE),
        ("n.ipynb", "{}", UNREADABLE),
        ("n.ipynb", "[" * 100_000, UNREADABLE),
        ("n.ipynb", '{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}', UNREADABLE),
        ("n.ipynb", '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}', UNREADABLE),
        ("n.ipynb", " " * ((64 << 20) + 1), TOO_LARGE),
        ("other.md", "", MISSING),
    ],
)
def test_what_is_no_notebook_is_said(student: Student, name: str, content: str, status: int) -> None:
    student.write(name, content)
    assert student.refused("n.ipynb") == status


def test_odd_files_are_not_waited_for(student: Student) -> None:
    os.mkfifo(student.work / "pipe.ipynb")
    (student.work / "folder.ipynb").mkdir()
    (student.work / "zero.ipynb").symlink_to("/dev/zero")
    (student.work / "latin.md").write_bytes(b"\xe9\xff")
    assert [student.refused(f"{name}.ipynb") for name in ("pipe", "folder", "zero")] == [MISSING] * 3
    assert student.refused("latin.md") == UNREADABLE


def test_a_page_that_would_be_too_large_is_not_made(student: Student) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "<" * (20 << 20)}
    assert student.refused(student.cells(code("x", output))) == TOO_LARGE


def test_the_program_says_why_and_ends_with_a_status(student: Student) -> None:
    def run(notebook: str) -> tuple[int, str, str]:
        argv = (sys.executable, "-I", str(TOOLS / "render.py"), json.dumps(student.request(notebook)))
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout[:15], done.stderr

    assert run(student.cells(text("x")))[:2] == (0, "<!DOCTYPE html>")
    assert run("w1/absent.md") == (MISSING, "", "there is no notebook absent.md\n")


@pytest.mark.parametrize(
    "source",
    [
        "> " * 5000 + "x",
        "*" * 20_000,
        "[" * 20_000,
        "$" + "{" * 3900 + "$",
        "$$" + "\\frac{" * 600 + "$$",
        "$x^$ " * 3000,
    ],
)
def test_hostile_markdown_comes_to_an_end(student: Student, source: str) -> None:
    student.page(student.cells(text(source)))
