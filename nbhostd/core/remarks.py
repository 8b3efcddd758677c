"""What is said of a table of people, by reason."""

from __future__ import annotations

from typing import Self

from nbhostd.core.said import N_, Said

SENTENCES = {
    "file-too-large": N_("the file is larger than {most} kB"),
    "too-many-people": N_("more than {most} people: make several files of it"),
    "empty": N_("the file is empty"),
    "nobody": N_("there is nobody in this file"),
    "no-csv": N_("this is not how CSV is written ({error})"),
    "columns": N_("has {count} columns, and the first line {first}"),
    "column-twice": N_("there are two columns “{column}”"),
    "no-email-column": N_("there is no column “email”; the first line says what is in which"),
    "no-email": N_("there is no e-mail address"),
    "no-name": N_("no user name can be made from “{value}”: give one in a column “username”"),
    "bad-name": N_("a name is too long, or no plain text"),
    "bad-email": N_("“{value}” is not an e-mail address"),
    "bad-student-name": N_("“{value}” is not a user name"),
    "bad-group-name": N_("“{value}” is not a group name"),
    "password-too-short": N_("a password has at least 10 characters"),
    "password-too-long": N_("a password has at most 1024 bytes"),
    "password-personal": N_("a password is not made from the person’s name or e-mail address"),
    "password-common": N_("this password is among the first that anybody would try"),
    "address-twice": N_("the address is in line {other} already"),
    "name-twice": N_("the user name “{name}” is in line {other} already"),
    "encoding": N_("the file is not UTF-8: it was read as Windows-1252; look at the accents"),
    "unknown-column": N_("the column “{column}” is not known, and left out"),
    "same-line": N_("the same as line {other}"),
}
"""By reason."""

AT_LINE = N_("line {line}: {what}")


class Remark(Said):
    """One of the sentences; `line` is the one of the table, 0 for all of it."""

    def __new__(cls, reason: str, line: int = 0, **values: object) -> Self:
        what = Said(SENTENCES[reason], **values)
        if line:
            return super().__new__(cls, AT_LINE, line=line, what=what)
        return super().__new__(cls, what.template, **values)
