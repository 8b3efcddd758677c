"""Notebooks without their outputs."""

import json
from typing import Any

import clone_strip
import pytest

from tests.toolbox.classroom import notebook


def test_outputs_and_counts_go_and_the_rest_stays() -> None:
    ran = notebook("a", "b", outputs=True)
    assert clone_strip.stripped(ran, None) == notebook("a", "b")


def test_nothing_to_strip_is_none() -> None:
    assert clone_strip.stripped(notebook("a"), notebook("b")) is None


def test_one_that_was_only_run_is_the_former_to_the_byte_with_the_former_s_outputs() -> None:
    former = notebook("a", "b", outputs=True, indent=2, title="w1")
    ran = json.loads(notebook("a", "b", title="w1", language_info={"version": "3.13"}))
    ran["cells"][0]["source"] = "a"
    ran["cells"][1]["metadata"] = {"execution": {"iopub.status.busy": "now"}, "scrolled": True}
    assert clone_strip.stripped(json.dumps(ran).encode(), former) == former


def test_work_is_seen_in_text_order_and_metadata() -> None:
    former = notebook("a", "b")
    for changed in (notebook("a", "c"), notebook("b", "a"), notebook("a"), notebook("a", "b", title="mine")):
        assert clone_strip.stripped(changed, former) is None


def test_former_s_indentation_is_kept() -> None:
    changed = clone_strip.stripped(notebook("mine", outputs=True), notebook("a", indent=4))
    assert changed == notebook("mine", indent=4)


@pytest.mark.parametrize("metadata", [{"keep_output": True}, {"tags": ["keep_output"]}])
def test_outputs_that_are_to_be_kept_are_kept(metadata: dict[str, Any]) -> None:
    ran = json.loads(notebook("a", "b", outputs=True))
    ran["cells"][0]["metadata"] = metadata
    left = json.loads(clone_strip.stripped(json.dumps(ran).encode(), None) or b"{}")
    assert [bool(cell["outputs"]) for cell in left["cells"]] == [True, False]
    whole = notebook("a", outputs=True, **metadata)
    assert clone_strip.stripped(whole, None) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"nbformat": 3, "worksheets": []}',
        b'{"nbformat": 4, "cells": {}}',
        b'{"nbformat": 4, "cells": [1]}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [1], "source": "\\ud800"}]}',
        b"<<<<<<< HEAD\n{}",
        b'{"nbformat": 4, "cells": [], "metadata": 1}',
    ],
)
def test_what_is_no_notebook_is_left_alone(content: bytes) -> None:
    assert clone_strip.stripped(content, None) is None
    assert clone_strip.stripped(notebook("a"), content) is None


def test_letters_stay_letters() -> None:
    ran = json.dumps(json.loads(notebook("été", outputs=True)), ensure_ascii=False, indent=1).encode()
    assert "été".encode() in (clone_strip.stripped(ran, None) or b"")
