"""The animation as a few of its pictures: evenly spread, the last one always among them, and each as the film has it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.figures import Animation, Frame

frames = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=3, unique_by=lambda one: one[0]),
    max_size=40,
)


@given(frames, st.integers(1, 9))
def test_each_stage_is_what_the_film_shows_then(told: list[list[tuple[int, int]]], most: int) -> None:
    film = Animation(("a", "b", "c"), tuple(Frame(end, tuple(more)) for end, more in enumerate(told)))
    stages = film.stages(most)
    assert len(stages) == min(most, len(told))
    sums = Counter[int]()
    until = {}
    for end, more in enumerate(told):
        sums.update(dict(more))
        until[end] = tuple(sums[place] for place in range(3))
    assert stages == [(end, until[end]) for end, _ in stages]
    assert not told or stages[-1][0] == len(told) - 1
    steps = [after - before for (before, _), (after, _) in pairwise(stages)]
    assert max(steps, default=1) - min(steps, default=1) <= 1
