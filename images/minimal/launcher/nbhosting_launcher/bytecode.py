"""The byte code of a start's modules in one file, found by name instead of by a search through the path for each.

A start imports some 850 modules; looking for them, opening and checking their files is a tenth of its CPU time.
`python -m nbhosting_launcher --rehearse` writes the file when the image is built. A module whose source has
changed since (a course may upgrade a package) is imported as ever.
"""

import importlib.util
import marshal
import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

TABLE = Path(__file__).with_name("bytecode.table")

LENGTH_BYTES = 8  # of the index, at the file's beginning

# Where a module's source is, its time and size then, and where its code is in the file.
Entry = tuple[str, int, int, int, int]


class FromTable(SourceFileLoader):
    """Loads one module's code from the table; for all else it is the loader of the module's source."""

    def __init__(self, fullname: str, path: str, code: memoryview) -> None:
        super().__init__(fullname, path)
        self._code: memoryview | None = code

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code; asked again, when the table may be gone, read it from the module's own file."""
        code, self._code = self._code, None
        return super().get_code(fullname) if code is None else marshal.loads(code)


class Finder(MetaPathFinder):
    """Finds the modules of the table, as long as their sources are what they were."""

    def __init__(self, index: dict[str, Entry], content: memoryview) -> None:
        self._index = index
        self._content = content

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec that loads from the table, or None."""
        entry = self._index.get(fullname)
        if entry is None:
            return None
        origin, mtime, size, start, end = entry
        try:
            found = os.stat(origin)
        except FileNotFoundError:
            return None
        if (int(found.st_mtime), found.st_size) != (mtime, size):
            return None
        locations = [os.path.dirname(origin)] if origin.endswith("/__init__.py") else None
        loader = FromTable(fullname, origin, self._content[start:end])
        return importlib.util.spec_from_file_location(
            fullname, origin, loader=loader, submodule_search_locations=locations
        )


@contextmanager
def reuse() -> Iterator[None]:
    """Import from the table while the block runs; without a fitting table, change nothing."""
    finder = _read()
    if finder is None:
        yield
        return
    # Last but for the search through the path: what trim postpones stays postponed.
    sys.meta_path.insert(len(sys.meta_path) - 1, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _read() -> Finder | None:
    """Return a finder for the table, None when there is none or when another Python wrote it."""
    try:
        with TABLE.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        return None
    start = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES])
    made_by, index = marshal.loads(content[LENGTH_BYTES:start])
    return Finder(index, content[start:]) if made_by == importlib.util.MAGIC_NUMBER else None


def write() -> int:
    """Write the table of all modules that are loaded now from sources; return how many they are."""
    index: dict[str, Entry] = {}
    codes: list[bytes] = []
    start = 0
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or spec.name != name or type(spec.loader) is not SourceFileLoader:
            continue
        found = os.stat(spec.origin)
        codes.append(marshal.dumps(spec.loader.get_code(name)))
        end = start + len(codes[-1])
        index[name] = (spec.origin, int(found.st_mtime), found.st_size, start, end)
        start = end
    head = marshal.dumps((importlib.util.MAGIC_NUMBER, index))
    TABLE.write_bytes(b"".join((len(head).to_bytes(LENGTH_BYTES), head, *codes)))
    return len(index)
