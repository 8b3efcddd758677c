"""What error pages and messages say on the site's own pages, by reason: what happened, and what to do."""

from __future__ import annotations

from nbhostd.web.languages import N_

FORBIDDEN = N_("You may not do this")
"""The heading where somebody's rights do not suffice."""

_ASK = N_("If you should be able to, ask an administrator of this site.")
_AGAIN = N_("Go back, load the page again, and send the form once more.")

SITE_WORDS: dict[str, tuple[str, str]] = {
    "not-logged-in": (
        N_("This is for people who are logged in."),
        N_("Log in, and come back to this address."),
    ),
    "login-ended": (
        N_("The login with which this page was opened has ended."),
        N_("Log in again: that leads back to this page. What was saved is there."),
    ),
    "not-your-course": (
        N_("You have no course of this name."),
        N_("If it should be yours, ask its teacher to add you to its group."),
    ),
    "not-teacher": (N_("Only teachers of this course can do this."), _ASK),
    "not-staff": (N_("Only the staff of this site can do this."), _ASK),
    "not-administrator": (N_("Only administrators of this site can do this."), _ASK),
    "not-in-scope": (N_("This token was not made for this."), N_("Make one with the scope that is needed.")),
    "bad-token": (N_("This token is not valid."), N_("It was revoked, or has expired: make a new one.")),
    "foreign-form": (N_("This form was sent by a page of another site."), _AGAIN),
    "stale-form": (N_("This form was made before you logged in, or is too old."), _AGAIN),
    "wrong-password": (
        N_("The name or the password is wrong."),
        N_("Look at capital letters; your teacher can send you a link to choose a new password."),
    ),
    "account-shut": (N_("This account is shut."), N_("Ask your teacher, or an administrator of this site.")),
    "link-gone": (
        N_("This link was used already, or is too old."),
        N_("Ask for a new one where you got it."),
    ),
    "no-such-job": (N_("There is no such job."), N_("Look at the list of jobs.")),
    "not-cancellable": (
        N_("This job cannot be cancelled, or has ended already."),
        N_("Load the page again to see how it ended."),
    ),
    "course-busy": (
        N_("This course is being pulled or changed just now."),
        N_("Wait until that has ended, and try again."),
    ),
    "pull-conflict": (
        N_("You and the course have changed the same places: git cannot merge these files by itself."),
        N_("Your copy still has your version of them. Merge by hand in Jupyter, or ask your teacher."),
    ),
    "pull-unfinished": (
        N_("A merge or a rebase that you began is not finished: nothing was touched."),
        N_("Open Jupyter, finish it or abort it, and pull again."),
    ),
    "pull-locked": (
        N_("Another git command is at work in your copy."),
        N_("Try again in a minute. If it happens again, tell your teacher."),
    ),
    "pull-failed": (
        N_("The course could not be pulled into your copy."),
        N_("Your work is safe. If it happens again, tell your teacher."),
    ),
    "no-public-group": (
        N_("This site has no group of this name."),
        N_("If you came from a page of your course, tell your teacher: the address in it is wrong."),
    ),
    "not-a-classroom": (
        N_("A classroom’s address names its course."),
        N_("Look at the list of your courses."),
    ),
    "bad-language": (N_("This site speaks English and French."), _AGAIN),
}
"""Reasons without an entry here or in faults.py show the message that came with them."""

BY_RIGHTS = frozenset(
    {"not-teacher", "not-staff", "not-administrator", "not-in-scope", "foreign-form", "stale-form"}
)
"""Reasons under the heading FORBIDDEN."""
