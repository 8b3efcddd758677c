"""What is said of a table of people: sentences with values, in English here; the pages have them in other languages."""

from __future__ import annotations

SENTENCES = {
    "file-too-large": "the file is larger than {most} kB",
    "too-many-people": "more than {most} people: make several files of it",
    "empty": "the file is empty",
    "nobody": "there is nobody in this file",
    "no-csv": "this is not how CSV is written ({error})",
    "columns": "has {count} columns, and the first line {first}",
    "column-twice": "there are two columns “{column}”",
    "no-email-column": "there is no column “email”; the first line says what is in which",
    "no-email": "there is no e-mail address",
    "no-name": "no user name can be made from “{value}”: give one in a column “username”",
    "bad-name": "a name is too long, or no plain text",
    "bad-email": "“{value}” is not an e-mail address",
    "bad-student-name": "“{value}” is not a user name",
    "bad-group-name": "“{value}” is not a group name",
    "password-too-short": "a password has at least 10 characters",
    "password-too-long": "a password has at most 1024 bytes",
    "password-personal": "a password is not made from the person’s name or e-mail address",
    "password-common": "this password is among the first that anybody would try",
    "address-twice": "the address is in line {other} already",
    "name-twice": "the user name “{name}” is in line {other} already",
    "encoding": "the file is not UTF-8: it was read as Windows-1252; look at the accents",
    "unknown-column": "the column “{column}” is not known, and left out",
    "same-line": "the same as line {other}",
}
"""By reason. Their translations are asked for by web/registerwords.py."""

AT_LINE = "line {line}: {what}"


class Remark(str):
    """One of the sentences, as English; with its parts, so that it can be said in another language."""

    __slots__ = ("line", "reason", "values")

    line: int
    """Of the table; 0 for all of it."""
    reason: str
    values: dict[str, object]

    def __new__(cls, reason: str, line: int = 0, **values: object) -> Remark:
        what = SENTENCES[reason].format(**values)
        remark = super().__new__(cls, AT_LINE.format(line=line, what=what) if line else what)
        remark.line, remark.reason, remark.values = line, reason, values
        return remark
