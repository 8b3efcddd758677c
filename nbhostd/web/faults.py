"""What an error page says: from a status and a stable reason to sentences for a student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.web.adminwords import ADMIN_WORDS
from nbhostd.web.doorwords import DOOR_WORDS
from nbhostd.web.languages import N_
from nbhostd.web.sitewords import BY_RIGHTS, FORBIDDEN, SITE_WORDS
from nbhostd.web.teacherwords import TEACHER_WORDS
from nbhostd.web.teachwords import TEACH_WORDS


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as it is shown: nothing in here is internal. `incident` finds the log's lines."""

    status: int
    reason: str
    message: str
    retry_after: int | None = None
    incident: str = ""
    allow: str = ""
    login: str = ""
    """Where a page that is shown in a frame logs in, in the whole window."""


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and what to do, in English; the catalogues have the other languages."""

    happened: str
    advice: str


_Said = TypeVar("_Said")

_TITLES = {
    400: N_("This address is not right"),
    401: N_("Please log in"),
    403: N_("This notebook cannot be opened from here"),
    404: N_("There is nothing at this address"),
    405: N_("This cannot be done here"),
    409: N_("Something else is under way"),
    410: N_("This link has expired"),
    413: N_("This is too large"),
    421: N_("This address is not right"),
    429: N_("One moment, please"),
    500: N_("Something went wrong on our side"),
    502: N_("The server could not do this"),
    503: N_("One moment, please"),
}
_OTHER_TITLE = N_("This did not work")

_RELOAD = N_("Reload the page of your course: it makes a new link.")
_TELL = N_("If it happens again, tell your teacher.")
_TELL_ADDRESS = N_("If you came from a page of your course, tell your teacher: the address in it is wrong.")


def merged(*parts: Mapping[str, _Said]) -> dict[str, _Said]:
    """All of them in one. Raises ValueError for a word that two of them have: one would hide the other."""
    whole: dict[str, _Said] = {}
    for part in parts:
        if twins := whole.keys() & part.keys():
            raise ValueError(f"said twice: {', '.join(sorted(twins))}")
        whole |= part
    return whole


_OWN_WORDS = {
    "bad-course-name": Words(
        N_("The name of the course in this address is not a valid name."), _TELL_ADDRESS
    ),
    "bad-student-name": Words(
        N_("The name of the student in this address is not a valid name."), _TELL_ADDRESS
    ),
    "bad-notebook-path": Words(
        N_("The notebook in this address is not a path inside a course."), _TELL_ADDRESS
    ),
    "bad-page": Words(
        N_("Only Jupyter's own pages “lab” and “tree” can be opened with such an address."), _TELL_ADDRESS
    ),
    "bad-encoding": Words(N_("This address has characters that cannot be read."), _TELL_ADDRESS),
    "bad-inner-url": Words(N_("This address leads outside the workspace."), _RELOAD),
    "not-a-launch": Words(
        N_("A notebook's address is made of a course, a notebook and a student."), _TELL_ADDRESS
    ),
    "no-such-course": Words(N_("This server has no course of this name."), _TELL_ADDRESS),
    "not-a-clone": Words(
        N_("This workspace is not a clone of its course."),
        N_("Open it once with an address of your class: that makes the clone."),
    ),
    "no-such-notebook": Words(N_("This course has no notebook of this name."), _TELL_ADDRESS),
    "no-stop-here": Words(
        N_("An address stops no workspace any more."),
        N_("Close its pages: it stops by itself when nobody uses it. An administrator can stop it at once."),
    ),
    "no-share-here": Words(
        N_("An address shares no notebook any more."),
        N_("Open the notebook: its menu has “Share Static Version”."),
    ),
    "bad-choice": Words(N_("This page offers two ways on, and this is neither."), _RELOAD),
    "not-converted": Words(
        N_("Your earlier file could not be converted; it stays as it is."),
        N_("Reload the page of your course to begin with the new version, or ask your teacher."),
    ),
    "no-such-share": Words(
        N_("This page does not exist: it was never shared, or it was taken back."),
        N_("Ask whoever gave you the address."),
    ),
    "nothing-to-share": Words(
        N_("Your workspace has no such notebook."), N_("Save the notebook, then share it again.")
    ),
    "unreadable-notebook": Words(
        N_("This file cannot be read as a notebook."),
        N_("If you have shared it before, that version is still there."),
    ),
    "too-many-shares": Words(
        N_("You share as many static versions in this course as one can."),
        N_("Take one back that nobody needs any more, then share this one."),
    ),
    "too-large-to-share": Words(
        N_("This notebook is too large for a static version."),
        N_("Clear the largest outputs, save, and share it again."),
    ),
    "not-rendered": Words(
        N_("This notebook could not be made into a page."),
        N_("If you have shared it before, that version is still there. Tell your teacher."),
    ),
    "no-such-site": Words(
        N_("This server has no such page, or it is for members of the course only."), _TELL_ADDRESS
    ),
    "expired-site": Words(
        N_("This address of a course's pages has expired."), N_("Ask your teacher for a new one.")
    ),
    "not-found": Words(N_("This server has no such page."), _TELL_ADDRESS),
    "not-signed": Words(
        N_("Notebooks are opened from the pages of a course, which sign the link for you."),
        N_("Go to your course and open the notebook there."),
    ),
    "bad-launch": Words(N_("This link is incomplete."), _RELOAD),
    "bad-signature": Words(
        N_("The signature of this link does not fit: it was changed, or signed with another key."), _RELOAD
    ),
    "expired-launch": Words(N_("This link was made too long ago."), _RELOAD),
    "too-long-launch": Words(
        N_("This link asks to be good for too long."),
        N_("Tell your teacher: the clock of the course's site or its settings are wrong."),
    ),
    "used-launch": Words(N_("This link was used already: it opens a notebook once."), _RELOAD),
    "bad-ticket": Words(N_("This link was not made here, or it was changed."), _RELOAD),
    "expired-ticket": Words(N_("This page has waited for too long."), _RELOAD),
    "moved": Words(N_("This workspace was started again, and has another address now."), _RELOAD),
    "no-such-workspace": Words(
        N_("This address led to a workspace that was started again since, or is gone."), _RELOAD
    ),
    "no-cookie": Words(N_("This workspace was opened from another page, or in another browser."), _RELOAD),
    "foreign-origin": Words(N_("Another site tried to do something in your workspace."), _RELOAD),
    "wrong-host": Words(N_("This workspace is not at this address."), _RELOAD),
    "wrong-method": Words(N_("This address can be opened, and nothing else."), _RELOAD),
    "bad-method": Words(N_("This address can be opened, and nothing else."), _RELOAD),
    "bug": Words(
        N_("This is a fault in this server, not in what you did."),
        N_("Try again in a minute. If it happens again, give your teacher the number below."),
    ),
    "world": Words("", N_("Try again in a minute. If it happens again, tell your teacher.")),
    "not-now": Words("", N_("Your work is safe. Reload the page of your course in a minute.")),
}
_WORDS = merged(
    _OWN_WORDS,
    {
        reason: Words(*said)
        for reason, said in merged(SITE_WORDS, DOOR_WORDS, TEACHER_WORDS, ADMIN_WORDS, TEACH_WORDS).items()
    },
)

SAID_BELOW = (
    N_("Too many students are waiting to start; please come back in a minute."),
    N_("The workspace is starting."),
    N_("The notebook server did not answer. Reload the page in a moment."),
    N_("The server's disk is full."),
    N_("The server's database is busy."),
    N_("There is no space left for your files."),
    N_("Your files cannot be reached."),
    N_("A notebook of yours is being shared just now."),
    N_("Too many notebooks are being shared just now."),
    N_("Too many notebooks are being looked at just now."),
    N_("The file could not be received."),
    N_("The drop areas cannot be reached."),
    N_("Your files could not be handled in time."),
    N_("The copy of the course in your workspace could not be worked on."),
    N_("A git command is still at work in your workspace; please come back in a minute."),
    N_(
        "The image of this course is not on this server yet; the course's teacher or the administrator can build it."
    ),
    N_("Too many students wait for this just now."),
    N_("This could not be done."),
    N_("This took too long."),
    N_("Too many attempts to log in; please wait."),
    N_("You have asked too often; please wait."),
    N_("Many people are logging in. Try again in a moment."),
    N_("No memory for logins now. Try again in a moment."),
)
"""Messages of the floors below that a student may read as they are: listed here for their translation."""

_FAILURES = {
    "image": Words(
        N_("The software of this course is not ready on this server."),
        N_("Your teacher or the administrator can make it ready. Your work is safe."),
    ),
    "memory": Words(
        N_("It ran out of memory while it started."),
        N_("Your work is safe. Try again; if it fails again, tell your teacher."),
    ),
}
_ANY_FAILURE = Words(
    N_("The server tried, and the notebook's program did not start."),
    N_("Your work is safe. Try again; if it fails again, tell your teacher."),
)


def title(fault: Fault) -> str:
    """The heading of a fault's page, in English."""
    return FORBIDDEN if fault.reason in BY_RIGHTS else _TITLES.get(fault.status, _OTHER_TITLE)


def words(fault: Fault) -> Words:
    """What a page says of a fault; its own message where the reason has no sentence of its own."""
    known = _WORDS.get(fault.reason, Words("", _TELL))
    return Words(known.happened or fault.message, known.advice)


def failure_words(reason: str) -> Words:
    """What the page says of a start that failed for this reason (a stable word of the lifecycle)."""
    return _FAILURES.get(reason, _ANY_FAILURE)


def fault_of(error: NbhostdError) -> Fault:
    """How an error of ours is shown."""
    if isinstance(error, NotNow):
        return Fault(error.status, "not-now", error.message, retry_after=error.retry_after)
    reason = error.reason if isinstance(error, Refused) else "world"
    return Fault(error.status, reason, error.message)
