"""What notebooks say of themselves: as jupytext reads it, in every format that it writes."""

from __future__ import annotations

import json
from typing import Any

import jupytext
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.names import NotebookPath
from nbhostd.core.notebookmeta import LARGEST_IPYNB, LONGEST_HEAD, NotebookFacts, NotebookHead, read_head

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
FORMATS = {
    "py:percent": "a.py",
    "py:light": "a.py",
    "md:markdown": "a.md",
    "md:myst": "a.md",
    "ipynb": "a.ipynb",
}


def notebook(**metadata: object) -> Any:
    cells = [nbformat.v4.new_markdown_cell("# déjà vu"), nbformat.v4.new_code_cell("1 + 1")]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, **metadata})


def facts(name: str, text: str | bytes) -> NotebookFacts:
    content = text if isinstance(text, bytes) else text.encode()
    return read_head(NotebookPath(name), content).facts


@pytest.mark.parametrize(("format", "name"), FORMATS.items())
@pytest.mark.parametrize(
    ("metadata", "title", "version", "buttons"),
    [
        ({"nbhosting": {"title": "L'été, « un » : deux", "version": "2.10"}}, "L'été, « un » : deux", "2.10", False),
        ({"nbhosting": {"title": "T", "show_up_down_buttons": True}, "notebookname": "no"}, "T", "", True),
        ({"nbhosting": {"show_up_down_buttons": False}, "notebookname": "N", "version": 3}, "N", "3", False),
        ({"nbhosting": {"title": "", "show_up_down_buttons": 0}}, "", "", False),
        ({"nbhosting": "odd", "version": None}, "", "", False),
        ({"nbhosting": {"title": "two\nlines\x1b[31m"}}, "two lines[31m", "", False),
        ({}, "", "", False),
    ],
)  # fmt: skip
def test_a_notebook_as_jupytext_writes_it(
    format: str, name: str, metadata: dict[str, object], title: str, version: str, buttons: bool
) -> None:
    written = jupytext.writes(
        notebook(**metadata, jupytext={"notebook_metadata_filter": "all"}) if format != "ipynb" else notebook(**metadata),
        fmt=format,
    )  # fmt: skip
    head = read_head(NotebookPath(name), written.encode())
    assert head.facts == NotebookFacts(title or name, version, format, buttons)
    assert (head.kernel, head.trouble) == ("python3", "")


@pytest.mark.parametrize(
    "text",
    [
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# ---\n# jupyter:\n#   nbhosting: {title: T}\n# ---\n1\n",
        "# ---\n# title: other\n# author: x\n# jupyter:\n#   nbhosting:\n#     title: T\n# other: y\n# ---\n\n1\n",
    ],
)
def test_a_script_with_more_than_a_header(text: str) -> None:
    assert jupytext.reads(text, fmt="py").metadata["nbhosting"]["title"] == "T"
    assert facts("a.py", text).title == "T"


def test_a_header_that_is_hidden_in_a_comment() -> None:
    metadata = {"hide_notebook_metadata": True, "notebook_metadata_filter": "all"}
    written = jupytext.writes(notebook(nbhosting={"title": "T"}, jupytext=metadata), fmt="md")
    assert written.startswith("<!--")
    assert facts("a.md", written).title == "T"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "# A text"),
        ("a.md", ""),
        ("a.md", "---\ntitle: Front matter of something else\n---\n"),
        ("a.md", "---\n\nafter a line\n"),
        ("a.md", "text\n---\njupyter:\n  nbhosting: {title: no}\n---\n"),
        ("a.py", "import os\n"),
        ("a.py", "# a comment\n# ---\n# jupyter:\n#   nbhosting: {title: no}\n# ---\n"),
        ("a.py", "\n# ---\n# jupyter:\n#   nbhosting: {title: no}\n# ---\n"),
        ("a.md", "---\njupyter: 3\n---\n"),
        ("a.md", "---\n- jupyter\n---\n"),
    ],
)
def test_a_text_without_a_header_is_called_as_its_file(name: str, text: str) -> None:
    head = read_head(NotebookPath(name), text.encode())
    assert head.facts == NotebookFacts(name)
    assert (head.kernel, head.trouble) == ("", "")


@pytest.mark.parametrize(
    ("name", "content", "trouble"),
    [
        ("a.md", b"\xff\xfe", "it is not UTF-8"),
        ("a.md", b"---\njupyter: [\n---\n", "its header is not YAML: "),
        ("a.md", b"---\njupyter:\n  a: b\n", "its header does not end"),
        ("a.md", b"---\njupyter:\n" + b"  a: b\n" * LONGEST_HEAD + b"---\n", "its header does not end"),
        ("a.md", b"---\njupyter: " + b"[" * 20_000 + b"\n---\n", "its header is nested too deeply"),
        ("a.ipynb", b"{", "it is not JSON"),
        ("a.ipynb", b"\xff\xfe\x00", "it is not JSON"),
        ("a.ipynb", b"[]", "it is not a notebook: it has no metadata"),
        ("a.ipynb", b'{"metadata": 3, "cells": []}', "it is not a notebook: it has no metadata"),
        ("a.ipynb", b'{"metadata": {}}', "it is not a notebook: it has no cells"),
        ("a.ipynb", b"[" * 200_000, "it is nested too deeply"),
        ("a.ipynb", b" " * (LARGEST_IPYNB + 1), "it is larger than 4 MB"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, content: bytes, trouble: str) -> None:
    head = read_head(NotebookPath(name), content)
    assert (head.facts.title, head.facts.version) == (name, "n/a")
    assert head.trouble.startswith(trouble)


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_large_notebook_is_not_parsed_whole(indent: int | None) -> None:
    large = notebook(
        nbhosting={"title": 'A "large" one \\', "version": "2"}, other={"metadata": {"title": "no"}}
    )
    large.cells[0].metadata = {"nbhosting": {"title": "a cell's"}}
    large.cells[0].source = '"metadata": {"nbhosting": {"title": "no"}} \\" }]}' * 10_000
    content = json.dumps(large, indent=indent).encode()
    assert len(content) > 1 << 19
    assert read_head(NotebookPath("a.ipynb"), content) == NotebookHead(
        NotebookFacts('A "large" one \\', "2", "ipynb"), "python3"
    )
    for broken in (
        content[:-5],
        content.replace(b'"cells"', b'"other"'),
        b'"' + b'\\"' * 200_000,
        b"[" * 300_000,
    ):
        assert read_head(NotebookPath("a.ipynb"), broken).trouble
    ends = content.rindex(b'"metadata"')
    assert read_head(NotebookPath("a.ipynb"), content[:ends] + b'"metadata": [1' + b"}" * 9).trouble


def test_a_character_cut_by_the_limit_is_no_fault() -> None:
    for cut in range(3):
        text = "---\njupyter: {nbhosting: {title: T}}\n---\n" + "x" * cut + "€" * LONGEST_HEAD
        assert facts("a.md", text.encode()[: LONGEST_HEAD + 1]).title == "T"


def test_aliases_cost_nothing() -> None:
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    text = f"---\na0: &a0 x\n{bomb}jupyter: {{nbhosting: {{title: T}}, version: *a29}}\n---\n"
    assert facts("a.md", text) == NotebookFacts("T", "", "md")


@pytest.mark.parametrize(
    ("version", "label"),
    [("", ""), ("n/a", ""), ("1.0", ""), ("0.0", ""), ("0", ""), ("..", ""), ("0.1", "v0.1"), ("2", "v2"), ("10", "v10")],
)  # fmt: skip
def test_the_version_as_it_is_shown(version: str, label: str) -> None:
    assert NotebookFacts("t", version).version_label == label


@given(st.sampled_from(["a.py", "a.md", "a.ipynb"]), st.binary(max_size=100))
def test_nothing_is_fatal(name: str, content: bytes) -> None:
    for prefix in (b"", b"---\n", b"# ---\n# "):
        read_head(NotebookPath(name), prefix + content + b"\n---\n")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["nbhosting", "title", "version", "jupytext", "format_name", "kernelspec"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=10,
    )
)  # fmt: skip
def test_no_metadata_is_fatal(metadata: object) -> None:
    read_head(NotebookPath("a.ipynb"), json.dumps({"metadata": metadata, "cells": []}).encode())
    read_head(NotebookPath("a.md"), f"---\njupyter: {json.dumps(metadata)}\n---\n".encode())
