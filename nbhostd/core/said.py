"""Sentences that the core makes: in English, and with their parts, so that pages can say them in another language."""

from __future__ import annotations

from typing import Self


def N_(message: str) -> str:  # noqa: N802  # the name that extractors of messages know
    """The message as it is; the name says that it is translated where it is shown."""
    return message


class Said(str):
    """`template` with its `values` filled in, of which some may be Said themselves. Extractors know its name, too."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        said = super().__new__(cls, template.format(**values) if values else template)
        said.template, said.values = template, values
        return said
