"""Which files a requested notebook may mean."""

from __future__ import annotations

from nbhostd.core.errors import Refused
from nbhostd.core.names import NOTEBOOK_SUFFIXES, NotebookPath

_WITHOUT_SUFFIX = (".py", ".ipynb", ".md")
_BY_SUFFIX = {".md": (".md",), ".py": (".py", ".ipynb"), ".ipynb": (".ipynb", ".py")}


def candidates(requested: NotebookPath) -> tuple[NotebookPath, ...]:
    """The paths to try, best first.

    The predecessor's table, but a suffix that is not a notebook's is part of the stem: 'w1/1.2-intro' may be
    'w1/1.2-intro.md'.
    """
    suffixes = _BY_SUFFIX.get(requested.suffix, _WITHOUT_SUFFIX)
    return tuple(path for suffix in suffixes if (path := _path(requested.stem_path + suffix)) is not None)


def other_suffixes(notebook: NotebookPath) -> tuple[NotebookPath, ...]:
    """The same notebook under the other suffixes that a notebook can have."""
    others = (notebook.stem_path + suffix for suffix in NOTEBOOK_SUFFIXES if suffix != notebook.suffix)
    return tuple(path for other in others if (path := _path(other)) is not None)


def _path(text: str) -> NotebookPath | None:
    try:
        return NotebookPath.parse(text)
    except Refused:  # the suffix made it too long: no such file can exist
        return None
