"""What administrators are told when something is refused, by reason: what happened, and what to do."""

from __future__ import annotations

from nbhostd.web.languages import N_

_HIDDEN = N_("The field below has what you entered; correct it, and send it again.")

ADMIN_WORDS: dict[str, tuple[str, str]] = {
    "account-exists": (
        N_("There is already an account of this name."),
        N_("Choose another name, or change that account."),
    ),
    "no-such-account": (
        N_("There is no such account."),
        N_("Look at how the names are written; capital letters count."),
    ),
    "last-administrator": (
        N_("This is the last administrator of this site."),
        N_("Make another one first: without any, nobody could make one here."),
    ),
    "unused-image": (
        N_("No course has this image."),
        N_("Load the page again: a course may have got another one."),
    ),
    "group-exists": (N_("There is already a group of this name."), N_("Choose another name.")),
    "bad-group-name": (
        N_("This is not a group’s name."),
        N_("It has letters, digits, blanks, “.”, “_” and “-”, and begins with a letter or digit."),
    ),
    "bad-email": (N_("This is not an e-mail address."), _HIDDEN),
    "bad-person-name": (N_("This name is too long, or no plain text."), _HIDDEN),
    "course-exists": (
        N_("There is already a course of this name, or what was left of one."),
        N_("Choose another name."),
    ),
    "course-in-use": (
        N_("Something is in the way: workspaces that run, students’ files, or files in the drop areas."),
        N_("Say in the form that they are to be stopped, or deleted with the course."),
    ),
    "not-typed": (
        N_("What you typed is not the name."),
        N_("Nothing was deleted. Type the name exactly as it is shown."),
    ),
    "bad-git-url": (
        N_("This is not the address of a repository."),
        N_("It is https://HOST/PATH, ssh://HOST/PATH, HOST:PATH, or a path on this computer."),
    ),
    "bad-branch": (N_("This is not a branch’s name."), _HIDDEN),
    "bad-image-name": (
        N_("This is not an image’s name."),
        N_("Write minimal, scipy, own, or the name of an image that is here."),
    ),
    "nothing-chosen": (N_("Nothing was chosen."), N_("Tick the workspaces that are meant.")),
    "bad-day": (N_("This is not a day."), N_("Write it as 2026-01-31.")),
    "bad-workspace": (N_("A workspace is written COURSE/STUDENT."), _HIDDEN),
}
"""Merged into those of faults.py."""
