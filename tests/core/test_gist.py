"""The gist of a notebook: what jupytext and Jupyter write by themselves is not in it, what a person writes is."""

from __future__ import annotations

import json
from typing import Any

import jupytext
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.gist import LARGEST, gist

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

PERCENT = """# %% [markdown]
# # Title
#
# text

# %% {"tags": ["solution"]}
x = 1


def f():
    return x
# %%
print(f())
"""
LIGHT = """# # Title
#
# text

# + {"tags": ["solution"]}
x = 1

y = 2
# -

print(x)
"""
MARKDOWN = """# Title

text
```python tags=["solution"]
x = 1

y = 2
```
more

```python
print(x)
```
"""
MYST = """# Title

```{code-cell}
:tags: [solution]

x = 1

y = 2
```

+++

more

```{code-cell} ipython3
print(x)
```
"""
BODIES = {"py:percent": PERCENT, "py:light": LIGHT, "md:markdown": MARKDOWN, "md:myst": MYST}


def with_header(format: str, body: str) -> str:
    """The text with the header that somebody's jupytext wrote, years ago."""
    extension, _, name = format.partition(":")
    jupytext_says = (
        f"text_representation: {{extension: .{extension}, format_name: {name}, jupytext_version: 1.11.2}}"
    )
    top = f"jupytext:\n  {jupytext_says}\nkernelspec: {{display_name: Python 3, language: python, name: python3}}"
    if name != "myst":
        top = "jupyter:\n  " + top.replace("\n", "\n  ")
    lines = ["---", *top.split("\n"), "---", ""]
    if extension == "py":
        lines = [f"# {line}".rstrip() if line else line for line in lines]
    return "\n".join(lines) + "\n" + body


TEXTS = {format: with_header(format, body) for format, body in BODIES.items()}


def suffix(format: str) -> str:
    return "." + format.partition(":")[0]


def of_text(format: str, text: str) -> str:
    return gist(suffix(format), text.encode())


def saved(format: str, text: str) -> str:
    """What Jupyter makes of a text at its first save."""
    notebook = jupytext.reads(text, format)
    notebook.metadata["kernelspec"] = KERNEL
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3", "version": "3.13.5"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["editable"] = False
            cell.outputs = [nbformat.v4.new_output("stream", text="1")]
    return str(jupytext.writes(notebook, format))


def ipynb(*cells: Any, **metadata: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def code(source: object, **more: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **more}


@pytest.mark.parametrize("format", TEXTS)
def test_a_text_that_was_only_saved_has_the_same_gist(format: str) -> None:
    text = TEXTS[format]
    after = saved(format, text)
    assert after != text
    assert of_text(format, after) == of_text(format, text) != ""
    assert of_text(format, text.replace("\n", "\r\n")) == of_text(format, text)


@pytest.mark.parametrize("format", TEXTS)
@pytest.mark.parametrize(
    ("old", "new"), [("x = 1", "x = 2"), ("text\n", "a text\n"), ("print(", "    print("), ("x = 1\n", "x = 1\n\n# mine\n\n")]
)  # fmt: skip
def test_what_a_person_changes_is_seen_before_and_after_a_save(format: str, old: str, new: str) -> None:
    text = TEXTS[format]
    mine = text.replace(old, new, 1)
    if mine == text:
        return  # this sample has no such words
    assert of_text(format, mine) != of_text(format, text)
    assert of_text(format, saved(format, mine)) != of_text(format, text)


@pytest.mark.parametrize("format", ["py:percent", "md:markdown", "md:myst"])
def test_another_order_type_or_number_of_cells_is_a_change(format: str) -> None:
    notebook = jupytext.reads(TEXTS[format], format)
    known = of_text(format, TEXTS[format])
    first, *rest = notebook.cells
    for cells in (
        [*rest, first],
        rest,
        [first, nbformat.v4.new_code_cell("mine"), *rest],
        [nbformat.v4.new_code_cell(first.source), *rest],
    ):
        notebook.cells = cells
        assert of_text(format, jupytext.writes(notebook, format)) != known


def test_an_ipynb_is_its_cells_types_and_sources() -> None:
    known = gist(".ipynb", ipynb(code("x = 1\ny = 2"), {"cell_type": "markdown", "source": ["a"]}))
    same = ipynb(
        code(["x = 1\n", "y = 2"], id="ab12", execution_count=3, outputs=[{"text": "1"}]),
        {"cell_type": "markdown", "source": "a", "metadata": {"tags": ["x"]}, "id": "cd34"},
        code(""),
        kernelspec=KERNEL,
    )
    assert gist(".ipynb", same) == known != ""
    for other in (
        ipynb(code("x = 1\ny = 3"), {"cell_type": "markdown", "source": "a"}),
        ipynb({"cell_type": "markdown", "source": "a"}, code("x = 1\ny = 2")),
        ipynb(code("x = 1\ny = 2"), code("a")),
        ipynb(code("x = 1\ny = 2"), {"cell_type": "markdown", "source": "a"}, code("mine")),
    ):
        assert gist(".ipynb", other) != known


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'"x"', b"null", b'{"cells": 3}', b'{"cells": [3]}', b'{"cells": [{}]}',
        b'{"cells": [{"source": {"a": 1}, "cell_type": "code"}]}', b'{"cells": [{"source": [1], "cell_type": "code"}]}',
        b"[" * 200_000, b'{"cells": ' * 1000, b'"\xff"', b"9" * 5000, b" " * (LARGEST + 1),
    ],
)  # fmt: skip
def test_what_is_no_notebook_has_no_gist(content: bytes) -> None:
    assert gist(".ipynb", content) == ""


def test_a_text_that_is_no_text_or_too_large_has_no_gist() -> None:
    assert gist(".py", b"\xff\xfe") == ""
    assert gist(".md", b"x" * (LARGEST + 1)) == ""


@given(st.sampled_from([".py", ".md", ".ipynb"]), st.text(alphabet='#-+`{}:%[]~ \t\nax<!/"', max_size=200))
def test_no_text_whatever_is_too_much_for_it(suffix: str, text: str) -> None:
    assert gist(suffix, text.encode()) == gist(suffix, text.encode())
