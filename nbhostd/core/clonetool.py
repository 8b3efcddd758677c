"""The tool that works in students' clones (images/toolbox/clone.py): what it is asked, and what its answer means."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TOOL = "clone"
HEAD = ".git/HEAD"
"""The file that says that a workspace is a clone."""

_MOST_ITEMS = 200
_LONGEST_ITEM = 1024


class Reset(enum.StrEnum):
    """When a student's branch is put where the course is, whatever is in it (a ref keeps that)."""

    NO = "no"
    IF_NEEDED = "if-needed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How a pull goes about it."""

    reset: Reset = Reset.NO
    resync: bool = False
    """Put what is there aside and clone anew: for the hopeless."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class CloneAnswer:
    """What the tool did in one clone. Commits are hex; `kept` is where what was there before still is."""

    outcome: str
    before: str | None = None
    after: str | None = None
    upstream: str | None = None
    branch: str = ""
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    stripped: tuple[str, ...] = ()
    committed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    would: str = ""
    """What a pull would end as, in a dry run of one that has something to do."""

    @property
    def end(self) -> str:
        """The outcome, or in a dry run the one to expect."""
        return self.would or self.outcome

    @property
    def good(self) -> bool:
        """Whether the clone has all that the course has, or would have without the dry run."""
        return self.end in GOOD


ADOPTED = frozenset({"cloned", "adopted", "present"})
GOOD = ADOPTED | {
    "up-to-date", "ahead", "fast-forwarded", "merged", "committed-and-merged", "reset", "resynced",
}  # fmt: skip
BEHIND, CONFLICT, UNFINISHED, NO_CLONE, LOCKED = "behind", "conflict", "unfinished", "no-clone", "locked"
FAILED = "failed"
"""The tool could not work at all; ours, never the tool's own word."""
OUTCOMES = GOOD | {BEHIND, CONFLICT, UNFINISHED, NO_CLONE, LOCKED}


def adopt_request(name: str, email: str, now: datetime) -> dict[str, object]:
    """Make the workspace a clone, whatever is in it; nothing of the student's is lost."""
    return _request("adopt", name, email, now)


def pull_request(name: str, email: str, now: datetime, options: PullOptions) -> dict[str, object]:
    """Bring the course's commits into the student's branch."""
    return {
        **_request("pull", name, email, now),
        "reset": options.reset.value,
        "resync": options.resync,
        "dry_run": options.dry_run,
    }


def _request(do: str, name: str, email: str, now: datetime) -> dict[str, object]:
    user = {"name": name, "email": email}
    return {"do": do, "user": user, "stamp": f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"}


def parse_answer(output: bytes) -> CloneAnswer:
    """What the tool wrote, with its lists cut to what a person can read. Raises ValueError when it is no answer."""
    found = json.loads(output.decode(errors="replace"))
    if not isinstance(found, dict) or _text(found.get("outcome")) not in OUTCOMES:
        raise ValueError(f"this is no answer: {output[:200]!r}")
    return CloneAnswer(
        outcome=found["outcome"],
        before=_hex(found.get("before")),
        after=_hex(found.get("after")),
        upstream=_hex(found.get("upstream")),
        branch=_text(found.get("branch")),
        kept=_texts(found.get("kept")),
        conflicts=_texts(found.get("conflicts")),
        stripped=_texts(found.get("stripped")),
        committed=_texts(found.get("committed")),
        notes=_texts(found.get("notes")),
        would=_text(found.get("would")),
    )


def _hex(value: Any) -> str | None:
    return value[:64] if isinstance(value, str) else None


def _text(value: Any) -> str:
    """A file name may be no UTF-8: what cannot be written down is shown as it can."""
    text = value[:_LONGEST_ITEM] if isinstance(value, str) else ""
    return text.encode(errors="backslashreplace").decode()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in value[:_MOST_ITEMS]) if isinstance(value, list) else ()


def words(answer: CloneAnswer) -> str:
    """One line for a teacher or an administrator: the outcome, and what to know of it."""
    said = [_SAYINGS.get(answer.outcome, answer.outcome)]
    if answer.before and answer.after and answer.before != answer.after:
        said[0] += f" ({answer.before[:10]} → {answer.after[:10]})"
    for verb, paths in (("in", answer.conflicts), ("outputs stripped from", answer.stripped)):
        if paths:
            said.append(f"{verb} {listed(paths)}")
    if answer.committed:
        said.append(f"{len(answer.committed)} changed files committed")
    if answer.kept:
        said.append(f"kept: {listed(answer.kept)}")
    said += answer.notes
    return "; ".join(said)


_SAYINGS = {
    "up-to-date": "up to date",
    "ahead": "has all of it, and own commits",
    BEHIND: "behind",
    "committed-and-merged": "own changes committed, then merged",
    CONFLICT: "CONFLICT, nothing merged",
    UNFINISHED: "in the middle of a merge or rebase, not touched",
    NO_CLONE: "no git repository",
    LOCKED: "another git is at work in it",
}


def listed(items: Sequence[str], most: int = 5) -> str:
    """The first few of a list, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
