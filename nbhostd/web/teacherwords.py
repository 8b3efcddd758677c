"""What teachers are told about students, looks and drop areas, by reason: what happened, and what to do."""

from __future__ import annotations

from nbhostd.web.languages import N_

_LIST = N_("Look at the list: it may have changed meanwhile.")
_RENAME = N_("Give the file a plain name, and send it again.")

TEACHER_WORDS: dict[str, tuple[str, str]] = {
    "no-such-student": (N_("This course has no student of this name."), _LIST),
    "no-workspace": (
        N_("There is no such workspace in this course."),
        N_("It is made when the student opens a notebook for the first time."),
    ),
    "not-of-the-staff": (
        N_("Only your own work files and those of the staff can be cleared."),
        N_("Who is of the staff is said in the course’s settings."),
    ),
    "look-over": (
        N_("This look is over: a notebook is shown for ten minutes."),
        N_("Go back to the student, and look again."),
    ),
    "nothing-to-look-at": (N_("This student has no such notebook (any more)."), _LIST),
    "not-lookable": (
        N_("This file cannot be shown as a notebook."),
        N_("The student can open it; ask what it is."),
    ),
    "too-large-to-look-at": (
        N_("This notebook is too large to be shown."),
        N_("Ask the student to clear the largest outputs and to save."),
    ),
    "bad-drop-area-name": (
        N_("This is no name of a drop area."),
        N_("It has letters, digits, “_”, “.” and “-”, and begins with a letter or a digit."),
    ),
    "no-such-area": (N_("This course has no drop area of this name."), _LIST),
    "empty-area": (N_("This drop area has no file yet."), N_("Put files into it first.")),
    "no-such-file": (N_("This drop area has no such file."), _LIST),
    "bad-file-path": (N_("A file cannot be called that here."), _RENAME),
    "area-not-plain": (N_("Something that is no plain file has this name here."), _RENAME),
    "file-too-big": (N_("This file is too large."), N_("At most 256 MB: every student gets a copy.")),
    "no-files": (N_("This form has no files that could be read."), N_("Choose the files again.")),
    "too-many-files": (N_("These are too many files at a time."), N_("Send a hundred at a time.")),
    "no-length": (N_("The file’s size must be said."), N_("Send it with a Content-Length.")),
}
