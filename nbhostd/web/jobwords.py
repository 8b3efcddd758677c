"""Jobs in words: what kinds there are, how they end, and what became of each student's copy."""

from __future__ import annotations

from nbhostd.core import clonetool
from nbhostd.core.model import JobState
from nbhostd.web.languages import N_

KINDS = {
    "create": N_("Creation of a course"),
    "pull": N_("Pull"),
    "build": N_("Building an image"),
    "site": N_("Building a static site"),
    "pull-students": N_("Pull for the students"),
    "drop": N_("Handing out files"),
    "letters": N_("Letters with links"),
    "measure": N_("Measuring workspaces"),
    "clear": N_("Clearing work files of the staff"),
    "stop-idle": N_("Stopping what is idle"),
    "roll-out": N_("Rolling out an image"),
    "prune": N_("Removing what is not used"),
    "delete": N_("Deletion of a course"),
    "details": N_("Looking into an image"),
}
STATES = {
    JobState.RUNNING: N_("running"),
    JobState.SUCCEEDED: N_("succeeded"),
    JobState.FAILED: N_("failed"),
    JobState.CANCELLED: N_("cancelled"),
    JobState.LOST: N_("lost: nbhostd ended under it"),
}
TONES = {
    JobState.RUNNING: "note",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "warn",
    JobState.LOST: "bad",
}
OUTCOMES = {
    "up-to-date": N_("has everything"),
    "ahead": N_("has everything, and own commits"),
    "fast-forwarded": N_("brought up to date"),
    "merged": N_("merged"),
    "committed-and-merged": N_("own changes committed, then merged"),
    "reset": N_("reset to the course"),
    "resynced": N_("cloned anew"),
    "cloned": N_("cloned"),
    "adopted": N_("made a clone"),
    "present": N_("is a clone"),
    clonetool.BEHIND: N_("behind"),
    clonetool.CONFLICT: N_("conflict: nothing merged"),
    clonetool.UNFINISHED: N_("in the middle of a merge: not touched"),
    clonetool.NO_CLONE: N_("no copy with git"),
    clonetool.LOCKED: N_("another git is at work in it"),
    clonetool.FAILED: N_("could not be done"),
}


def outcome_tone(end: str) -> str:
    """How an outcome stands out."""
    if end in clonetool.GOOD:
        return "plain" if end in ("up-to-date", "ahead", "present") else "good"
    return "bad" if end in (clonetool.CONFLICT, clonetool.FAILED) else "warn"
