"""Lines of the predecessor's raw files: what is written is read back as it was, and what cannot be is not written."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbhostd.core.counts import CountPoint, HostCount, Running
from nbhostd.core.figures import Recorded, stem
from nbhostd.core.predecessor import event
from nbhostd.core.rawfiles import count, count_line, event_line, has_spaces, past_count

AT = 1704067200

a_number = st.one_of(st.none(), st.integers(0, (1 << 63) - 1))
a_point = st.builds(
    CountPoint,
    st.integers(0, 4 * 10**9).map(lambda at: at // 60 * 60),
    st.builds(Running, st.integers(0, 999), st.integers(0, 999), a_number),
    st.builds(Running, a_number, a_number),
    st.builds(HostCount, *(a_number for _ in fields(HostCount))),
)


@given(a_point)
def test_a_count_is_read_as_it_was_written(point: CountPoint) -> None:
    line = count_line(point)
    assert all(int(word) >= -1 for word in line.split()[1:])
    found = count(line)
    assert found is not None
    read = past_count(found)
    assert CountPoint(read.at, read.course, read.all, read.host) == point


def test_older_counts_are_shorter() -> None:
    found = count("2024-01-01T00:00:00 1 2 3\n")
    assert found == (AT, 1, 2, 3)
    read = past_count(found)
    assert (read.course, read.all, read.host) == (Running(1, 3, None), Running(None, None), HostCount())
    assert count("2024-01-01T00:00:00 1 None - -7") == (AT, 1, -1, -1, -1)


@pytest.mark.parametrize("line", ["", "\n", "# names and more", "#"])
def test_a_line_may_count_nothing(line: str) -> None:
    assert count(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "2024-01-01T00:00:00",
        "2024-01-01 1 2",
        "yesterday 1 2",
        "2024-01-01T00:00:00 one",
        "2024-01-01T00:00:00 1.5",
        f"2024-01-01T00:00:00 {1 << 63}",
        "2024-01-01T00:00:00" + " 1" * 19,
    ],
)
def test_what_is_no_count_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        count(line)


@pytest.mark.parametrize(
    "numbers", [[], [1], [1, "2"], [1, None], [1, True], [1, 1 << 63], [1] * 20, [1, 2.5]]
)
def test_what_is_no_count_is_not_made_one(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="no count"):
        past_count(numbers)


@given(
    st.integers(0, 4 * 10**9),
    st.sampled_from(["alice", "jean.dupont", "été"]),
    st.sampled_from(["open", "reset", "stop", "start", "share"]),
    st.text(st.sampled_from("ab /-.\n\r\t\v\u2028é"), max_size=12)
    | st.sampled_from(
        ["a existing", "existing", "killing", "- killing", "7", "-", "w1/a.md", "a.ipynb", " a", "a  b "]
    ),
)
@example(AT, "alice", "open", "a existing 0")
@example(AT, "alice", "open", "killing -")
def test_an_event_is_read_as_it_was_written_or_not_written(
    at: int, student: str, kind: str, notebook: str
) -> None:
    line = event_line("python", Recorded(1, at, student, kind, notebook))
    if line is None:
        return
    assert line == line.strip("\r\n")
    found = event(line + "\n")
    assert found is not None
    as_told = ("open", notebook) if kind != "stop" else ("stop", "")
    assert (found[1], found[2], stem(found[3])) == (student, *as_told)


def test_the_predecessor_finds_six_words() -> None:
    assert event_line("python", Recorded(1, AT, "alice", "open", "w1/a")) == (
        "2024-01-01T00:00:00 python alice w1/a existing 0"
    )
    assert event_line("python", Recorded(1, AT, "alice", "reset", "w1/été-b")) == (
        "2024-01-01T00:00:00 python alice w1/été-b existing 0"
    )
    assert event_line("python", Recorded(1, AT, "alice", "stop", "")) == (
        "2024-01-01T00:00:00 python alice - killing -"
    )
    assert event_line("python", Recorded(1, AT, "alice", "open", "un nom à espaces")) == (
        "2024-01-01T00:00:00 python alice un nom à espaces existing 0"
    )
    assert [has_spaces(name) for name in ("w1/a", "un nom", "a\u00a0b", "a\tb")] == [False, True, True, True]


@pytest.mark.parametrize(
    ("kind", "notebook"),
    [("start", ""), ("share", "w1/a"), ("open", ""), ("open", "a\nb"), ("open", "-"), ("open", "a.md")],
)
def test_what_has_no_word_there_is_not_written(kind: str, notebook: str) -> None:
    assert event_line("python", Recorded(1, AT, "alice", kind, notebook)) is None
