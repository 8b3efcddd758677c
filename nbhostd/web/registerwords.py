"""What is said of a table of people, for the catalogues: the same sentences as in core/remarks.py, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable

from nbhostd.core.remarks import SENTENCES, Remark
from nbhostd.web.languages import N_

AT_LINE = N_("line {line}: {what}")

TRANSLATED = frozenset(
    {
        N_("the file is larger than {most} kB"),
        N_("more than {most} people: make several files of it"),
        N_("the file is empty"),
        N_("there is nobody in this file"),
        N_("this is not how CSV is written ({error})"),
        N_("has {count} columns, and the first line {first}"),
        N_("there are two columns “{column}”"),
        N_("there is no column “email”; the first line says what is in which"),
        N_("there is no e-mail address"),
        N_("no user name can be made from “{value}”: give one in a column “username”"),
        N_("a name is too long, or no plain text"),
        N_("“{value}” is not an e-mail address"),
        N_("“{value}” is not a user name"),
        N_("“{value}” is not a group name"),
        N_("a password has at least 10 characters"),
        N_("a password has at most 1024 bytes"),
        N_("a password is not made from the person’s name or e-mail address"),
        N_("this password is among the first that anybody would try"),
        N_("the address is in line {other} already"),
        N_("the user name “{name}” is in line {other} already"),
        N_("the file is not UTF-8: it was read as Windows-1252; look at the accents"),
        N_("the column “{column}” is not known, and left out"),
        N_("the same as line {other}"),
    }
)


def said(remark: str, say: Callable[[str], str]) -> str:
    """The remark in the language of `say`; a sentence that is no remark stays as it is."""
    if not isinstance(remark, Remark):
        return remark
    what = say(SENTENCES[remark.reason]).format(**remark.values)
    return say(AT_LINE).format(line=remark.line, what=what) if remark.line else what
