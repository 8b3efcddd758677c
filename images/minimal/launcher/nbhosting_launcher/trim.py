"""Keeps out of the server's start what it never or rarely needs; kernels are other processes and see none of this.

Measure with `python -X importtime -m nbhosting_launcher`. Packages stay installed, so that `pip check` holds and a
course that brings them back as somebody's dependency does not make its students' starts slower.
"""

import importlib.util
import sys

# Optional imports of jsonschema for format checks that no schema of Jupyter relies on; the first one compiles a
# grammar when imported, which takes longer than all the rest of the start.
BLOCKED = ("rfc3987_syntax", "isoduration")

# Whole packages that others import by name and touch only inside functions.
POSTPONED = ("requests", "httpx")


def block_imports() -> None:
    """Make the import of every name in BLOCKED raise ImportError."""
    for name in BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment]


def postpone_imports() -> None:
    """Make the import of every name in POSTPONED happen at its first use; a name not installed is left alone."""
    for name in POSTPONED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            continue
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
