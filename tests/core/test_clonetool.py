"""The clone tool's answers, as they are read and told: hostile ones too, since a student's files are in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.clonetool import (
    CloneAnswer,
    PullOptions,
    Reset,
    adopt_request,
    listed,
    parse_answer,
    pull_request,
    words,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD, NEW = "1" * 40, "2" * 40


def test_requests_are_what_the_tool_reads() -> None:
    user = {"name": "alice", "email": "alice@nb.example.org"}
    assert adopt_request("alice", "alice@nb.example.org", NOON) == {
        "do": "adopt", "user": user, "stamp": "20261123T120000Z",
    }  # fmt: skip
    request = pull_request("alice", "alice@nb.example.org", NOON, PullOptions(Reset.IF_NEEDED, dry_run=True))
    assert request == {
        "do": "pull", "user": user, "stamp": "20261123T120000Z",
        "reset": "if-needed", "resync": False, "dry_run": True,
    }  # fmt: skip


def _answer(**fields: object) -> CloneAnswer:
    return parse_answer(json.dumps({"outcome": "merged", **fields}).encode())


def test_an_answer_is_read_whole() -> None:
    answer = _answer(
        before=OLD, after=NEW, upstream=NEW, branch="main", kept=["refs/x"], conflicts=[], stripped=["a.ipynb"],
        committed=["a.ipynb", "b.py"], has=[True], notes=["A sentence."], would=None, something_new=1,
    )  # fmt: skip
    assert answer == CloneAnswer(
        "merged", OLD, NEW, NEW, "main", ("refs/x",), (), ("a.ipynb",), ("a.ipynb", "b.py"), ("A sentence.",)
    )
    assert answer.good


@pytest.mark.parametrize(
    "output", [b"", b"[]", b"{}", b"null", b'{"outcome": "great"}', b'{"outcome": ["merged"]}', b"\xff"]
)
def test_what_is_no_answer_is_refused(output: bytes) -> None:
    with pytest.raises(ValueError):
        parse_answer(output)


@given(st.dictionaries(st.sampled_from(["before", "kept", "conflicts", "branch", "notes", "would"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()), st.lists, max_leaves=5
)))  # fmt: skip
def test_any_fields_make_an_answer_that_can_be_told(fields: dict[str, object]) -> None:
    answer = _answer(**fields)
    words(answer).encode()
    assert all(isinstance(path, str) for path in answer.conflicts)


def test_a_thousand_conflicts_are_cut() -> None:
    answer = _answer(outcome="conflict", conflicts=[f"{n}.md" for n in range(1000)], notes=["x" * 5000])
    assert len(answer.conflicts) == 200
    assert len(answer.notes[0]) == 1024
    assert "0.md, 1.md, 2.md, 3.md, 4.md and 195 more" in words(answer)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": "up-to-date", "before": NEW, "after": NEW}, "up to date"),
        (
            {"outcome": "fast-forwarded", "before": OLD, "after": NEW},
            "fast-forwarded (1111111111 → 2222222222)",
        ),
        (
            {"outcome": "conflict", "conflicts": ["w1/n.md"], "kept": ["refs/nbhosting/before/x"]},
            "CONFLICT, nothing merged; in w1/n.md; kept: refs/nbhosting/before/x",
        ),
        ({"outcome": "behind", "would": "conflict", "notes": ["It would."]}, "behind; It would."),
    ],
)
def test_one_line_tells_a_teacher_what_became_of_it(fields: dict[str, object], said: str) -> None:
    assert words(_answer(**fields)) == said


def test_a_dry_run_is_as_good_as_what_it_foresees() -> None:
    assert _answer(outcome="behind", would="fast-forwarded").good
    assert not _answer(outcome="behind", would="conflict").good
    assert not _answer(outcome="behind").good


def test_a_short_list_is_told_whole() -> None:
    assert listed(["a", "b"]) == "a, b"
