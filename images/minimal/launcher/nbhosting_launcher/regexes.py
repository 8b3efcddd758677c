"""Regular expressions translated once, when the image is built, instead of at every start.

The server's modules compile some 500 patterns while they are imported: a seventh of a start's CPU time, nearly all of
it in translating pattern to code. `python -m nbhosting_launcher --rehearse` writes down the code; `reuse` finds it
again. A pattern that is not in the table, or a table of another Python, costs what it always did.
"""

import marshal
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("regexes.table")

Pattern = tuple[str | bytes, int]
Code = tuple[Any, ...]

# The standard library's own pieces: re.compile calls _compiler.compile, which ends in _sre.compile.
_compiler: Any = re._compiler  # type: ignore[attr-defined]
_sre: Any = _compiler._sre


def this_python() -> tuple[int, int]:
    """Return what the translated code depends on."""
    return sys.hexversion, _sre.MAGIC


@contextmanager
def reuse() -> Iterator[None]:
    """Take translated patterns from the table while the block runs; without a fitting table, change nothing."""
    table = _read()
    original = _compiler.compile

    def compile_from_table(pattern: Any, flags: int = 0) -> Any:
        known = table.get((pattern, int(flags))) if isinstance(pattern, str | bytes) else None
        return original(pattern, flags) if known is None else _sre.compile(pattern, *known)

    if table:
        _compiler.compile = compile_from_table
    try:
        yield
    finally:
        _compiler.compile = original


def _read() -> dict[Pattern, Code]:
    """Return the table, empty when there is none or when another Python wrote it."""
    try:
        made_by, table = marshal.loads(TABLE.read_bytes())
    except FileNotFoundError:
        return {}
    return table if made_by == this_python() else {}


def record(action: Callable[[], object]) -> dict[Pattern, Code]:
    """Do the action and return the code of every pattern that it compiled."""
    table: dict[Pattern, Code] = {}
    original = _compiler.compile

    def compile_and_note(pattern: Any, flags: int = 0) -> Any:
        """Compile as ever, with a listener in the place of _sre that sees what the translation came to."""
        if isinstance(pattern, str | bytes):
            _compiler._sre = _Listener(table, (pattern, int(flags)))
        try:
            return original(pattern, flags)
        finally:
            _compiler._sre = _sre

    _compiler.compile = compile_and_note
    try:
        action()
    finally:
        _compiler.compile = original
    return table


def write(action: Callable[[], object]) -> int:
    """Write the table of the patterns that the action compiles; return how many they are."""
    table = record(action)
    TABLE.write_bytes(marshal.dumps((this_python(), table)))
    return len(table)


class _Listener:
    """Stands for the module _sre during one compilation and notes the arguments of its `compile`."""

    def __init__(self, table: dict[Pattern, Code], key: Pattern) -> None:
        self._table = table
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(_sre, name)

    def compile(self, pattern: Any, flags: int, code: list[int], *rest: Any) -> Any:
        """Note and pass on."""
        groups, groupindex, indexgroup = rest
        # A translation counts in small int subclasses, which marshal does not know.
        plain = [int(number) for number in code]
        self._table[self._key] = (int(flags), plain, groups, dict(groupindex), indexgroup)
        return _sre.compile(pattern, flags, code, *rest)
