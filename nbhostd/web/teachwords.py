"""What teachers are told of a course that cannot be changed or built so, by reason: what happened, and what to do."""

from __future__ import annotations

from nbhostd.web.languages import N_

_WAIT = N_("Wait until that has ended, and try again.")

TEACH_WORDS: dict[str, tuple[str, str]] = {
    "building": (N_("Something is being built just now, one thing at a time."), _WAIT),
    "no-recipe": (
        N_("This course has no recipe of its own for an image."),
        N_("Put a Containerfile into its folder nbhosting, and pull; or choose another image."),
    ),
    "no-image": (N_("The image of this course is not on this server."), N_("Build it first.")),
    "foreign-image": (
        N_("The course's recipe starts from an image that it may not use."),
        N_(
            "It starts from nbhosting/minimal-notebook, nbhosting/scipy-notebook, or an image with its registry's name."
        ),
    ),
    "recipe-too-large": (N_("The course's recipe is too large."), N_("A recipe has at most 64 kB.")),
    "not-an-image-of-yours": (
        N_("This is none of the images that this course can have."),
        N_("Choose one of the list; any other is set by the staff of this site."),
    ),
    "bad-staff": (
        N_("These are not all names."),
        N_(
            "One name a line: of an account, of a student of a platform, or @ and a group's name. Exact names, no patterns."
        ),
    ),
    "bad-groups": (N_("These are not all names of groups."), N_("One group a line, by its exact name.")),
    "no-such-group": (
        N_("One of these groups does not exist."),
        N_("Look at how it is written; an administrator makes groups."),
    ),
    "no-such-branch": (N_("The repository has no such branch."), N_("Look at the course's settings.")),
    "no-such-build": (
        N_("This course has no such static site."),
        N_("Look at “builds” in its nbhosting.yaml."),
    ),
    "reset-without-names": (
        N_("Name the students whose copies are to be replaced."),
        N_("Only a merge, or a reset where no merge is possible, can be done for all."),
    ),
}
