"""What a student is told of a pull into the own clone: one sentence of what happened, one of what to do."""

from __future__ import annotations

from nbhostd.core import clonetool
from nbhostd.web.faults import Words
from nbhostd.web.languages import N_

_NEW = Words(N_("Your copy has everything that is new in the course."), "")
_WORDS = {
    "up-to-date": Words(N_("Your copy has everything that the course has."), ""),
    "ahead": Words(N_("Your copy has everything that the course has, and your own commits."), ""),
    "committed-and-merged": Words(
        N_("Your copy has everything that is new in the course; your own changes were committed first."), ""
    ),
    clonetool.CONFLICT: Words(
        N_("You and the course have changed the same places: git cannot merge these files by itself."),
        N_("Your copy still has your version of them. Merge by hand in Jupyter, or ask your teacher."),
    ),
    clonetool.UNFINISHED: Words(
        N_("A merge or a rebase that you began is not finished: nothing was touched."),
        N_("Open Jupyter, finish it or abort it, and pull again."),
    ),
    clonetool.LOCKED: Words(
        N_("Another git command is at work in your copy."),
        N_("Try again in a minute. If it happens again, tell your teacher."),
    ),
}
_NOT = Words(
    N_("The course could not be pulled into your copy."),
    N_("Your work is safe. If it happens again, tell your teacher."),
)

GONE = Words(
    N_("Your copy has everything that the course has, but not this notebook: it was deleted or moved in it."),
    N_("You can bring the course's version of it back."),
)


def pull_words(outcome: str) -> Words:
    """What to say of an outcome of the clone tool."""
    return _WORDS.get(outcome, _NEW if outcome in clonetool.GOOD else _NOT)
